from itertools import pairwise

import msgspec
import pytest

from tests.workers.engines.music.clips import LYRICS, generate
from workers.engines.music.compose import line_starts, score
from workers.engines.music.engine import planned
from workers.engines.music.harmony import changes
from workers.engines.music.lyrics import syllables
from workers.engines.music.notes import Note
from workers.engines.music.plan import Movement, Section
from workers.engines.music.styles import STYLES
from workers.engines.music.theory import SCALES

FULL = LYRICS + "\n[Bridge]\nAnd if the morning never comes\n[Solo]\n[Outro]\nWe are alive\n[End]"


def movement_of(seed: int = 7, **request: object) -> Movement:
    plan, _ = planned(generate(seed, **request))
    return plan.movements[0]


def starts(movement: Movement) -> list[tuple[Section, int]]:
    """Each section with its first bar."""
    found, at = [], 0
    for section in movement.sections:
        found.append((section, at))
        at += section.bars
    return found


def notes_between(notes: list[Note], part: str, first_bar: int, last_bar: int) -> list[Note]:
    return [note for note in notes if note.part == part and first_bar * 4 <= note.at < last_bar * 4]


def test_sections_follow_the_marks() -> None:
    movement = movement_of(prompt=FULL, tags="pop")
    kinds = [section.kind for section in movement.sections]
    assert kinds == ["intro", "verse", "chorus", "chorus", "bridge", "solo", "outro", "end"]


@pytest.mark.parametrize("genre", sorted(STYLES))
def test_every_syllable_has_its_note_and_every_line_its_bars(genre: str) -> None:
    movement = movement_of(prompt=FULL, tags=genre)
    notes = score(movement)
    for section, first in starts(movement):
        for line, at in zip(section.lines, line_starts(section), strict=True):
            sung = notes_between(notes, "lead", first + at, first + at + line.bars)
            assert len(sung) == line.syllables == syllables(line.text)


@pytest.mark.parametrize("genre", sorted(STYLES))
@pytest.mark.parametrize("seed", [1, 2])
def test_a_song_ends_on_its_tonic(genre: str, seed: int) -> None:
    movement = movement_of(seed, tags=genre)
    section, first = starts(movement)[-1]
    tonic = (movement.key + section.lift) % 12
    final = [note for note in score(movement) if note.at >= (first + 1) * 4 and note.part in ("bass", "lead")]
    assert section.kind == "end"
    assert {note.pitch % 12 for note in final} == {tonic}


def test_a_chorus_brings_its_tune_back() -> None:
    movement = movement_of(prompt=FULL, tags="pop")
    notes = score(movement)
    first, second = [at for section, at in starts(movement) if section.kind == "chorus"]
    bars = next(section.bars for section in movement.sections if section.kind == "chorus")
    tunes = [
        [(round(note.at - at * 4, 1), note.pitch) for note in notes_between(notes, "lead", at, at + bars)]
        for at in (first, second)
    ]
    assert [pitch for _, pitch in tunes[0]] == [pitch for _, pitch in tunes[1]]
    assert all(abs(a - b) <= 0.11 for (a, _), (b, _) in zip(*tunes, strict=True))


def test_melodies_move_by_step_more_than_by_leap() -> None:
    steps = leaps = 0
    for seed in range(6):
        movement = movement_of(seed, prompt=FULL, tags="pop")
        lead = [note.pitch for note in score(movement) if note.part == "lead"]
        moves = [abs(b - a) for a, b in pairwise(lead)]
        steps += sum(move <= 4 for move in moves)
        leaps += sum(move > 7 for move in moves)
    assert steps > 12 * leaps


def test_strong_beats_sing_tones_of_the_chord() -> None:
    movement = movement_of(prompt=FULL, tags="folk")
    notes = score(movement)
    for section, first in starts(movement):
        for bar in range(section.bars):
            following = None
            chord = changes(movement, section, bar, following)[0][1]
            for note in notes_between(notes, "lead", first + bar, first + bar + 1):
                if note.at - (first + bar) * 4 < 0.05 and bar < section.bars - 1:
                    assert note.pitch % 12 in chord.classes


def test_a_note_never_sounds_before_its_bar() -> None:
    movement = movement_of(tags="edm", make_instrumental=True)
    assert min(note.at for note in score(movement)) >= 0
    for play in range(1, movement.bars):
        cut = score(msgspec.structs.replace(movement, play=play))
        assert max(note.at for note in cut) < play * 4


def test_cutting_a_movement_leaves_every_earlier_note_as_it_was() -> None:
    movement = movement_of(prompt=FULL, tags="jazz")
    notes = score(movement)
    for play in (1, 7, movement.bars // 2, movement.bars - 1):
        assert score(msgspec.structs.replace(movement, play=play)) == [note for note in notes if note.at < play * 4]


def test_instruments_named_in_the_tags_play() -> None:
    movement = movement_of(prompt=FULL, tags="jazz, violin, harp")
    assert movement.programs["lead"] == 40
    assert 46 in movement.programs.values()


def test_what_negative_tags_name_does_not_play() -> None:
    movement = movement_of(prompt=FULL, tags="rock", negative_tags="drums, guitar, sax")
    parts = {note.part for note in score(movement)}
    assert not parts & {"drums", "cymbals"}
    assert not set(movement.programs.values()) & {25, 66}


def test_genres_differ_in_tempo_scale_and_band() -> None:
    made = {genre: movement_of(3, tags=genre, make_instrumental=True) for genre in STYLES}
    assert made["metal"].bpm > made["pop"].bpm > made["ambient"].bpm
    bands = {tuple(sorted(movement.programs.items())) for movement in made.values()}
    assert len(bands) == len(STYLES) >= 10


def test_a_mood_changes_the_scale() -> None:
    for seed in range(5):
        happy, sad = (movement_of(seed, tags=f"{mood} pop") for mood in ("happy", "悲伤"))
        assert (happy.dark, sad.dark) == (False, True)
        assert 4 in SCALES[happy.mode]
        assert 3 in SCALES[sad.mode]


def test_bpm_and_key_are_taken_as_written() -> None:
    movement = movement_of(tags="pop, 97 bpm, in F# minor")
    assert movement.bpm == pytest.approx(97, abs=0.05)
    assert (movement.key, movement.mode) == (6, "minor")
