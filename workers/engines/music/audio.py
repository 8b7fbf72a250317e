"""Audio files: MP3 that decodes to exactly the samples that went in, and a check that a file is fit to be handed out.

`lameenc` encodes (four times faster here than libsndfile's encoder) but writes no header that says how much padding
the codec added; players would start 1105 samples late. So the header, the "LAME tag", is written here. `soundfile`
(libsndfile with mpg123) decodes and honours it.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import lameenc
import numpy as np
import soundfile
from numpy.typing import NDArray

from storage.errors import EngineMisproduced

ENCODER_DELAY = 576
"""Samples LAME puts before the sound. Source: ENCDELAY in LAME 3.100's encoder.h; confirmed by cross-correlation."""

SILENT = 10 ** (-50 / 20)
PEAKS_PER_S = 10
_TAG_BYTES = 156

_BITRATES = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Layer III tables by the version bits of a frame header (3: MPEG-1). Source: ISO/IEC 11172-3, 13818-3, MPEG-2.5."""


def decode(path: Path) -> tuple[NDArray[np.float32], int]:
    """All samples of a file, shape (n, channels), and its rate. Raises EngineMisproduced if it cannot be decoded."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise EngineMisproduced("The audio file that was made cannot be decoded.") from error
    return samples, rate


def blocks(path: Path, seconds: float) -> Iterator[NDArray[np.float32]]:
    """The samples of a file, so many seconds at a time. Raises EngineMisproduced as `decode` does."""
    try:
        with soundfile.SoundFile(path) as file:
            yield from file.blocks(round(seconds * file.samplerate), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise EngineMisproduced("The audio file that was made cannot be decoded.") from error


def encode_mp3(
    path: Path, chunks: Iterable[NDArray[np.int16]], rate: int, *, kbps: int = 192, title: str = "", comment: str = ""
) -> int:
    """Write constant-bitrate MP3 from chunks of shape (n, channels); answer how many samples there were.

    The file decodes to that many. With the same chunks up to a point, files agree up to that point.
    """
    encoder: lameenc.Encoder | None = None
    frames = bytearray()
    samples = 0
    for chunk in chunks:
        if encoder is None:
            encoder = lameenc.Encoder()
            encoder.silence()
            encoder.set_bit_rate(kbps)
            encoder.set_in_sample_rate(rate)
            encoder.set_channels(chunk.shape[1])
            encoder.set_quality(5)
        samples += len(chunk)
        frames += encoder.encode(chunk.tobytes())
    if encoder is None:
        raise EngineMisproduced("There is no sound to encode.")
    frames += encoder.flush()
    path.write_bytes(id3(title, comment) + info_frame(bytes(frames), samples) + frames)
    return samples


def peaks(samples: NDArray[np.float32], rate: int, per_s: int = PEAKS_PER_S) -> list[float]:
    """The largest absolute sample of each `1/per_s` of a second, 0..1, in three decimals."""
    size = rate // per_s
    loudest = np.abs(samples).max(axis=1) if samples.ndim == 2 else np.abs(samples)
    starts = range(0, len(loudest), size)
    return [round(min(1.0, float(loudest[at : at + size].max())), 3) for at in starts]


def check(path: Path, duration_s: float) -> list[float]:
    """Decode a file and raise EngineMisproduced unless it is fit; answer its peaks, ten a second.

    Unfit is: not decodable, longer or shorter than `duration_s` by over 0.1 s, below -50 dBFS for over half of its
    time, or flat at full scale for over 2 % of it.
    """
    found: list[float] = []
    rate = _rate(path)
    step = rate // PEAKS_PER_S
    samples = quiet = flat = 0
    for block in blocks(path, 2.0):
        samples += len(block)
        found += peaks(block, rate)
        flat += int(np.count_nonzero(np.abs(block) >= 0.999))
        whole = block[: len(block) // step * step].reshape(-1, step * block.shape[1])
        power = np.einsum("ij,ij->i", whole, whole) / whole.shape[1]
        quiet += int(np.count_nonzero(power < SILENT**2))
    seconds = samples / rate
    if abs(seconds - duration_s) > 0.1:
        raise EngineMisproduced(f"The audio lasts {seconds:.2f} s where {duration_s:.2f} s were meant.")
    if quiet > len(found) / 2:
        raise EngineMisproduced("Most of the audio is silent.")
    if flat > 0.02 * samples:
        raise EngineMisproduced("The audio is clipped flat.")
    return found


def _rate(path: Path) -> int:
    try:
        return int(soundfile.info(path).samplerate)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise EngineMisproduced("The audio file that was made cannot be decoded.") from error


def id3(title: str, comment: str) -> bytes:
    """An ID3v2.4 tag. Source: id3.org, "ID3 tag version 2.4.0": text in UTF-8 (3), sizes in 7-bit bytes."""
    body = b""
    if title:
        body += _id3_frame(b"TIT2", b"\x03" + title.encode(errors="replace"))
    if comment:
        body += _id3_frame(b"COMM", b"\x03eng\x00" + comment.encode(errors="replace"))
    return b"ID3\x04\x00\x00" + _synchsafe(len(body)) + body if body else b""


def _id3_frame(name: bytes, data: bytes) -> bytes:
    return name + _synchsafe(len(data)) + b"\x00\x00" + data


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


class _Layout(NamedTuple):
    """What a frame header says: version bits, sample rate in Hz, samples a frame, bytes of side information."""

    version: int
    rate: int
    per_frame: int
    side: int

    @classmethod
    def of(cls, header: bytes) -> "_Layout":
        version, mono = header[1] >> 3 & 3, header[3] >> 6 == 3
        side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
        return cls(version, _RATES[version][header[2] >> 2 & 3], 1152 if version == 3 else 576, side)

    def length(self, index: int) -> int:
        """Bytes of a frame without padding, for a row of the bitrate table."""
        return self.per_frame * _BITRATES[self.version][index - 1] * 125 // self.rate


def _count(frames: bytes) -> int:
    layout = _Layout.of(frames)
    at = count = 0
    while at + 4 <= len(frames):
        at += layout.length(frames[at + 2] >> 4) + (frames[at + 2] >> 1 & 1)
        count += 1
    return count


def info_frame(frames: bytes, samples: int | None) -> bytes:
    """A silent first frame with what LAME itself would write there: frame count, seek table, delay and padding.

    Source: "Mp3 Info Tag revision 1 Specifications" (gabriel.mp3-tech.org). Its bitrate may be above the stream's,
    where a frame of the stream would be too small to hold it.

    With None for `samples`, as long a frame that knows the delay only: of a file that others read while it grows.
    """
    header, layout = frames[:4], _Layout.of(frames)
    used = header[2] >> 4
    index = next(i for i in range(used, 15) if layout.length(i) >= 4 + layout.side + _TAG_BYTES)
    length, count = layout.length(index), _count(frames)
    size = len(frames) + length
    padding = 0 if samples is None else count * layout.per_frame - ENCODER_DELAY - samples
    frame = bytearray(length)
    frame[:4] = bytes((header[0], header[1] | 1, index << 4 | header[2] & 0x0C, header[3]))
    table = bytes(255 * position // 99 for position in range(100))
    whole = struct.pack(">III", 0x0F, count, size) + table + struct.pack(">I", 80)
    tag = b"Info" + (bytes(4) if samples is None else whole)
    tag += b"LAME3.100" + bytes((1, 0)) + bytes(8) + bytes((0, min(255, _BITRATES[layout.version][used - 1])))
    tag += (
        (ENCODER_DELAY << 12 | padding).to_bytes(3) + bytes(4) + struct.pack(">IH", 0 if samples is None else size, 0)
    )
    end = 4 + layout.side + len(tag)
    frame[4 + layout.side : end] = tag
    frame[end : end + 2] = struct.pack(">H", _crc16(bytes(frame[:end])))
    return bytes(frame)


def _crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005, reflected, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
