"""The fake of sunoapi.org, asked by the adapter, and calling back for real."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cli.fakes.sunoapi import SunoApi as Fake
from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
)
from storage.job import Kind
from tests.cli.fakes.asking import PACE_S, Asking, asking
from workers.adapters.base import CalledBack, Done, Failed, Item, Prepaid, Source, spread

SONG = Kind.MUSIC_GENERATE


class Ear:
    """A place on loopback that hears callbacks."""

    def __init__(self) -> None:
        self.url = ""
        self._bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(self, request: web.Request) -> web.Response:
        self._bodies.put_nowait(await request.read())
        return web.Response()

    async def next(self, one: Asking) -> dict[str, list[str]]:
        """What the next callback says, read by the adapter."""
        assert isinstance(one.speaks, CalledBack)
        told = one.speaks.heard(await asyncio.wait_for(self._bodies.get(), 10))
        return {id: [type(item).__name__ for item in spread(items, 2)] for id, items in told.items()}

    @property
    def heard_more(self) -> bool:
        return not self._bodies.empty()


@pytest.fixture
async def api() -> AsyncIterator[Asking]:
    async with asking("sunoapi", model="V4_5") as one:
        yield one


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    listener = Ear()
    app = web.Application()
    app.router.add_post("/told", listener.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/told"
    yield listener
    await runner.cleanup()


async def ends(one: Asking, *faults: str) -> tuple[Item, ...]:
    """The items of a song under these faults, when its time has passed."""
    one.break_(*faults)
    taken = await one.submit(one.task(SONG))
    one.pass_(2 * PACE_S)
    return spread(await one.look(taken), 2)


async def test_two_tracks_are_made_the_second_behind_the_first(api: Asking) -> None:
    taken = await api.submit(api.task(SONG))
    seen = []
    for seconds in (0.0, 0.5, 0.6, 0.4):
        api.pass_(seconds * PACE_S)
        seen.append([type(item).__name__ for item in spread(await api.look(taken), 2)])
    assert seen == [["Pending"] * 2, ["Pending"] * 2, ["Done", "Pending"], ["Done"] * 2]


async def test_a_track_is_extended_by_the_model_that_made_it(api: Asking) -> None:
    taken, [first, _] = await api.done(api.task(SONG))
    source = Source(str(first.id), taken.ids[0])
    _, done = await api.done(api.task(Kind.MUSIC_EXTEND, source, continue_at=2.0))
    assert len(done) == 2
    api.model = "V5"
    with pytest.raises(UpstreamRefused, match="model"):
        await api.submit(api.task(Kind.MUSIC_EXTEND, source))


async def test_credits_go_down_with_each_task(api: Asking) -> None:
    speaks = api.speaks
    assert isinstance(speaks, Prepaid)
    before = speaks.balance(await api.send(speaks.credits()))
    await api.submit(api.task(SONG))
    assert speaks.balance(await api.send(speaks.credits())) == before - 12


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("busy", UpstreamBusy),
        ("maintenance", UpstreamBusy),
        ("session_expired", UpstreamSessionExpired),
        ("no_credits", UpstreamOutOfCredits),
        ("moderated", ContentRefused),
        ("no_clips", UpstreamMalformed),
    ],
)
async def test_it_says_no_with_http_s_200(api: Asking, fault: str, error: type[UpstreamError]) -> None:
    api.break_(fault)
    reply = await api.send(api.speaks.submit(api.task(SONG)))
    assert reply.status == 200
    with pytest.raises(error):
        api.speaks.taken(api.task(SONG), reply)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("all_fail", UpstreamFailed),
        ("moderated_late", ContentRefused),
        ("none_mp3", UpstreamFailed),
        ("forbidden", UpstreamRefused),
    ],
)
async def test_both_tracks_can_fail(api: Asking, fault: str, error: type[UpstreamError]) -> None:
    items = await ends(api, fault)
    assert [type(item.error) for item in items if isinstance(item, Failed)] == [error] * 2


async def test_a_failed_task_keeps_its_good_track(api: Asking) -> None:
    one, other = await ends(api, "one_fails")
    assert isinstance(one, Done)
    assert isinstance(other, Failed)


async def test_a_callback_that_failed_leaves_the_tracks(api: Asking) -> None:
    assert [type(item) for item in await ends(api, "callback_exception")] == [Done, Done]


async def test_a_task_can_be_missing_for_some_polls(api: Asking) -> None:
    api.break_("missing=1")
    taken = await api.submit(api.task(SONG))
    assert await api.look(taken) == []
    assert len(await api.look(taken)) == 1


async def test_callbacks_come_as_the_tracks_do(api: Asking, ear: Ear) -> None:
    taken = await api.submit(api.task(SONG, callback_url=ear.url))
    [id] = taken.ids
    heard = []
    for seconds in (0.4, 0.7, 0.3):
        api.pass_(seconds * PACE_S)
        heard.append((await ear.next(api))[id])
    assert heard == [["Pending"] * 2, ["Done", "Pending"], ["Done"] * 2]


async def test_a_callback_tells_of_failure_too(api: Asking, ear: Ear) -> None:
    api.break_("all_fail")
    [id] = (await api.submit(api.task(SONG, callback_url=ear.url))).ids
    api.pass_(2 * PACE_S)
    await ear.next(api)
    assert await ear.next(api) == {id: ["Failed", "Failed"]}


async def test_callbacks_can_be_lost_and_come_twice(api: Asking, ear: Ear) -> None:
    api.break_("callback_lost,times=1", "callback_twice,times=1")
    [lost] = (await api.submit(api.task(SONG, callback_url=ear.url, title="Lost"))).ids
    api.break_("callback_twice,times=1")
    [twice] = (await api.submit(api.task(SONG, callback_url=ear.url))).ids
    api.pass_(2 * PACE_S)
    heard = [next(iter(await ear.next(api))) for _ in range(6)]
    assert heard == [twice] * 6
    assert not ear.heard_more
    assert lost not in heard


async def test_nothing_is_called_back_that_is_not_on_this_machine(api: Asking, ear: Ear) -> None:
    await api.submit(api.task(SONG, callback_url="http://gateway.example/told"))
    await api.submit(api.task(SONG, callback_url=ear.url, title="Another"))
    api.pass_(2 * PACE_S)
    for _ in range(3):
        await ear.next(api)
    fake = api.fake.family
    assert isinstance(fake, Fake)
    assert len({task for task, _ in fake.calls}) == 1


async def test_a_callback_that_nobody_hears_harms_nothing(api: Asking, ear: Ear) -> None:
    await api.submit(api.task(SONG, callback_url="http://127.0.0.1:9/told"))
    [id] = (await api.submit(api.task(SONG, callback_url=ear.url, title="Another"))).ids
    api.pass_(2 * PACE_S)
    assert [*await ear.next(api)] == [id]
