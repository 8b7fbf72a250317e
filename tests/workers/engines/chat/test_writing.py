"""An answer handed over in pieces."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.errors import EngineMisproduced
from workers.engines.chat import writing
from workers.engines.chat.writing import Writing
from workers.engines.pieces import Pieces, piece


def pieces(folder: Path) -> list[str]:
    found: list[str] = []
    while data := piece(folder, len(found) + 1):
        found.append(msgspec.json.decode(data)["text"])
    return found


def started(folder: Path, text: str = "", **how: Any) -> Writing:
    said = {"text": text, "logprobs": []}
    return Writing(Pieces(folder), said, lambda _: None, **{"most": 10, "again": False, **how})


def test_the_first_word_goes_out_at_once_and_what_follows_closely_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(writing.time, "monotonic", lambda: now[0])
    answer = started(tmp_path)
    for word, later_s in (("a", 0.01), ("b", 0.01), ("c", 0.03), ("d", 0.01)):
        answer.add(word, [])
        now[0] += later_s
    answer.flush()
    assert pieces(tmp_path) == ["a", "bcd"]


def test_what_was_said_is_not_said_again(tmp_path: Path) -> None:
    answer = started(tmp_path, "a b ")
    answer.add("c", [])
    answer.flush()
    assert (answer.text, pieces(tmp_path)) == ("a b c", ["c"])


def test_made_again_it_must_come_out_the_same(tmp_path: Path) -> None:
    answer = started(tmp_path, "a b ", again=True)
    for part in ("a", " b", " c"):
        answer.add(part, [])
    answer.flush()
    assert (answer.text, "".join(pieces(tmp_path))) == ("a b c", "c")
    answer = started(tmp_path, "a b ", again=True)
    answer.add("a", [])
    with pytest.raises(EngineMisproduced):
        answer.add(" x", [])


def test_progress_never_falls_nor_is_whole(tmp_path: Path) -> None:
    told: list[float] = []
    answer = Writing(Pieces(tmp_path), {"text": "", "logprobs": []}, told.append, most=2, again=False)
    for word in "abcde":
        answer.add(word, [])
        answer.flush()
    assert told == sorted(told)
    assert told[-1] < 1
