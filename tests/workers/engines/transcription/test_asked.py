from pathlib import Path
from typing import Any

import pytest

from storage.errors import InvalidRequest
from workers.engines.transcription.asked import Asked, asked


def ask(tmp_path: Path, **request: Any) -> Asked:
    file = tmp_path / "sound"
    file.touch()
    return asked({"request": request, "inputs": {"file": str(file)}})


def test_what_is_not_asked_for_has_a_default(tmp_path: Path) -> None:
    want = ask(tmp_path)
    assert (want.task, want.language, want.temperature, want.encode) == ("transcribe", None, 0.0, True)
    assert (want.start_s, want.end_s, want.offset_s, want.word_timestamps) == (0.0, None, 0.0, False)


def test_a_language_is_given_by_code_or_name(tmp_path: Path) -> None:
    assert ask(tmp_path, language="Spanish").language == ask(tmp_path, language="es-MX").language == "es"
    assert ask(tmp_path, language="").language is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "sing"),
        ("language", "klingon"),
        ("language", 3),
        ("prompt", ["a"]),
        ("prompt", "a" * 20_001),
        ("temperature", 1.1),
        ("temperature", True),
        ("temperature", float("nan")),
        ("word_timestamps", "yes"),
        ("encode", 2),
        ("start_s", -1),
        ("end_s", 0),
        ("offset_s", "0"),
        ("part_s", 1),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(tmp_path, **{field: value})
    assert refused.value.field == field


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for inputs in (None, {}, {"file": str(tmp_path / "nowhere")}):
        with pytest.raises(InvalidRequest) as refused:
            asked({"request": {}, "inputs": inputs})
        assert refused.value.field == "file"
