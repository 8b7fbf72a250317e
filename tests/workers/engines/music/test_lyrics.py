import pytest

from workers.engines.music.lyrics import kind_of, parse, syllables


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("hello", 2), ("Walking down the empty street at night", 9), ("love", 1), ("little", 2), ("loved", 1),
        ("wanted", 2), ("don't", 1), ("rhythm", 1), ("I", 1), ("shhh", 1), ("月光落满我的心", 7), ("我love你", 3),
        ("きょうもいい", 5), ("사랑해요", 4), ("Прощай", 3), ("42", 2), ("🎵 !!!", 0), ("", 0),
    ],
)  # fmt: skip
def test_syllables_are_counted(line: str, count: int) -> None:
    assert syllables(line) == count


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        ("Intro: soft piano", "intro"), ("Verse 1", "verse"), ("Pre-Chorus", "prechorus"), ("CHORUS x2", "chorus"),
        ("Bridge", "bridge"), ("Instrumental Break", "break"), ("Guitar Solo", "solo"), ("Outro", "outro"),
        ("End", "end"),
        ("副歌", "chorus"), ("主歌 1", "verse"), ("前奏", "intro"), ("间奏", "break"), ("Whatever", "verse"),
    ],
)  # fmt: skip
def test_marks_name_kinds_of_sections(mark: str, kind: str) -> None:
    assert kind_of(mark) == kind


def test_lines_stay_under_their_mark_with_their_numbers() -> None:
    blocks = parse("[Verse]\none line\n\nanother line\n[Chorus]\nthe hook")
    assert [(block.kind, block.lines) for block in blocks] == [
        ("verse", [(2, "one line"), (4, "another line")]),
        ("chorus", [(6, "the hook")]),
    ]


def test_stanzas_without_marks_are_verses_and_a_repeated_one_is_the_chorus() -> None:
    text = "a verse of ours\n\nsing it out\n\nanother verse\n\nsing it out"
    assert [block.kind for block in parse(text)] == ["verse", "chorus", "verse", "chorus"]


def test_words_beside_a_mark_are_sung() -> None:
    blocks = parse("[Verse 1] here we go\nand on")
    assert [line for block in blocks for _, line in block.lines] == ["here we go", "and on"]


def test_a_line_in_round_brackets_is_sung_unless_it_names_a_section() -> None:
    blocks = parse("(Chorus)\n(oh oh oh)\nhey")
    assert [(block.kind, [line for _, line in block.lines]) for block in blocks] == [("chorus", ["(oh oh oh)", "hey"])]
