"""The finished speech as a file: mp3 by LAME, opus, flac and wav by libsndfile, aac by FFmpeg, pcm as it is.

AAC needs PyAV, which is 100 MB; everything else does without.
"""

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

from storage.errors import EngineFailed, EngineMisproduced
from workers.engines.base import Artifact
from workers.engines.speech.kokoro import RATE

CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_SUFFIXES = {"opus": "ogg"}
_COMMENT = "Speech made by a machine (Kokoro-82M)"

_MP3_KBPS = 64
_AAC_BPS = 64_000
_OPUS_LEVEL = 0.75  # libsndfile: 0 is 256 kbit/s a channel, 1 is 6; 0.75 gave 67 for speech
_TOLERANCE_S = 0.15  # AAC begins with a frame of its own, and ends on a whole one
_FLAT, _SILENT_RMS = 0.05, 0.002


def write(samples: Any, folder: Path, format: str) -> Artifact:
    """`samples`, 16-bit, shape (n,), as `speech.<format>`; read back and compared. Raises EngineMisproduced."""
    path = folder / f"speech.{_SUFFIXES.get(format, format)}"
    _WRITERS[format](samples, path)
    duration_s = len(samples) / RATE
    _check(_READERS.get(format, _by_sndfile)(path), samples, duration_s)
    return Artifact("main", str(path), CONTENT_TYPES[format], duration_s=round(duration_s, 3))


def _check(decoded: tuple[Any, int], samples: Any, duration_s: float) -> None:
    import numpy as np

    heard, rate = decoded
    if abs(len(heard) / rate - duration_s) > _TOLERANCE_S:
        raise EngineMisproduced(f"the file lasts {len(heard) / rate:.2f} s where {duration_s:.2f} s were spoken")
    loud = float(np.sqrt((heard.astype(np.float64) ** 2).mean())) if len(heard) else 0.0
    meant = float(np.sqrt(((samples / 32768.0) ** 2).mean())) if len(samples) else 0.0
    if loud < _SILENT_RMS or not 0.5 < loud / meant < 2:
        raise EngineMisproduced("the file does not hold what was spoken")
    if np.count_nonzero(np.abs(heard) >= 0.999) > _FLAT * len(heard):
        raise EngineMisproduced("the speech is clipped flat")


def _mp3(samples: Any, path: Path) -> None:
    from workers.engines.music.audio import encode_mp3

    encode_mp3(path, [samples[:, None]], RATE, kbps=_MP3_KBPS, comment=_COMMENT)


def _sndfile(container: str, subtype: str, level: float | None = None) -> Callable[[Any, Path], None]:
    def written(samples: Any, path: Path) -> None:
        import soundfile

        with soundfile.SoundFile(path, "w", RATE, 1, subtype, format=container, compression_level=level) as file:
            file.comment = _COMMENT
            for at in range(0, len(samples), RATE):  # one long write overflows the stack of libsndfile's Ogg encoders
                file.write(samples[at : at + RATE])

    return written


def _aac(samples: Any, path: Path) -> None:
    av = _pyav()
    with av.open(str(path), "w", format="adts") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=_AAC_BPS)
        size = 1024
        for at in range(0, len(samples), size):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + size], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pcm(samples: Any, path: Path) -> None:
    path.write_bytes(samples.astype("<i2").tobytes())


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "mp3": _mp3,
    "opus": _sndfile("OGG", "OPUS", _OPUS_LEVEL),
    "aac": _aac,
    "flac": _sndfile("FLAC", "PCM_16"),
    "wav": _sndfile("WAV", "PCM_16"),
    "pcm": _pcm,
}


def _by_sndfile(path: Path) -> tuple[Any, int]:
    import soundfile

    try:
        heard, rate = soundfile.read(path, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise EngineMisproduced("the speech that was made cannot be decoded") from error
    return heard, int(rate)


def _by_ffmpeg(path: Path) -> tuple[Any, int]:
    import numpy as np

    av = _pyav()
    try:
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    except av.FFmpegError as error:
        raise EngineMisproduced("the speech that was made cannot be decoded") from error
    return (np.concatenate(frames, axis=1)[0].astype(np.float32) if frames else np.zeros(0, np.float32)), RATE


def _raw(path: Path) -> tuple[Any, int]:
    import numpy as np

    return np.fromfile(path, "<i2").astype(np.float32) / 32768, RATE


_READERS: dict[str, Callable[[Path], tuple[Any, int]]] = {"aac": _by_ffmpeg, "pcm": _raw}


def _pyav() -> Any:
    try:
        return import_module("av")
    except ImportError as error:
        raise EngineFailed("aac needs av, which is not here: the operator installs ai-gateway[speech]") from error
