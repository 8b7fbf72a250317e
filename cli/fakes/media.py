"""Real files for fakes: short songs in MP3 and pictures in JPEG, a different one for each seed."""

import io
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.engines.music.audio import encode_mp3

RATE = 22_050
_NOTES = (0, 2, 4, 7, 9)  # the major pentatonic, in half tones: any order of them sounds well


class Segment(NamedTuple):
    """A stretch of a song: the first `seconds` of what the seed sounds like."""

    seed: str
    seconds: float


@lru_cache(maxsize=64)
def song(segments: tuple[Segment, ...], title: str = "") -> bytes:
    """The segments one after the other, as MP3."""
    chunks = [_melody(segment) for segment in segments]
    with TemporaryDirectory(prefix="fake-upstream-") as folder:
        path = Path(folder) / "song.mp3"
        encode_mp3(path, chunks, RATE, kbps=48, title=title)
        return path.read_bytes()


def seconds(segments: tuple[Segment, ...]) -> float:
    return sum(segment.seconds for segment in segments)


@lru_cache(maxsize=64)
def cover(seed: str, side: int = 256) -> bytes:
    """Two colours that run into each other, as JPEG."""
    noise = sha256(seed.encode()).digest()
    ends = np.frombuffer(noise[:6], np.uint8).reshape(2, 3).astype(np.float32)
    across = np.linspace(0, 1, side, dtype=np.float32)[None, :, None]
    picture = (ends[0] * (1 - across) + ends[1] * across).repeat(side, axis=0)
    written = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(written, "JPEG", quality=85)
    return written.getvalue()


def _melody(segment: Segment) -> NDArray[np.int16]:
    """Four notes a second, shape (n, 1). The same seed goes on in the same way, however long it is asked for."""
    count = round(segment.seconds * RATE)
    noise = sha256(segment.seed.encode()).digest()
    time = np.arange(count, dtype=np.float64) / RATE
    note = np.array([_NOTES[byte % len(_NOTES)] for byte in noise])[(time * 4).astype(int) % len(noise)]
    frequency = 220.0 * 2 ** ((note + noise[0] % 12) / 12)
    fading = np.exp(-3.0 * (time * 4 % 1.0))
    sound = np.sin(2 * np.pi * np.cumsum(frequency) / RATE) * fading * 0.4
    return (sound * 32767).astype(np.int16)[:, None]
