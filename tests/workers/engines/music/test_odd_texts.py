"""Any text makes music within the length limits: nothing a caller can write breaks the composer."""

import pytest

from tests.workers.engines.music.clips import Make, generate
from workers.engines.music.compose import score
from workers.engines.music.engine import planned

TEXTS = {
    "empty": "",
    "spaces": " \n\t \n ",
    "emoji": "🎵🔥 🎶\n💔💔💔\n👨‍👩‍👧‍👦",
    "only marks": "[Intro]\n[Verse]\n[Chorus]\n[Solo]\n[Outro]\n[End]",
    "one mark": "[Chorus]",
    "unclosed mark": "[Verse 1\nhello there\n]]][[[",
    "one word": "Hey",
    "no line breaks": "never ending words go on and on " * 150,
    "no spaces": "a" * 5000,
    "no spaces in Chinese": "月" * 5000,
    "many short lines": "la\n" * 2000,
    "many marks": "[Verse]\nx\n" * 500,
    "Hebrew": "שלום עולם\nאני שר לך שיר\n[Chorus]\nלילה טוב",
    "Arabic": "مرحبا بالعالم\nأغنية جديدة",
    "Thai": "สวัสดีชาวโลก เพลงใหม่",
    "Japanese": "[サビ]\nきょうもいい天気ですね\nラーメンをたべたい",
    "Korean": "안녕하세요 세상\n사랑해요",
    "Russian": "[Припев]\nПрощай, любовь моя\nЯ буду петь всегда",
    "numbers": "1 2 3 4\n99 100 1000\n3.14159",
    "controls": "a\x00b\x07c\u200bd\u202ee\nf\x1fg",
    "surrogate": "lone \ud800 surrogate",
    "inline marks": "[Verse 1] here we go (oh oh)\n(Chorus)\nwe sing [x2]",
    "combining": "e\u0301" * 300,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("field", ["prompt", "gpt_description_prompt", "tags", "title", "negative_tags"])
def test_any_text_in_any_field_can_be_planned_and_composed(field: str, text: str) -> None:
    plan, cut_at = planned(generate(5, **{field: text}))
    notes = score(plan.movements[0])
    assert 30 <= plan.duration_s <= 120
    assert len(notes) > 20
    assert plan.title
    assert cut_at is None or 1 <= cut_at <= text.count("\n") + 1


def test_lyrics_that_are_too_long_are_cut_at_a_named_line() -> None:
    lines = [f"This is line number {number} of a song without end" for number in range(1, 101)]
    plan, cut_at = planned(generate(5, prompt="\n".join(lines), tags="pop"))
    sung = [line.text for section in plan.movements[0].sections for line in section.lines]
    assert cut_at == len(sung) + 1
    assert sung == lines[: len(sung)]
    assert plan.duration_s > 90


def test_the_oddest_of_them_sound(make: Make) -> None:
    clip = make(
        generate(6, prompt=TEXTS["surrogate"] + "\n" + TEXTS["emoji"], title="🔥\ud800 ok", tags=TEXTS["controls"])
    )
    assert clip.made.metadata["duration_s"] >= 30
