from workers.engines.music import wordsmith
from workers.engines.music.lyrics import parse, syllables


def test_lyrics_have_sections_and_take_up_the_description() -> None:
    blocks = parse(wordsmith.lyrics("a sad song about the empty lighthouse", 1))
    assert [block.kind for block in blocks] == ["verse", "chorus", "verse", "chorus", "bridge", "outro"]
    assert any("empty lighthouse" in line for block in blocks for _, line in block.lines)
    assert all(2 <= syllables(line) <= 16 for block in blocks for _, line in block.lines)


def test_the_seed_changes_the_words() -> None:
    assert wordsmith.lyrics("a love song", 1) == wordsmith.lyrics("a love song", 1)
    assert len({wordsmith.lyrics("a love song", seed) for seed in range(6)}) > 3


def test_a_chinese_description_gets_chinese_words() -> None:
    text = wordsmith.lyrics("一首关于故乡的歌", 1)
    assert "故乡" in text
    lines = [line for block in parse(text) for _, line in block.lines]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in line) for line in lines)


def test_a_title_is_found_whatever_there_is() -> None:
    assert wordsmith.title("", ["Oh, hold me"], "pop", 1) == "Oh"
    assert wordsmith.title("a song about winter trains", [], "pop", 1) == "Winter Trains"
    assert wordsmith.title("", [], "pop", 1)
