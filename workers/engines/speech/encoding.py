"""Speech as a file that grows while it is spoken: mp3 by LAME, flac and wav by libsndfile, opus and aac by FFmpeg.

What a file has gained by a sentence's end may be read at once. It stays as it is, but for what a header says of the
whole: that is put in at the end, in as many bytes as were there before.
"""

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from storage.errors import EngineFailed
from workers.engines.base import Artifact
from workers.engines.speech import checking
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
_BPS = 64_000  # opus and aac
_UNKNOWN = b"\xff\xff\xff\xff"


class _Writer(Protocol):
    """Writes 16-bit samples, shape (n,), to a file. All that is done by then is in the file when `add` returns."""

    def add(self, samples: Any) -> None: ...

    def close(self) -> None: ...


class Recording:
    """A file that grows: `speech.<format>` in a folder."""

    def __init__(self, folder: Path, format: str) -> None:
        self._format = format
        self._path = folder / f"speech.{_SUFFIXES.get(format, format)}"
        self._writer = _WRITERS[format](self._path)
        self._samples: list[Any] = []
        self._read = 0

    def add(self, samples: Any) -> None:
        """Go on with `samples`, 16-bit, shape (n,)."""
        self._samples.append(samples)
        self._writer.add(samples)

    def gained(self) -> bytes:
        """What has come to the file since the last look. Its header says that the length is not known."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        if self._format == "wav" and new and not self._read:
            new = _endless(new)
        self._read += len(new)
        return new

    def end(self) -> Artifact:
        """The whole file, read back and compared with what went in. Raises EngineMisproduced."""
        import numpy as np

        self._writer.close()
        samples = np.concatenate(self._samples)
        duration_s = len(samples) / RATE
        checking.check(checking.heard(self._path), samples, duration_s)
        return Artifact("main", str(self._path), CONTENT_TYPES[self._format], duration_s=round(duration_s, 3))


def write(samples: Any, folder: Path, format: str) -> Artifact:
    """`samples` as a file. Raises EngineMisproduced."""
    recording = Recording(folder, format)
    recording.add(samples)
    return recording.end()


def _endless(head: bytes) -> bytes:
    """The beginning of a WAV file with lengths that say "not known", as players of streams take it."""
    data = head.index(b"data") + 4
    return head[:4] + _UNKNOWN + head[8:data] + _UNKNOWN + head[data + 4 :]


class _Mp3:
    def __init__(self, path: Path) -> None:
        import lameenc

        self._path = path
        self._path.touch()
        self._frames = bytearray()
        self._samples = 0
        self._encoder = lameenc.Encoder()
        self._encoder.silence()
        self._encoder.set_bit_rate(_MP3_KBPS)
        self._encoder.set_in_sample_rate(RATE)
        self._encoder.set_channels(1)
        self._encoder.set_quality(5)

    def add(self, samples: Any) -> None:
        self._samples += len(samples)
        self._append(bytes(self._encoder.encode(samples.tobytes())))

    def _append(self, frames: bytes) -> None:
        with self._path.open("ab") as file:
            if frames and not self._frames:
                file.write(_mp3_head(frames, None))
            file.write(frames)
        self._frames += frames

    def close(self) -> None:
        self._append(bytes(self._encoder.flush()))
        with self._path.open("rb+") as file:
            file.write(_mp3_head(bytes(self._frames), self._samples))


def _mp3_head(frames: bytes, samples: int | None) -> bytes:
    from workers.engines.music.audio import id3, info_frame

    return id3("", _COMMENT) + info_frame(frames, samples)


class _Sndfile:
    def __init__(self, path: Path, container: str) -> None:
        import soundfile

        self._file = soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format=container)
        self._file.comment = _COMMENT

    def add(self, samples: Any) -> None:
        self._file.write(samples)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _Ffmpeg:
    """`bitexact`: an Ogg stream's number would be drawn by lot, and the same speech made again would be other bytes."""

    def __init__(self, path: Path, container: str, codec: str) -> None:
        self._av = _pyav()
        options = {"flush_packets": "1", "fflags": "+bitexact", "page_duration": "200000"}  # µs
        options = options if container == "ogg" else {"flush_packets": "1"}
        self._container = self._av.open(str(path), "w", format=container, container_options=options)
        self._container.metadata["comment"] = _COMMENT
        self._stream = self._container.add_stream(codec, rate=RATE, layout="mono", bit_rate=_BPS)
        self._at = 0

    def add(self, samples: Any) -> None:
        for at in range(0, len(samples), RATE):
            part = samples[None, at : at + RATE]
            frame = self._av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
            self._at += part.shape[1]
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Pcm:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()

    def add(self, samples: Any) -> None:
        with self._path.open("ab") as file:
            file.write(samples.astype("<i2").tobytes())

    def close(self) -> None:
        """Nothing is held back."""


_WRITERS: dict[str, Callable[[Path], _Writer]] = {
    "mp3": _Mp3,
    "opus": lambda path: _Ffmpeg(path, "ogg", "libopus"),
    "aac": lambda path: _Ffmpeg(path, "adts", "aac"),
    "flac": lambda path: _Sndfile(path, "FLAC"),
    "wav": lambda path: _Sndfile(path, "WAV"),
    "pcm": _Pcm,
}


def _pyav() -> Any:
    try:
        return import_module("av")
    except ImportError as error:
        raise EngineFailed("opus and aac need av: the operator installs ai-gateway[speech]") from error
