import json
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from storage.errors import EngineFailed, InvalidRequest
from tests.workers.engines.music.clips import Clip, Make, extend, generate
from tests.workers.engines.music.listening import (
    RATE,
    centroid_hz,
    likeness,
    onsets_per_s,
    rises,
    rms_db,
    roughness,
)
from workers.engines.music import audio, mix, synth
from workers.engines.music.engine import Music, planned
from workers.engines.music.plan import from_data


def nothing(_: float) -> None:
    pass


def artifact(clip: Clip, part: str) -> Any:
    return next(artifact for artifact in clip.made.artifacts if artifact.part == part)


def test_a_clip_lasts_as_long_as_it_says(song: Clip) -> None:
    assert len(song.samples) / RATE == pytest.approx(song.made.metadata["duration_s"], abs=1e-5)
    assert 30 <= len(song.samples) / RATE <= 120


def test_a_clip_has_every_part(song: Clip) -> None:
    parts = {artifact.part: artifact.content_type for artifact in song.made.artifacts}
    assert parts == {
        "main": "audio/mpeg",
        "cover": "image/jpeg",
        "cover_large": "image/jpeg",
        "waveform": "application/json",
        "plan": "application/json",
    }


def test_a_clip_says_what_made_it(song: Clip) -> None:
    metadata = song.made.metadata
    assert metadata["title"] == "Alive Tonight"
    assert metadata["genre"] == "pop"
    assert metadata["bpm"] == pytest.approx(140, abs=0.1)
    assert metadata["engine"] == "composer"
    assert metadata["embedded"] is True
    assert metadata["vocals"] == "lead_instrument"
    assert metadata["seed"] == 7
    assert b"engine=composer; seed=7; embedded" in song.bytes[:400]


def test_no_stretch_of_a_clip_is_silent_before_its_end(song: Clip) -> None:
    second = [rms_db(song.samples[at : at + RATE]) for at in range(0, len(song.samples) - 2 * RATE, RATE)]
    assert min(second) > -45


