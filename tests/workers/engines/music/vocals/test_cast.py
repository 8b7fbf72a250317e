from typing import Any

import pytest

from workers.engines.music.lyrics import parse
from workers.engines.music.plan import Line, Vocal
from workers.engines.music.vocals.cast import cast

WORDS = "[Verse]\nWalking in the summer rain\n[Chorus]\nHold on to the night\n[Verse 2]\nAnd I will follow you"


@pytest.fixture(autouse=True)
def on(voice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_SINGING", raising=False)


def lines(words: str = WORDS, genre: str = "pop", **request: Any) -> list[Line]:
    blocks = parse(words)
    read = cast(blocks, request, genre, None)
    return [read(block, text) for block in blocks for _, text in block.lines]


def singers(**request: Any) -> list[str]:
    return [line.vocal.voice if line.vocal else "" for line in lines(**request)]


@pytest.mark.parametrize("tags", ["female vocals", "pop, Female Voice, sad", "woman", "流行, 女声", "girl group"])
def test_tags_may_ask_for_a_woman(tags: str) -> None:
    assert {voice[1] for voice in singers(tags=tags)} == {"f"}


@pytest.mark.parametrize("tags", ["male vocals", "rock, male voice", "baritone", "摇滚, 男声", "boy band"])
def test_tags_may_ask_for_a_man(tags: str) -> None:
    assert {voice[1] for voice in singers(tags=tags)} == {"m"}


def test_negative_tags_rule_a_voice_out() -> None:
    assert {voice[1] for voice in singers(negative_tags="male vocals")} == {"f"}
    assert {voice[1] for voice in singers(negative_tags="female vocals")} == {"m"}


def test_a_duet_is_sung_by_turns() -> None:
    assert [voice[1] for voice in singers(tags="duet, ballad")] == ["f", "f", "m"]


def test_one_voice_sings_a_song_and_not_every_song() -> None:
    assert len(set(singers())) == 1
    many = {singers(words=f"[Verse]\nThis is song number {name}")[0] for name in "one two three four five six".split()}
    assert len(many) > 1


def test_a_line_has_a_note_for_each_syllable_that_is_spoken() -> None:
    (line,) = lines("[Verse]\nIn 1999 we were young", tags="female")
    assert line.syllables == 11  # nineteen hundred ninety-nine
    assert line.vocal is not None
    assert line.vocal.language == "en-us"


def test_chinese_is_sung_by_a_voice_of_its_own() -> None:
    (line,) = lines("[主歌]\n月光落在我的窗前", tags="女声")
    assert line.vocal is not None
    assert (line.vocal.voice[:2], line.vocal.language, line.syllables) == ("zf", "zh", 8)


@pytest.mark.parametrize(("words", "genre"), [("[Rap]\nI came to say it plain", "pop"), ("[Verse]\nI came", "hiphop")])
def test_rap_is_spoken(words: str, genre: str) -> None:
    (line,) = lines(words, genre)
    assert line.vocal is not None
    assert line.vocal.spoken


def test_a_chorus_is_sung_in_hip_hop_too() -> None:
    (line,) = lines("[Chorus]\nHold on to the night", "hiphop")
    assert line.vocal == Vocal(line.vocal.voice, "en-us", line.vocal.symbols) if line.vocal else False


def test_a_line_that_nobody_reads_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines("[Verse]\nЯ иду по улице один")
    assert (line.vocal, line.unsung) == (None, "no voice here reads Cyrillic letters")


def test_nobody_sings_where_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SINGING", "off")
    assert {(line.vocal, line.unsung) for line in lines()} == {(None, "singing is switched off here")}
