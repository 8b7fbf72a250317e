"""A finished file, decoded and compared with what it was made of, before anybody gets it as a success."""

from importlib import import_module
from pathlib import Path
from typing import Any

from storage.errors import EngineMisproduced
from workers.engines.speech.kokoro import RATE

_TOLERANCE_S = 0.15  # AAC begins with a frame of its own, and ends on a whole one
_FLAT, _SILENT_RMS = 0.05, 0.002


def check(decoded: tuple[Any, int], samples: Any, duration_s: float) -> None:
    """Raises EngineMisproduced unless what was decoded (samples, rate) is the sound of `samples`."""
    import numpy as np

    found, rate = decoded
    if abs(len(found) / rate - duration_s) > _TOLERANCE_S:
        raise EngineMisproduced(f"the file lasts {len(found) / rate:.2f} s where {duration_s:.2f} s were spoken")
    loud = float(np.sqrt((found.astype(np.float64) ** 2).mean())) if len(found) else 0.0
    meant = float(np.sqrt(((samples / 32768.0) ** 2).mean())) if len(samples) else 0.0
    if loud < _SILENT_RMS or not 0.5 < loud / meant < 2:
        raise EngineMisproduced("the file does not hold what was spoken")
    if np.count_nonzero(np.abs(found) >= 0.999) > _FLAT * len(found):
        raise EngineMisproduced("the speech is clipped flat")


def heard(path: Path) -> tuple[Any, int]:
    """The samples of a file, -1..1, and their rate. Raises EngineMisproduced if it cannot be decoded."""
    match path.suffix:
        case ".pcm":
            return _raw(path)
        case ".aac":
            return _by_ffmpeg(path)
        case _:
            return _by_sndfile(path)


def _by_sndfile(path: Path) -> tuple[Any, int]:
    import soundfile

    try:
        found, rate = soundfile.read(path, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise EngineMisproduced("the speech that was made cannot be decoded") from error
    return found, int(rate)


def _by_ffmpeg(path: Path) -> tuple[Any, int]:
    import numpy as np

    av: Any = import_module("av")
    try:
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    except av.FFmpegError as error:
        raise EngineMisproduced("the speech that was made cannot be decoded") from error
    return (np.concatenate(frames, axis=1)[0].astype(np.float32) if frames else np.zeros(0, np.float32)), RATE


def _raw(path: Path) -> tuple[Any, int]:
    import numpy as np

    return np.fromfile(path, "<i2").astype(np.float32) / 32768, RATE
