"""The fake of Suno's own API, asked by the adapter."""

import io
from collections.abc import AsyncIterator

import pytest
import soundfile

from storage.errors import ContentRefused, UpstreamError, UpstreamFailed, UpstreamMalformed, UpstreamRefused
from storage.job import Kind
from tests.cli.fakes.asking import PACE_S, Asking, asking
from workers.adapters.base import Done, Failed, Item, Pending, Prepaid, Source, Taken

SONG = Kind.MUSIC_GENERATE


@pytest.fixture
async def suno() -> AsyncIterator[Asking]:
    async with asking("suno") as one:
        yield one


async def ends(one: Asking, *faults: str) -> tuple[Taken, list[Item]]:
    """A song under these faults, when its time has passed."""
    one.break_(*faults)
    taken = await one.submit(one.task(SONG))
    one.pass_(2 * PACE_S)
    return taken, await one.look(taken)


def errors(items: list[Item]) -> list[type[UpstreamError]]:
    return [type(item.error) for item in items if isinstance(item, Failed)]


async def test_two_clips_move_on_with_time_the_second_behind_the_first(suno: Asking) -> None:
    taken = await suno.submit(suno.task(SONG))
    assert len(taken.ids) == 2
    seen = []
    for _ in range(4):
        seen.append([type(item).__name__ + str(getattr(item, "begun", "")) for item in await suno.look(taken)])
        suno.pass_(0.4 * PACE_S)
    assert seen == [["PendingFalse"] * 2, ["PendingTrue"] * 2, ["PendingTrue"] * 2, ["Done", "PendingTrue"]]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
async def test_every_version_of_the_feed_answers(version: str) -> None:
    async with asking("suno", feed=version) as one:
        taken, done = await one.done(one.task(SONG))
        assert [clip.id for clip in done] == [*taken.ids]
        assert len((await one.send(one.speaks.recent())).body) > 100


async def test_v2_web_takes_what_the_adapter_sends_and_refuses_the_plainer_form() -> None:
    async with asking("suno", generate="v2-web") as one:
        assert len((await one.submit(one.task(SONG))).ids) == 2
        plain = await one.send(
            one.speaks.submit(one.task(SONG)).__class__(
                method="POST", path="/api/generate/v2-web/", json={"mv": "chirp-v4", "prompt": "x"}
            )
        )
        assert plain.status == 422


async def test_a_song_is_extended_and_joined_and_lasts_as_long_as_its_parts(suno: Asking) -> None:
    _, [first, _] = await suno.done(suno.task(SONG))
    source = Source(str(first.id), "")
    _, [more, _] = await suno.done(suno.task(Kind.MUSIC_EXTEND, source, continue_at=2.0))
    _, [whole] = await suno.done(suno.task(Kind.MUSIC_CONCAT, Source(str(more.id), "")))
    assert whole.metadata["duration_s"] == 5.0
    _, _, sound = await suno.file(whole)
    assert soundfile.info(io.BytesIO(sound)).duration == 5.0
    start = soundfile.read(io.BytesIO((await suno.file(first))[2]), stop=22_050)[0]
    assert abs(soundfile.read(io.BytesIO(sound), stop=22_050)[0] - start).max() < 0.05


async def test_what_extends_nothing_has_a_bad_history(suno: Asking) -> None:
    _, [first, _] = await suno.done(suno.task(SONG))
    with pytest.raises(UpstreamRefused, match="Bad history"):
        await suno.submit(suno.task(Kind.MUSIC_CONCAT, Source(str(first.id), "")))


async def test_a_clip_of_another_account_cannot_be_extended_or_seen(suno: Asking) -> None:
    taken, [first, _] = await suno.done(suno.task(SONG))
    with pytest.raises(UpstreamError):
        await suno.submit(suno.task(Kind.MUSIC_EXTEND, Source(str(first.id), "")), key="two")
    assert suno.speaks.read(await suno.send(suno.speaks.poll(taken.ids), key="two")) == {}


async def test_credits_go_down_with_each_clip(suno: Asking) -> None:
    speaks = suno.speaks
    assert isinstance(speaks, Prepaid)
    before = speaks.balance(await suno.send(speaks.credits()))
    await suno.submit(suno.task(SONG))
    assert speaks.balance(await suno.send(speaks.credits())) == before - 10


async def test_a_job_can_take_for_ever(suno: Asking) -> None:
    _, items = await ends(suno, "never_finishes")
    assert items == [Pending(), Pending()]


async def test_one_clip_can_fail_alone(suno: Asking) -> None:
    _, [one, other] = await ends(suno, "one_fails")
    assert isinstance(one, Done)
    assert errors([other]) == [UpstreamFailed]


async def test_both_can_fail(suno: Asking) -> None:
    assert errors((await ends(suno, "all_fail"))[1]) == [UpstreamFailed] * 2


async def test_both_can_fail_for_what_they_sing(suno: Asking) -> None:
    assert errors((await ends(suno, "moderated_late"))[1]) == [ContentRefused] * 2


async def test_moderation_can_come_first_and_costs_nothing(suno: Asking) -> None:
    suno.break_("moderated")
    with pytest.raises(ContentRefused):
        await suno.submit(suno.task(SONG))
    assert (await suno.admin("GET"))["accepted"] == 0


async def test_complete_clips_can_have_no_file(suno: Asking) -> None:
    assert errors((await ends(suno, "none_mp3"))[1]) == [UpstreamFailed] * 2


async def test_complete_clips_can_be_withheld(suno: Asking) -> None:
    assert errors((await ends(suno, "forbidden"))[1]) == [UpstreamRefused] * 2


async def test_a_job_fault_counts_jobs(suno: Asking) -> None:
    assert errors((await ends(suno, "all_fail,times=1"))[1]) == [UpstreamFailed] * 2
    _, done = await suno.done(suno.task(SONG))
    assert len(done) == 2


async def test_a_clip_can_be_missing_for_some_polls(suno: Asking) -> None:
    taken, items = await ends(suno, "missing=2")
    assert items == []
    assert await suno.look(taken) == []
    assert len(await suno.look(taken)) == 2


async def test_a_clip_that_no_poll_ever_lists_is_found_by_itself(suno: Asking) -> None:
    taken, items = await ends(suno, "missing", "one_fails")
    assert items == []
    alone = [suno.speaks.read(await suno.send(suno.speaks.single(id)))[id][0] for id in taken.ids]
    assert [type(item) for item in alone] == [Done, Failed]


async def test_a_submission_can_name_no_clips_and_have_made_some(suno: Asking) -> None:
    suno.break_("no_clips")
    about = suno.task(SONG)
    with pytest.raises(UpstreamMalformed) as caught:
        await suno.submit(about)
    assert caught.value.in_doubt
    assert len(suno.speaks.found(about, 0, await suno.send(suno.speaks.recent()))) == 1


async def test_a_stream_can_be_heard_before_the_end_and_is_gone_after_it(suno: Asking) -> None:
    taken = await suno.submit(suno.task(SONG))
    suno.pass_(0.5 * PACE_S)
    url = f"{suno.fake.url}/stream/?item_id={taken.ids[0]}"
    async with suno.http.get(url) as answer:
        assert answer.status == 200
    suno.pass_(PACE_S)
    async with suno.http.get(url) as answer:
        assert answer.status == 404
