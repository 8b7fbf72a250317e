"""Whole songs, with the real voice."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.engines.music.clips import Clip, Make, extend, generate
from tests.workers.engines.music.listening import RATE, rises, rms_db, roughness
from tests.workers.engines.music.vocals.conftest import WORDS
from tests.workers.engines.music.vocals.test_voice import pitch_hz
from workers.engines.music import mix, synth
from workers.engines.music.compose import sung
from workers.engines.music.engine import planned
from workers.engines.music.plan import Plan, from_data
from workers.engines.music.vocals import recordings, speaking, track

BEFORE = Path(__file__).parent.parent / "before_singing.json"


def nothing(_: float) -> None:
    pass


@pytest.fixture
def on(sing: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_SINGING", raising=False)


def recordings_of(plan: Plan) -> track.Recordings:
    return speaking.recorded(track.lines_of(plan, 0), nothing)


def dry(plan: Plan) -> NDArray[np.float32]:
    (movement,) = plan.movements
    return track.dry(movement, recordings_of(plan), movement.samples + 4 * RATE, nothing)


def test_a_song_says_that_it_is_sung_in_what_and_by_whom(sung_song: Clip) -> None:
    metadata = sung_song.made.metadata
    assert metadata["vocals"] == "sung"
    assert metadata["vocals_languages"] == ["en-us"]
    assert [voice[:2] for voice in metadata["vocals_voices"]] in (["af"], ["bf"])
    assert metadata["vocals_lines"] == {"sung": 6, "played": 0}
    assert "vocals_why" not in metadata


def test_progress_is_told_at_every_line_and_never_falls(sung_song: Clip) -> None:
    assert rises(sung_song.progress)
    assert len({reached for reached in sung_song.progress if reached < 0.61}) >= 4
    assert sung_song.progress[-1] == 1


def test_a_sung_song_is_as_loud_as_others(sung_song: Clip) -> None:
    assert -19 < rms_db(sung_song.samples) < -10
    assert np.mean(np.abs(sung_song.samples) > 0.97) < 1e-3


def test_the_voice_follows_the_notes(sung_song: Clip, on: None) -> None:
    """In the middle of each note of a third of a second or more, and of any length in most."""
    plan = from_data(sung_song.plan)
    heard = dry(plan).astype(np.float64)
    far = []
    for phrase in sung(plan.movements[0]):
        start = phrase.bars[0].number * plan.movements[0].bar_samples
        for note in track.notes_of(plan.movements[0], phrase):
            middle = start + round((note.at + 0.4 * note.length) * RATE)
            found = pitch_hz(heard[middle - 1440 : middle + 1440], RATE)
            far.append(abs(69 + 12 * np.log2(found / 440) - note.pitch))
    assert len(far) > 40
    assert np.median(far) < 0.15
    assert np.mean(np.array(far) < 0.6) > 0.85


def test_the_voice_is_heard_where_there_are_lines_and_nowhere_else(sung_song: Clip, on: None) -> None:
    plan = from_data(sung_song.plan)
    (movement,) = plan.movements
    heard = dry(plan)
    sections = iter(np.cumsum([0, *(section.bars for section in movement.sections)]) * movement.bar_samples)
    start = next(sections)
    for section, stop in zip(movement.sections, sections, strict=True):
        inside = heard[start + RATE // 2 : stop - RATE // 2]
        assert (rms_db(inside) > -30) if section.lines else (rms_db(inside) < -80), section.kind
        start = stop


def test_the_lead_instrument_leaves_sung_lines_out(sung_song: Clip) -> None:
    from workers.engines.music.compose import score

    (movement,) = from_data(sung_song.plan).movements
    leading = {int(note.at // 4) for note in score(movement) if note.part in ("lead", "solo")}
    assert leading.isdisjoint(bar.number for phrase in sung(movement) for bar in phrase.bars)


def test_the_cut_stays_bit_identical(sung_song: Clip, sing: Make, on: None) -> None:
    """Cut within a sung line; what follows is sung too."""
    plan = from_data(sung_song.plan)
    phrases = list(sung(plan.movements[0]))
    at = (phrases[2].bars[0].number + 1) * plan.movements[0].bar_samples / RATE - 0.2
    more = sing(extend(sung_song, at, 9, prompt="[Verse]\nEvery star above the sea", tags=""))
    whole, cut = from_data(more.plan), more.plan["starts_at"]

    def pcm(plan: Plan, start: int) -> NDArray[np.int16]:
        return np.concatenate(list(mix.render(synth.soundfont(), plan, start, nothing, recordings_of(plan))))

    first, joined = pcm(plan, 0), pcm(whole, 0)
    assert np.array_equal(joined[:cut], first[:cut])
    assert np.array_equal(joined[cut:], pcm(whole, cut))
    assert more.made.metadata["vocals"] == "sung"
    assert more.made.metadata["vocals_voices"] == sung_song.made.metadata["vocals_voices"]
    for place in (cut, whole.movements[0].samples):
        around = max(roughness(joined / 32768, place + shift, RATE // 2) for shift in (-RATE, RATE))
        assert roughness(joined / 32768, place, 48) <= 1.2 * around


def test_every_line_is_spoken_once_for_all_clips(sung_song: Clip, sing: Make, counted: list[str]) -> None:
    again = sing(generate(8, prompt=WORDS, tags="pop, 112 bpm, female vocals", title="The River"))
    assert again.made.metadata["vocals"] == "sung"
    assert counted == []


def test_a_damaged_recording_is_spoken_again(sung_song: Clip, on: None, spoken_lines: Path, counted: list[str]) -> None:
    plan = from_data(sung_song.plan)
    before = recordings_of(plan)
    victim = recordings._path(*track.lines_of(plan, 0)[0], speaking.SPEED)
    assert victim.parent == spoken_lines
    victim.write_bytes(victim.read_bytes()[:5000])
    assert recordings_of(plan) == before
    assert len(counted) == 1


def test_an_instrumental_has_no_voice(on: None) -> None:
    plan, _ = planned(generate(7, prompt=WORDS, tags="pop, female vocals", make_instrumental=True))
    assert not track.lines_of(plan, 0)


def test_russian_is_played_and_said_so(sing: Make) -> None:
    words = "[Verse]\nЯ иду по улице один\nИ падает снег\n[Chorus]\nWalking in the summer rain"
    clip = sing(generate(7, prompt=words, tags="pop, 112 bpm, female vocals"))
    metadata = clip.made.metadata
    assert metadata["vocals"] == "partly_sung"
    assert metadata["vocals_why"] == "no voice here reads Cyrillic letters"
    assert metadata["vocals_lines"] == {"sung": 1, "played": 2}


def test_a_voice_that_fails_leaves_the_line_to_the_instrument(
    sing: Make, spoken_lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network answers with silence, as it does to some symbols."""
    from workers.engines.speech.kokoro import Kokoro, Timed

    def silent(self: Kokoro, symbols: str, voice: str, speed: float = 1.0) -> Timed:
        return Timed(symbols, np.zeros(24_000, np.float32), [1] * (len(symbols) + 2))

    monkeypatch.setattr(Kokoro, "timed", silent)
    clip = sing(generate(7, prompt="[Verse]\nA line that was never said before", tags="pop, 140 bpm"))
    assert clip.made.metadata["vocals"] == "lead_instrument"
    assert clip.made.metadata["vocals_why"] == "the voice could not say it"
    assert [line["unsung"] for section in clip.plan["movements"][0]["sections"] for line in section["lines"]]


