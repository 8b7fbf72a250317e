"""What all fakes do, tried on Suno's: real HTTP on loopback, each fault by itself and some together."""

import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
import soundfile
from PIL import Image

from storage.errors import (
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamSessionExpired,
)
from storage.job import Kind
from tests.cli.fakes.asking import Asking, asking

SONG = Kind.MUSIC_GENERATE


@pytest.fixture
async def suno() -> AsyncIterator[Asking]:
    async with asking("suno") as one:
        yield one


async def accepted(one: Asking) -> tuple[int, int]:
    """How many calls were accepted, and how many of them had been before."""
    told = await one.admin("GET")
    return told["accepted"], told["duplicates"]


async def test_a_call_that_is_accepted_twice_shows(suno: Asking) -> None:
    await suno.submit(suno.task(SONG))
    await suno.submit(suno.task(SONG, title="Another"))
    assert await accepted(suno) == (2, 0)
    await suno.submit(suno.task(SONG))
    assert await accepted(suno) == (3, 1)


async def test_the_log_tells_each_call_and_what_was_answered(suno: Asking) -> None:
    taken = await suno.submit(suno.task(SONG))
    await suno.look(taken)
    told = await suno.admin("GET", "/log")
    assert [(one["operation"], one["answer"]) for one in told["requests"]] == [("submit", 200), ("poll", 200)]
    assert [one["path"] for one in told["accepts"]] == ["/api/generate/v2/"]


async def test_the_log_holds_no_credential(suno: Asking) -> None:
    await suno.submit(suno.task(SONG), key="a-key-that-may-be-real")
    assert "may-be-real" not in str(await suno.admin("GET", "/log"))


async def test_counts_can_begin_anew(suno: Asking) -> None:
    await suno.submit(suno.task(SONG))
    await suno.admin("DELETE", "/counts")
    assert await accepted(suno) == (0, 0)


async def test_faults_are_switched_while_it_runs(suno: Asking) -> None:
    await suno.admin("PUT", "/faults", ["busy,times=1", {"name": "slow", "value": 0, "times": 1}])
    with pytest.raises(UpstreamBusy):
        await suno.submit(suno.task(SONG))
    await suno.submit(suno.task(SONG))
    told = await suno.admin("PUT", "/faults", ["nonsense"])
    assert "nonsense" in told["detail"]


async def test_time_leaps_when_it_is_told_to(suno: Asking) -> None:
    taken = await suno.submit(suno.task(SONG))
    await suno.admin("POST", "/advance", {"seconds": 60})
    assert [type(item).__name__ for item in await suno.look(taken)] == ["Done", "Done"]


async def test_the_pace_can_be_changed_for_what_comes(suno: Asking) -> None:
    await suno.admin("POST", "/pace", {"pace_s": 0.001})
    taken = await suno.submit(suno.task(SONG))
    suno.pass_(0.01)
    assert [type(item).__name__ for item in await suno.look(taken)] == ["Done", "Done"]


async def test_without_a_credential_nothing_is_accepted(suno: Asking) -> None:
    with pytest.raises(UpstreamSessionExpired):
        await suno.submit(suno.task(SONG), key="")
    assert await accepted(suno) == (0, 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("busy", UpstreamBusy),
        ("error", UpstreamError),
        ("error=500", UpstreamFailed),
        ("session_expired", UpstreamSessionExpired),
        ("no_credits", UpstreamOutOfCredits),
        ("challenge", UpstreamChallenged),
    ],
)
async def test_what_is_refused_is_not_counted(suno: Asking, fault: str, error: type[UpstreamError]) -> None:
    suno.break_(fault)
    with pytest.raises(error):
        await suno.submit(suno.task(SONG))
    assert await accepted(suno) == (0, 0)


async def test_too_many_requests_say_when_to_come_again_or_not(suno: Asking) -> None:
    suno.break_("busy=30,times=1", "busy")
    for wanted in (30.0, None):
        with pytest.raises(UpstreamBusy) as caught:
            await suno.submit(suno.task(SONG))
        assert caught.value.retry_after_s == wanted


async def test_a_connection_cut_before_leaves_nothing_behind(suno: Asking) -> None:
    suno.break_("reset_before,times=1")
    with pytest.raises(aiohttp.ClientConnectionError):
        await suno.submit(suno.task(SONG))
    assert await accepted(suno) == (0, 0)
    await suno.submit(suno.task(SONG))
    assert await accepted(suno) == (1, 0)


