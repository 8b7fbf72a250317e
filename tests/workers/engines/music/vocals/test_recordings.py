from pathlib import Path

import pytest

from workers.engines.music.vocals import recordings
from workers.engines.music.vocals.recordings import Recording, keep, kept

AS_IT_IS = recordings.folder
LINE = Recording("ɑ", [1, 2, 1], bytes(range(200)) * 10)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recordings, "folder", AS_IT_IS)
    monkeypatch.setenv("GATEWAY_MODELS", str(tmp_path))
    return tmp_path / "spoken-lines"


def test_what_is_kept_is_found_again(folder: Path) -> None:
    assert kept("ɑ", "af_heart", 0.85) is None
    keep(LINE, "ɑ", "af_heart", 0.85)
    assert kept("ɑ", "af_heart", 0.85) == LINE
    assert [path.suffix for path in folder.iterdir()] == [".line"]


def test_another_voice_speed_or_line_is_another_recording() -> None:
    keep(LINE, "ɑ", "af_heart", 0.85)
    assert kept("ɑ", "af_bella", 0.85) is None
    assert kept("ɑ", "af_heart", 1.0) is None
    assert kept("i", "af_heart", 0.85) is None


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-1], lambda whole: whole[:40] + b"x" + whole[41:], lambda _: b""]
)
def test_what_is_damaged_is_not_there(folder: Path, damage: "object") -> None:
    keep(LINE, "ɑ", "af_heart", 0.85)
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert kept("ɑ", "af_heart", 0.85) is None
    keep(LINE, "ɑ", "af_heart", 0.85)
    assert kept("ɑ", "af_heart", 0.85) == LINE


def test_the_longest_unused_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for number in range(4):
        keep(LINE, "ɑ", f"voice-{number}", 0.85)
        os.utime(recordings._path("ɑ", f"voice-{number}", 0.85), (number, number))
    assert kept("ɑ", "voice-0", 0.85) == LINE  # which is a use
    monkeypatch.setattr(recordings, "BYTES", 3 * 2100)
    keep(LINE, "ɑ", "voice-4", 0.85)
    assert [kept("ɑ", f"voice-{number}", 0.85) is not None for number in range(5)] == [True, False, False, True, True]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "spoken-lines").write_text("a file is in the way")
    keep(LINE, "ɑ", "af_heart", 0.85)
    assert kept("ɑ", "af_heart", 0.85) is None