def test_a_sung_plan_is_played_where_nobody_sings(sung_song: Clip, make: Make) -> None:
    clip = make({"kind": "music.concat", "source": sung_song.plan})
    assert clip.made.metadata["vocals"] == "lead_instrument"
    assert clip.made.metadata["vocals_why"] == "singing is switched off here"


def test_a_plan_from_before_there_was_singing_sounds_as_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored plan says nothing of voices. Composed today, with singing off, the song is the same to the sample."""
    stored = from_data(json.loads(BEFORE.read_bytes()))
    monkeypatch.setenv("GATEWAY_SINGING", "off")
    from tests.workers.engines.music.clips import LYRICS

    today, _ = planned(generate(7, prompt=LYRICS, tags="pop, piano, 140 bpm", title="Alive Tonight"))

    def pcm(plan: Plan) -> Iterator[NDArray[np.int16]]:
        return mix.render(synth.soundfont(), plan, 0, nothing)

    assert all(np.array_equal(one, other) for one, other in zip(pcm(stored), pcm(today), strict=True))


def test_lines_that_come_again_are_spoken_once(sung_song: Clip, on: None) -> None:
    lines = track.lines_of(from_data(sung_song.plan), 0)
    assert len(lines) == 6
    assert len(recordings_of(from_data(sung_song.plan))) == len(list(groupby(sorted(lines)))) == 4