def test_the_end_rings_out_into_silence(song: Clip) -> None:
    assert rms_db(song.samples[-RATE // 50 :]) < -50
    assert rms_db(song.samples[-3 * RATE : -2 * RATE]) > -45


def test_the_chorus_is_louder_than_the_intro(song: Clip) -> None:
    at = 0
    loudness: dict[str, float] = {}
    movement = song.plan["movements"][0]
    for section in movement["sections"]:
        stop = at + section["bars"] * movement["bar_samples"]
        loudness.setdefault(section["kind"], rms_db(song.samples[at:stop]))
        at = stop
    assert loudness["chorus"] > loudness["verse"] > loudness["intro"]


def test_progress_is_told_often_and_never_falls(song: Clip, whole: Clip) -> None:
    for clip in (song, whole):
        assert len(clip.progress) >= 10
        assert rises(clip.progress)
        assert 0 <= clip.progress[0] < 0.1
        assert clip.progress[-1] == 1


def test_the_same_task_gives_the_same_bytes(make: Make, house: Clip) -> None:
    again = make(generate(3, gpt_description_prompt="fast house music, 32 seconds", make_instrumental=True))
    assert again.bytes == house.bytes
    assert again.plan == house.plan
    assert (again.folder / "cover.jpg").read_bytes() == (house.folder / "cover.jpg").read_bytes()


def test_two_seeds_make_two_songs_that_both_obey_the_tags(song: Clip, other_take: Clip) -> None:
    first, second = song.plan["movements"][0], other_take.plan["movements"][0]
    assert first["genre"] == second["genre"] == "pop"
    assert 0 in first["programs"].values()
    assert 0 in second["programs"].values()
    assert likeness(song.samples, song.samples) > 0.99
    assert likeness(song.samples, other_take.samples) < 0.75


def test_genres_are_told_apart_by_their_sound(house: Clip, nocturne: Clip, song: Clip) -> None:
    assert centroid_hz(house.samples) > 1.15 * centroid_hz(song.samples)
    assert centroid_hz(song.samples) > 2 * centroid_hz(nocturne.samples)
    assert onsets_per_s(house.samples) > 1.5 * onsets_per_s(nocturne.samples)


def test_an_extension_is_new_audio_of_half_a_minute_or_more(extension: Clip, second_extension: Clip) -> None:
    for clip in (extension, second_extension):
        assert len(clip.samples) / RATE == pytest.approx(clip.made.metadata["duration_s"], abs=1e-5)
        assert len(clip.samples) >= 30 * RATE


def test_an_extension_keeps_tempo_and_key(song: Clip, extension: Clip) -> None:
    first, second = extension.plan["movements"]
    assert first["play"] < song.plan["movements"][0]["play"]
    assert (first["bpm"], first["key"], first["genre"]) == (second["bpm"], second["key"], second["genre"])
    assert [line["text"] for section in second["sections"] for line in section["lines"]] == [
        "Every little dream that I let go",
        "Comes to find me",
    ]


def test_an_extension_may_change_its_genre(second_extension: Clip) -> None:
    *_, before, last = second_extension.plan["movements"]
    assert (before["genre"], last["genre"]) == ("pop", "ambient")
    assert before["bpm"] / last["bpm"] in (0.5, 1.0, 2.0)
    assert second_extension.made.metadata["vocals"] == "none"


def test_the_whole_begins_as_the_first_clip_sample_for_sample(song: Clip, whole: Clip) -> None:
    cut = round(21.234 * RATE)
    assert np.array_equal(whole.samples[: cut - 2304], song.samples[: cut - 2304])


def test_the_whole_is_as_long_as_its_parts(whole: Clip, second_extension: Clip) -> None:
    assert len(whole.samples) == round(21.234 * RATE) + round(11.5 * RATE) + len(second_extension.samples)


def test_the_parts_of_the_whole_are_the_clips_bit_for_bit_before_encoding(song: Clip, extension: Clip) -> None:
    font = synth.soundfont()

    def pcm(source: Clip, start: int) -> NDArray[np.int16]:
        return np.concatenate(list(mix.render(font, from_data(source.plan), start, nothing)))

    cut = extension.plan["starts_at"]
    whole = pcm(extension, 0)
    assert cut == round(21.234 * RATE)
    assert np.array_equal(whole[:cut], pcm(song, 0)[:cut])
    assert np.array_equal(whole[cut:], pcm(extension, cut))


def test_joins_do_not_click(whole: Clip) -> None:
    first, second, _ = whole.plan["movements"]
    bar_lines = np.cumsum([movement["play"] * movement["bar_samples"] for movement in (first, second)])
    cuts = [round(21.234 * RATE), round(21.234 * RATE) + round(11.5 * RATE)]
    for at in (*bar_lines.tolist(), *cuts):
        around = max(roughness(whole.samples, at + shift, RATE // 2) for shift in (-RATE, RATE))
        assert roughness(whole.samples, at, 48) <= 1.2 * around


def test_a_song_goes_on_after_its_very_end(make: Make, house: Clip) -> None:
    more = make(extend(house, None, 4, tags="house, 31 seconds"))
    joined = make({"kind": "music.concat", "source": more.plan})
    end = len(house.samples)
    assert np.array_equal(joined.samples[: end - 2304], house.samples[: end - 2304])
    assert more.plan["movements"][0] == house.plan["movements"][0]
    assert rms_db(more.samples[: 4 * RATE]) > -45
    assert roughness(joined.samples, end, 48) <= roughness(joined.samples, end + RATE, RATE)


@pytest.mark.parametrize("at", [0, -1, 10_000, float("nan"), float("inf"), True, "10"])
def test_a_cut_outside_the_source_is_refused_by_name(song: Clip, at: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"at most [34]\d\.\d+") as refused:
        planned(extend(song, at, 1))
    assert refused.value.field == "continue_at"


@pytest.mark.parametrize("at", [0.001, 0.5, 1.999, 2.0, 7.77, 17.0, 25.1, 33.9])
def test_a_source_may_be_cut_anywhere(song: Clip, at: float) -> None:
    plan, _ = planned(extend(song, at, 1))
    first = plan.movements[0]
    assert plan.starts_at == round(at * RATE)
    assert 0 <= first.samples - plan.starts_at < first.bar_samples
    assert plan.duration_s >= 30


def test_a_song_may_not_grow_without_end(song: Clip) -> None:
    task = extend(song, None, 1)
    plan, _ = planned(task)
    longest = msgspec.structs.replace(plan, movements=plan.movements * 20)
    with pytest.raises(InvalidRequest, match="20 minutes") as refused:
        planned({**task, "source": msgspec.to_builtins(longest)})
    assert refused.value.field == "continue_at"


@pytest.mark.parametrize("source", [None, {}, {"version": 1}, [], "plan", {"version": 99, "movements": []}])
def test_a_plan_that_cannot_be_read_is_the_engines_fault(source: object) -> None:
    with pytest.raises(EngineFailed, match="plan of the source"):
        planned({"kind": "music.concat", "source": source})


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        planned({"kind": "music.remix"})
    assert refused.value.field == "kind"


@pytest.mark.parametrize("field", ["prompt", "tags", "title"])
def test_a_field_of_the_wrong_type_is_named(field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        planned(generate(1, **{field: 7}))
    assert refused.value.field == field


def test_chinese_words_make_a_chinese_song(chinese: Clip) -> None:
    metadata = chinese.made.metadata
    assert metadata["genre"] == "guofeng"
    assert "minor" in metadata["key"] or "yu" in metadata["key"]
    assert 107 in chinese.plan["movements"][0]["programs"].values()
    assert rms_db(chinese.samples) > -30


def test_the_waveform_shows_the_audio(song: Clip) -> None:
    shown = json.loads((song.folder / "waveform.json").read_bytes())
    assert shown["version"] == 1
    step = RATE // shown["peaks_per_s"]
    assert len(shown["peaks"]) == -(-len(song.samples) // step)
    for index in (0, 50, 123, len(shown["peaks"]) - 1):
        heard = np.abs(song.samples[index * step : (index + 1) * step]).max()
        assert shown["peaks"][index] == pytest.approx(min(1.0, heard), abs=1e-3)


def test_covers_are_pictures_of_the_promised_size(song: Clip) -> None:
    for part, side in (("cover", 512), ("cover_large", 1024)):
        with Image.open(artifact(song, part).path) as picture:
            assert picture.size == (side, side) == (artifact(song, part).width_px, artifact(song, part).height_px)


def test_a_description_gets_lyrics_tags_and_a_title() -> None:
    plan, _ = planned(generate(4, gpt_description_prompt="a happy reggae song about the morning train"))
    assert plan.movements[0].genre == "reggae"
    assert "[Chorus]" in plan.movements[0].lyrics
    assert "morning train" in plan.movements[0].lyrics
    assert plan.tags.startswith("reggae, bright")
    assert plan.title


def test_make_instrumental_leaves_no_words() -> None:
    plan, _ = planned(generate(4, prompt="[Verse]\nla la la", tags="jazz", make_instrumental=True))
    assert not any(section.lines for section in plan.movements[0].sections)
    assert 45 <= plan.duration_s <= 90


def test_what_was_made_is_checked_before_it_is_handed_out(song: Clip) -> None:
    peaks = audio.check(song.folder / "audio.mp3", song.made.metadata["duration_s"])
    assert max(peaks) > 0.3


def test_an_engine_that_was_unloaded_loads_again() -> None:
    engine = Music()
    engine.load()
    engine.unload()
    engine.load()
    assert engine.name == "composer"
