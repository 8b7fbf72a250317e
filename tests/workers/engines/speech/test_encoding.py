"""Every format, from a tone that swells: written, and read back by a decoder that is not the engine's."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

np: Any = pytest.importorskip("numpy")
pytest.importorskip("soundfile")
pytest.importorskip("lameenc")

from storage.errors import EngineFailed, EngineMisproduced  # noqa: E402 - after what it needs is known to be there
from workers.engines.speech import encoding  # noqa: E402
from workers.engines.speech.kokoro import RATE  # noqa: E402

HEADS = {"mp3": b"ID3", "opus": b"OggS", "flac": b"fLaC", "wav": b"RIFF"}


def swelling(seconds: float = 3.0) -> Any:
    at = np.arange(round(seconds * RATE)) / RATE
    return np.round(9000 * at / seconds * np.sin(2 * math.pi * 220 * at)).astype("<i2")


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav", "pcm"])
def test_a_file_holds_what_was_spoken(format: str, tmp_path: Path) -> None:
    samples = swelling()
    artifact = encoding.write(samples, tmp_path, format)
    data = Path(artifact.path).read_bytes()
    assert artifact.content_type == encoding.CONTENT_TYPES[format]
    assert artifact.duration_s == 3.0
    assert data.startswith(HEADS.get(format, b""))
    if format == "pcm":
        assert data == samples.tobytes()
    if format in ("mp3", "opus"):
        assert len(data) < 60_000
    if format == "opus":
        assert data[28:36] == b"OpusHead"


def test_aac_is_a_stream_of_adts_frames(tmp_path: Path) -> None:
    if not find_spec("av"):
        with pytest.raises(EngineFailed, match=r"ai-gateway\[speech\]"):
            encoding.write(swelling(), tmp_path, "aac")
        pytest.skip("av is not installed")
    data = Path(encoding.write(swelling(), tmp_path, "aac").path).read_bytes()
    assert data[0] == 0xFF
    assert data[1] & 0xF6 == 0xF0


def test_a_file_of_another_sound_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoding._WRITERS, "pcm", lambda samples, path: path.write_bytes(bytes(2 * len(samples))))
    with pytest.raises(EngineMisproduced):
        encoding.write(swelling(), tmp_path, "pcm")


def test_a_long_text_is_written(tmp_path: Path) -> None:
    assert encoding.write(swelling(40.0), tmp_path, "opus").duration_s == 40.0
