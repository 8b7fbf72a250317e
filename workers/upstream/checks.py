"""Whether a file is what it should be: a result is believed when its bytes have been looked at, and not before.

Sources of what upstreams deliver instead: shared/protocols/suno.md D (a page of words, an empty file, a stream's
address, `None.mp3`), stable-diffusion.md (a face swap that swapped nothing).
"""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from storage.errors import UpstreamMalformed
from storage.job import Job, Kind
from workers.adapters.base import File
from workers.engines.base import Artifact

MAX_PIXELS = 100_000_000
SHORTEST_S = 0.05
_WHOLE = 0.97  # of the length that a recording says it has: encoders round it up
_UNKNOWN = 1 << 40  # samples: what is read of a stream whose head does not say how long it is
_SILENT = 0.001  # of full scale: nobody hears a recording whose peak is below

_HEADS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "audio/mp4"),
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
)
_FRAME = 0xE0  # the eleven bits with which a frame of MPEG audio begins


class _Sound(NamedTuple):
    duration_s: float
    peak: float


def checked(path: Path, file: File, job: Job) -> Artifact:
    """The file as a part of a result, under a name of its own kind. Blocks. Raises UpstreamMalformed."""
    if not path.stat().st_size:
        raise UpstreamMalformed("the upstream delivered an empty file")
    if job.kind == Kind.TRANSCRIPTION:
        return Artifact(file.part, str(path), "application/json")
    kind = _kind(path, file.content_type)
    if kind.startswith("image/"):
        width, height = _size(path)
        return Artifact(file.part, str(path), kind, width_px=width, height_px=height)
    sound = _heard(path) if kind != "audio/pcm" and find_spec("soundfile") else None
    if sound and (sound.duration_s < SHORTEST_S or sound.peak < _SILENT):
        raise UpstreamMalformed("the upstream delivered a recording in which there is nothing to hear")
    return Artifact(file.part, str(path), kind, duration_s=round(sound.duration_s, 3) if sound else None)


def _kind(path: Path, claimed: str | None) -> str:
    """By its first bytes; the claim counts where there is no telling (PCM has no head)."""
    with path.open("rb") as file:
        head = file.read(16)
    for at, mark, kind in _HEADS:
        if head[at : at + len(mark)] == mark:
            return kind
    if len(head) > 1 and head[0] == 0xFF and head[1] & _FRAME == _FRAME:
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    if claimed and claimed.partition(";")[0].strip() == "audio/pcm":
        return "audio/pcm"
    raise UpstreamMalformed("the upstream delivered something that is neither a picture nor a recording")


def _size(path: Path) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UpstreamMalformed(
                        f"the upstream delivered a picture of {image.width} × {image.height} pixels"
                    )
                image.load()
                return image.size
    except UpstreamMalformed:
        raise
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them
        raise UpstreamMalformed("the upstream delivered a picture that cannot be decoded") from error


def _heard(path: Path) -> _Sound | None:
    """All of it, decoded; None for a format that is not read here."""
    import numpy as np
    import soundfile

    peak, frames, rate, told = 0.0, 0, 1, 0
    try:
        with soundfile.SoundFile(path) as file:
            rate, told = file.samplerate, file.frames
            # not `blocks`, which fills up what is missing with whatever lies in memory
            while len(block := file.read(rate * 10, dtype="float32", always_2d=True)):
                frames += len(block)
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        if path.read_bytes()[4:8] == b"ftyp" or _is_aac(path):  # libsndfile reads neither
            return None
        raise UpstreamMalformed("the upstream delivered a recording that cannot be decoded") from error
    if frames < _WHOLE * told < _UNKNOWN:
        raise UpstreamMalformed(f"the upstream delivered {frames / rate:.1f} s of a recording of {told / rate:.1f} s")
    return _Sound(frames / rate, peak)


def _is_aac(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(2)
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
