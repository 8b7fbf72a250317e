"""The fake of a relay, asked by the adapter."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamTimedOut,
)
from storage.job import Kind
from tests.cli.fakes.asking import PACE_S, Asking, asking
from workers.adapters.base import Done, Failed, Item, Source, spread

SONG = Kind.MUSIC_GENERATE


@pytest.fixture
async def relay() -> AsyncIterator[Asking]:
    async with asking("suno_relay", concat=True) as one:
        yield one


async def ends(one: Asking, *faults: str) -> tuple[Item, ...]:
    """The items of a song under these faults, when its time has passed."""
    one.break_(*faults)
    taken = await one.submit(one.task(SONG))
    one.pass_(2 * PACE_S)
    return spread(await one.look(taken), 2)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("busy,times=0", {}),
        ("code=1", {"success": 1}),
        ("code=200", {"success": 200, "batch_path": "/suno/submit/fetch"}),
    ],
)
async def test_a_song_is_made_in_every_dialect(fault: str, options: dict[str, Any]) -> None:
    async with asking("suno_relay", **options) as one:
        one.break_(fault)
        taken, done = await one.done(one.task(SONG))
        assert len(taken.ids) == 1
        assert len(done) == 2


async def test_a_dialect_that_was_not_expected_leaves_open_what_was_accepted(relay: Asking) -> None:
    relay.break_("code=1")
    with pytest.raises(UpstreamMalformed) as caught:
        await relay.submit(relay.task(SONG))
    assert caught.value.in_doubt
    assert (await relay.admin("GET"))["accepted"] == 1


async def test_the_first_clip_is_done_while_the_second_is_made(relay: Asking) -> None:
    taken = await relay.submit(relay.task(SONG))
    relay.pass_(1.1 * PACE_S)
    assert [type(item).__name__ for item in spread(await relay.look(taken), 2)] == ["Done", "Pending"]


async def test_a_song_is_extended_by_its_task_and_joined(relay: Asking) -> None:
    taken, [first, _] = await relay.done(relay.task(SONG))
    source = Source(str(first.id), taken.ids[0])
    taken, [more, _] = await relay.done(relay.task(Kind.MUSIC_EXTEND, source, continue_at=2.0))
    _, [whole] = await relay.done(relay.task(Kind.MUSIC_CONCAT, Source(str(more.id), taken.ids[0])))
    assert whole.metadata["duration_s"] == 5.0


async def test_an_extension_of_an_unknown_task_is_refused(relay: Asking) -> None:
    _, [first, _] = await relay.done(relay.task(SONG))
    with pytest.raises(UpstreamRefused):
        await relay.submit(relay.task(Kind.MUSIC_EXTEND, Source(str(first.id), "task_unknown")))


async def test_concat_can_be_missing(relay: Asking) -> None:
    relay.break_("no_concat")
    with pytest.raises(UpstreamRefused, match="invalid_action"):
        await relay.submit(relay.task(Kind.MUSIC_CONCAT, Source("any", "any")))


async def test_a_failed_task_keeps_its_good_song(relay: Asking) -> None:
    one, other = await ends(relay, "one_fails")
    assert isinstance(one, Done)
    assert isinstance(other, Failed)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("all_fail", UpstreamFailed),
        ("moderated_late", ContentRefused),
        ("none_mp3", UpstreamFailed),
        ("forbidden", UpstreamRefused),
    ],
)
async def test_both_clips_can_fail(relay: Asking, fault: str, error: type[UpstreamError]) -> None:
    items = await ends(relay, fault)
    assert [type(item.error) for item in items if isinstance(item, Failed)] == [error] * 2


async def test_a_relay_that_stops_waiting_leaves_open_what_suno_made(relay: Asking) -> None:
    relay.break_("time_out")
    taken = await relay.submit(relay.task(SONG))
    items = spread(await relay.look(taken), 2)
    assert [type(item.error) for item in items if isinstance(item, Failed)] == [UpstreamTimedOut] * 2


async def test_a_task_that_no_poll_lists_is_found_by_itself(relay: Asking) -> None:
    relay.break_("missing")
    taken = await relay.submit(relay.task(SONG))
    assert await relay.look(taken) == []
    [id] = taken.ids
    assert id in relay.speaks.read(await relay.send(relay.speaks.single(id)))
    assert relay.speaks.read(await relay.send(relay.speaks.single("task_unknown"))) == {}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("busy", UpstreamBusy),
        ("session_expired", UpstreamSessionExpired),
        ("no_credits", UpstreamOutOfCredits),
        ("challenge", UpstreamChallenged),
        ("moderated", ContentRefused),
        ("no_channel", UpstreamBusy),
        ("no_clips", UpstreamMalformed),
    ],
)
async def test_it_says_no_in_its_own_words(relay: Asking, fault: str, error: type[UpstreamError]) -> None:
    relay.break_(fault)
    with pytest.raises(error):
        await relay.submit(relay.task(SONG))
