"""The sound of a file as a stream: mono, 16 kHz, floats in -1..1, whatever it came in. Never all of it in memory.

A length that a header declares is not believed: what can be decoded counts. Where a container says that there is a
hole in the sound (a track that begins late, packets lost), there is silence, so that times stay those of the picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import InvalidRequest, TooLarge
from workers.engines.transcription.asked import LONGEST_S

RATE = 16_000
Samples = NDArray[np.float32]

_BLOCK = 1 << 15
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp3,mp4,mpeg,mpegts,oga,ogg,opus,"
    "tta,w64,wav,wv"
)
"""Demuxers that read one file and nothing else: a playlist would have us open what it names."""
_SEEKS_FROM_S, _SEEK_MARGIN_S = 10.0, 5.0
_HOLE_S, _LONGEST_HOLE_S = 0.1, 60.0


def sound(
    path: Path, *, encode: bool = True, start_s: float = 0.0, end_s: float | None = None, field: str = "file"
) -> Iterator[Samples]:
    """Blocks of a few seconds at most, from `start_s` to `end_s` or the end. Without `encode`, the file is headerless
    PCM: 16-bit signed little-endian, mono, 16 kHz.

    Raises InvalidRequest, naming `field`, for what is no sound, TooLarge beyond 24 hours.
    """
    first = round(start_s * RATE)
    last = None if end_s is None else round(end_s * RATE)
    blocks = _decoded(path, start_s, field) if encode else _raw(path, first)
    given = 0
    for position, block in blocks:
        if position + len(block) <= first:
            continue
        if last is not None and position >= last:
            break
        block = block[max(0, first - position) : None if last is None else last - position]
        given += len(block)
        if given > LONGEST_S * RATE:
            raise TooLarge(f"{field} may last {LONGEST_S / 3600:g} hours at most", field=field)
        yield block
    if not given and first:
        raise InvalidRequest(f"start_s is {start_s:g}, but the sound ends before", field="start_s")
    if not given:
        raise InvalidRequest(f"{field} has no sound in it that can be read", field=field)


def declared_s(path: Path, field: str = "file") -> float:
    """The length a file claims to have; 0 if it claims none. Raises InvalidRequest for what is no recording."""
    with _opened(path, field) as container:
        return max(0.0, (container.duration or 0) / 1_000_000)


def _raw(path: Path, first: int) -> Iterator[tuple[int, Samples]]:
    with path.open("rb") as file:
        file.seek(2 * first)
        position = first
        while data := file.read(2 * _BLOCK):
            block = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
            yield position, block
            position += len(block)


def _decoded(path: Path, start_s: float, field: str) -> Iterator[tuple[int, Samples]]:
    """(position of the block's first sample in the sound, block)."""
    with _opened(path, field) as container:
        if not container.streams.audio:
            raise InvalidRequest(f"{field} has no sound track", field=field)
        began = (container.start_time or 0) / 1_000_000
        floats = _Floats()
        frames, position = _frames(container), 0
        if start_s > _SEEKS_FROM_S:
            frames, position = _entered(container, start_s, began)
        for frame in frames:
            at = position if frame.time is None else max(0, round((frame.time - began) * RATE))
            if _HOLE_S * RATE < at - position <= _LONGEST_HOLE_S * RATE:
                yield position, np.zeros(at - position, np.float32)
                position = at
            for samples in floats(frame):
                yield position, samples
                position += len(samples)
        for samples in floats(None):
            yield position, samples
            position += len(samples)


def _entered(container: Any, start_s: float, began: float) -> tuple[Iterator[Any], int]:
    """The frames from shortly before `start_s` on, and the position of the first. From the beginning, if the container
    cannot be entered there, or does not say where that is."""
    container.seek(int((began + start_s - _SEEK_MARGIN_S) * 1_000_000))
    frames = _frames(container)
    for frame in frames:
        if frame.time is not None and frame.time - began <= start_s:
            return chain([frame], frames), max(0, round((frame.time - began) * RATE))
        if frame.time is not None:
            break
    container.seek(container.start_time or 0)
    return _frames(container), 0


class _Floats:
    """Frames in, blocks of mono floats at 16 kHz out. Called with None at the end, for what is left."""

    def __init__(self) -> None:
        self._resampler: Any = None
        self._looks: tuple[str, str, int] | None = None

    def __call__(self, frame: Any) -> Iterator[Samples]:
        av: Any = import_module("av")

        looks = frame and (frame.format.name, frame.layout.name, frame.sample_rate)
        if looks and looks != self._looks:  # some recordings change in the middle
            self._resampler, self._looks = av.AudioResampler(format="flt", layout="mono", rate=RATE), looks
        if frame:
            frame.pts = None  # where it belongs has been seen to
        for block in self._resampler.resample(frame) if self._resampler else ():
            samples = block.to_ndarray().reshape(-1)
            yield np.nan_to_num(samples, posinf=0, neginf=0).clip(-1, 1)


@contextmanager
def _opened(path: Path, field: str) -> Iterator[Any]:
    av: Any = import_module("av")

    if not path.stat().st_size:
        raise InvalidRequest(f"{field} is empty", field=field)
    with path.open("rb") as file:  # not by its name: nothing but this file is ours to open
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
        try:
            container = av.open(file, metadata_errors="ignore", container_options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InvalidRequest(
                f"{field} is no recording that can be read: send flac, mp3, mp4, m4a, ogg, opus, wav or webm",
                field=field,
            ) from error
        with container:
            yield container


def _frames(container: Any) -> Iterator[Any]:
    """The frames of the first sound track; damage is stepped over, and ends the sound where nothing follows."""
    av: Any = import_module("av")
    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                yield from packet.decode()
            except (av.FFmpegError, ValueError):
                continue
    except (av.FFmpegError, OSError):
        return