async def test_a_connection_cut_after_leaves_two_clips_that_the_feed_lists(suno: Asking) -> None:
    suno.break_("reset_after,times=1")
    about = suno.task(SONG)
    with pytest.raises(aiohttp.ClientConnectionError):
        await suno.submit(about)
    assert await accepted(suno) == (1, 0)
    since_ms = round(suno.fake.world.unix_s() * 1000)
    [found] = suno.speaks.found(about, since_ms, await suno.send(suno.speaks.recent()))
    suno.pass_(60)
    assert [type(item).__name__ for item in await suno.look(found)] == ["Done", "Done"]


@pytest.mark.parametrize("fault", ["error_after", "html", "cut_json"])
async def test_an_answer_that_was_spoilt_leaves_open_what_was_accepted(suno: Asking, fault: str) -> None:
    suno.break_(fault)
    with pytest.raises(UpstreamError) as caught:
        await suno.submit(suno.task(SONG))
    assert caught.value.in_doubt
    assert await accepted(suno) == (1, 0)


async def test_a_slow_answer_comes_when_the_work_was_done_long_ago(suno: Asking) -> None:
    suno.break_("slow=30")
    call = suno.speaks.submit(suno.task(SONG))
    url, key = suno.fake.url + call.path, {"Authorization": "Bearer one"}
    with pytest.raises(TimeoutError):
        async with suno.http.post(url, json=call.json, headers=key, timeout=aiohttp.ClientTimeout(total=0.2)):
            pass
    assert await accepted(suno) == (1, 0)


async def test_faults_go_together_each_with_its_own_count(suno: Asking) -> None:
    suno.break_("busy,times=1", "reset_after,times=1", "html,on=poll,times=1")
    with pytest.raises(UpstreamBusy):
        await suno.submit(suno.task(SONG))
    with pytest.raises(aiohttp.ClientConnectionError):
        await suno.submit(suno.task(SONG))
    taken = await suno.submit(suno.task(SONG))
    with pytest.raises(UpstreamMalformed):
        await suno.look(taken)
    assert len(await suno.look(taken)) == 2
    assert await accepted(suno) == (2, 1)


async def test_files_are_real_and_differ_by_clip(suno: Asking) -> None:
    _, [one, other] = await suno.done(suno.task(SONG))
    sounds = [await suno.file(clip) for clip in (one, other)]
    assert {(status, kind) for status, kind, _ in sounds} == {(200, "audio/mpeg")}
    assert [soundfile.info(io.BytesIO(sound)).duration for _, _, sound in sounds] == [3.0, 3.5]
    assert [one.metadata["duration_s"], other.metadata["duration_s"]] == [3.0, 3.5]
    status, kind, picture = await suno.file(one, "cover")
    assert (status, kind) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(picture)).size == (256, 256)
    assert picture != (await suno.file(other, "cover"))[2]


async def test_the_same_file_is_the_same_bytes_each_time(suno: Asking) -> None:
    _, [one, _] = await suno.done(suno.task(SONG))
    assert await suno.file(one) == await suno.file(one)


async def test_a_file_can_be_wrong_in_several_ways(suno: Asking) -> None:
    _, [one, other] = await suno.done(suno.task(SONG))
    _, _, right = await suno.file(one)
    found = {}
    for wrong in ("html", "decoy", "empty", "truncated"):
        suno.break_(f"wrong_file={wrong}")
        found[wrong] = await suno.file(one)
    assert found["html"][:2] == (200, "text/html")
    assert found["empty"][2] == b""
    assert right.startswith(found["truncated"][2])
    assert 0 < len(found["truncated"][2]) < len(right)
    suno.break_("wrong_file=decoy")
    assert soundfile.info(io.BytesIO(found["decoy"][2])).duration == 1.0
    assert found["decoy"] == await suno.file(other)


async def test_links_can_have_expired(suno: Asking) -> None:
    _, [one, _] = await suno.done(suno.task(SONG))
    suno.break_("expired,times=2")
    assert [(await suno.file(one))[0] for _ in range(3)] == [403, 403, 200]


async def test_a_file_can_be_late(suno: Asking) -> None:
    suno.break_("late=20")
    _, [one, _] = await suno.done(suno.task(SONG))
    assert (await suno.file(one))[0] == 403
    suno.pass_(20)
    assert (await suno.file(one))[0] == 200
