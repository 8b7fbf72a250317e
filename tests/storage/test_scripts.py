"""Calls of one moment travel together, and each is answered, whatever happens to the connection."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from cli.embedded import Redis as Server
from storage import scripts as module
from storage.connect import command, connect
from storage.errors import NotDurable, RedisUnavailable
from storage.job import Status
from storage.jobs import Idempotency, Jobs
from storage.queue import Queue
from storage.scripts import Confirm, Scripts
from tests.storage.relay import relayed
from tests.storage.samples import LANE, RECORD_S, feed, sample, where
from tests.waiting import until

NO_ROW = b"\x90"
"""An empty list, as MessagePack."""


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Redis]:
    client = connect(SecretStr(url))
    yield client
    await client.aclose()


def jobs_on(redis: Redis, *, confirm: Confirm | None = None) -> Jobs:
    scripts = Scripts(redis)
    queue = Queue(redis, scripts, record_s=RECORD_S)
    return Jobs(redis, scripts, queue, durable=Scripts(redis, confirm=confirm))


async def calls(redis: Redis, name: str) -> int:
    """How often the server has run a command."""
    stats = await redis.info("commandstats")
    return int(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, at shorter intervals."""
    monkeypatch.setattr(module, "_PAUSES_S", (0.01, 0.02, 0.03))


async def test_calls_of_one_moment_share_a_pipeline(redis: Redis) -> None:
    # one confirmation is sent at the end of each pipeline, so confirmations count pipelines
    scripts = Scripts(redis, confirm=Confirm(disks=1), batch=100)
    await scripts.call("read", "warm")
    before = await calls(redis, "waitaof"), await calls(redis, "fcall")
    answers = await asyncio.gather(*(scripts.call("read", f"id{n}") for n in range(250)))
    assert len(answers) == 250
    assert (await calls(redis, "waitaof") - before[0], await calls(redis, "fcall") - before[1]) == (3, 250)


async def test_calls_that_write_are_one_command_and_those_that_read_are_not_among_them(
    redis: Redis, scripts: Scripts
) -> None:
    await scripts.call("read", "warm")
    before = await calls(redis, "fcall")
    moves = [scripts.call("advance", f"id{n}", "", "queued", "running", 0, 0, RECORD_S) for n in range(20)]
    reads = [scripts.call("read", f"id{n}") for n in range(5)]
    assert await asyncio.gather(*moves, *reads) == [[0, b"missing"]] * 20 + [[NO_ROW]] * 5
    assert await calls(redis, "fcall") - before == 1 + 5


async def test_among_calls_that_are_one_command_each_gets_its_own_answer_or_error(
    redis: Redis, scripts: Scripts, jobs: Jobs
) -> None:
    job = sample()
    await jobs.admit(job)
    good = scripts.call("advance", job.id, "", "queued", "running", 0, 0, RECORD_S)
    wrong = scripts.call("claim", LANE, "not a number", 1, 1, 1, "running")
    of_another_type = scripts.call("claim", "strange", 1, 1000, 1, 1, "running")
    nobody = scripts.call("advance", "nobody", "", "queued", "running", 0, 0, RECORD_S)
    await redis.set("asleep:strange", "no sorted set")
    answers = await asyncio.gather(good, wrong, of_another_type, nobody, return_exceptions=True)
    assert (answers[0], answers[3]) == ([1, b"running"], [0, b"missing"])
    assert [type(answer) for answer in answers[1:3]] == [ResponseError] * 2
    assert "number" in str(answers[1])
    assert "WRONGTYPE" in str(answers[2])


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a group"])
async def test_words_arrive_as_they_are_however_they_travel(redis: Redis, scripts: Scripts, together: bool) -> None:
    words = ["", "plain", "ü\u0000\u20ac", "x" * 70_000, bytes(range(256)), b"", 0, -7, 2**53, 0.1, 1e300, float("inf")]
    fields = [part for number, word in enumerate(words) for part in (f"f{number}", word)]
    await redis.hset("job:j", mapping={"status": "running", "token": "1", "lane": LANE, "owner": "o"})
    said = [scripts.call("report", "j", 1, "changed", *fields)]
    if together:
        said.append(scripts.call("report", "nobody", 1, "changed"))
    assert (await asyncio.gather(*said))[0] == 1
    stored = await redis.hgetall("job:j")
    expected = [
        word if isinstance(word, bytes) else (word if isinstance(word, str) else repr(word)).encode() for word in words
    ]
    assert [stored[f"f{number}".encode()] for number in range(len(words))] == expected


@pytest.mark.parametrize("odd", [None, True, ["a"]])
async def test_what_is_no_word_is_refused_and_not_written_down(scripts: Scripts, odd: Any) -> None:
    calls = [scripts.call("report", id, 1, "changed", "field", odd) for id in ("one", "other")]
    said = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in said] == [TypeError] * 2


async def test_what_is_registered_between_two_calls_of_a_group_hears_of_the_second(
    redis: Redis, scripts: Scripts, jobs: Jobs
) -> None:
    """A group asks once for what it needs often (`known` in `job.lua`)."""
    first, second = sample(), sample()
    for job in (first, second):
        await jobs.admit(job)
    before = scripts.call("advance", first.id, "", "queued", "canceled", 0, 0, RECORD_S)
    hook = scripts.call("hook", "we_1", "alice", "", "{}", 1, "job.canceled", 10)
    after = scripts.call("advance", second.id, "", "queued", "canceled", 0, 0, RECORD_S)
    assert await asyncio.gather(before, hook, after) == [[1, b"canceled"], 1, [1, b"canceled"]]
    (delivery,) = await redis.zrange("jobs:we_1", 0, -1)
    letter = json.loads(cast(bytes, await redis.hget(f"job:{delivery.decode()}", "request")))
    assert (letter["job"], letter["event"]) == (second.id, "canceled")


async def test_two_pipelines_are_under_way_at_most_and_what_is_called_meanwhile_forms_the_next_one(
    redis: Redis,
) -> None:
    scripts = Scripts(redis, confirm=Confirm(disks=1))
    await scripts.call("read", "warm")
    before = await calls(redis, "waitaof")
    made = []
    for _ in range(2):
        made.append(scripts.call("read", "early"))
        await asyncio.sleep(0)  # a sender has taken it
    made += [scripts.call("read", f"id{n}") for n in range(50)]
    await asyncio.gather(*made)
    assert await calls(redis, "waitaof") - before == 3


async def test_each_caller_gets_its_own_answer(jobs: Jobs) -> None:
    made = [sample() for _ in range(300)]
    await asyncio.gather(*(jobs.admit(job) for job in made))
    answers = await asyncio.gather(*(jobs.get(job.id) for job in made))
    assert [answer[0].id for answer in answers if answer[0]] == [job.id for job in made]


async def test_a_caller_that_went_away_takes_no_other_with_it(jobs: Jobs) -> None:
    made = [sample() for _ in range(10)]
    tasks = [asyncio.create_task(jobs.admit(job)) for job in made]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done] == [True, False] * 5


async def test_a_server_that_forgot_the_functions_is_taught_them_again(jobs: Jobs, redis: Redis) -> None:
    for _ in range(3):
        await redis.function_flush()
        made = [sample() for _ in range(20)]
        await asyncio.gather(*(jobs.admit(job) for job in made))
        assert all(await jobs.get(*(job.id for job in made)))


async def test_a_wrong_call_harms_only_its_caller(scripts: Scripts) -> None:
    good, bad = scripts.call("read", "nothing"), scripts.call("claim", LANE, "not a number", 1, 1, 1, "running")
    with pytest.raises(Exception, match="number"):
        await bad
    assert await good


async def test_a_connection_killed_under_way_goes_unnoticed(redis: Redis, redis_url: str) -> None:
    async with client_of(redis_url) as client:
        jobs, made = jobs_on(client), [sample() for _ in range(20)]
        await jobs.get("warm")
        mine = await client.client_id()
        await command(redis, "CLIENT", "PAUSE", 60_000, "WRITE")
        admissions = asyncio.gather(*(jobs.admit(job) for job in made))

        async def blocked() -> bool:
            return any(row["id"] == str(mine) and "b" in row["flags"] for row in await redis.client_list())

        await until(blocked)
        await command(redis, "CLIENT", "KILL", "ID", mine)
        await command(redis, "CLIENT", "UNPAUSE")
        assert not any(admission.replayed for admission in await admissions)
        assert await redis.zcard("jobs:alice") == len(made)


async def test_an_admission_whose_answer_was_lost_is_made_once(redis: Redis, redis_url: str) -> None:
    async with relayed(redis_url) as (relay, url), client_of(url) as client:
        jobs, job = jobs_on(client), sample()
        await jobs.get("warm")
        relay.lose = 1
        admission = await jobs.admit(job, Idempotency.of("key", b"body"))
        assert relay.lose == 0
    assert not admission.replayed
    assert await feed(redis) == [(job.id, "queued")]


async def test_a_move_whose_answer_was_lost_is_made_and_told_once(redis: Redis, redis_url: str) -> None:
    async with relayed(redis_url) as (relay, url), client_of(url) as client:
        jobs, job = jobs_on(client), sample()
        queue = Queue(client, Scripts(client), record_s=RECORD_S)
        await jobs.admit(job)
        _, [held] = await queue.claim(LANE, 1, lease_s=30)
        relay.lose = 2
        assert await queue.advance(job.id, Status.STORING, token=held.token)
        assert relay.lose == 0
    assert await feed(redis) == [(job.id, word) for word in ("queued", "started", "storing")]


async def test_while_redis_is_away_every_caller_is_told_and_later_calls_work(tmp_path: Path, impatient: None) -> None:
    with Server(tmp_path) as server:
        async with client_of(server.url) as client:
            jobs, kept = jobs_on(client), sample()
            await jobs.admit(kept)
            await command(client, "WAITAOF", 1, 0, 3000)
            server.kill()
            answers = await asyncio.gather(*(jobs.get("x") for _ in range(50)), return_exceptions=True)
            assert {type(answer) for answer in answers} == {RedisUnavailable}
            server.start()
            assert await jobs.get(kept.id) != [None]


async def test_a_redis_that_is_silent_keeps_nobody_waiting_for_many_timeouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.1)
    with Server(tmp_path) as server:
        client = connect(SecretStr(server.url), timeout_s=0.4)
        await jobs_on(client).get("warm")
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(RedisUnavailable):
            await jobs_on(client).get("x")
        assert time.monotonic() - began < 2 * 0.4
        server.process.send_signal(signal.SIGCONT)
        await client.aclose()


async def test_a_short_absence_of_redis_goes_unnoticed(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        async with client_of(server.url) as client:
            jobs = jobs_on(client)
            await jobs.get("warm")
            server.kill()
            answers = asyncio.gather(*(jobs.get("x") for _ in range(50)))
            await asyncio.to_thread(server.start)
            assert len(await answers) == 50


@pytest.mark.parametrize(
    ("setting", "refusing", "usual"), [("maxmemory", 1, 0), ("min-replicas-to-write", 1, 0)], ids=["full", "alone"]
)
async def test_a_redis_that_takes_no_writes_is_unavailable_and_admits_nothing(
    redis: Redis, jobs: Jobs, setting: str, refusing: int, usual: int
) -> None:
    await jobs.get("warm")
    await redis.config_set(setting, refusing)
    try:
        with pytest.raises(RedisUnavailable):
            await jobs.admit(job := sample())
    finally:
        await redis.config_set(setting, usual)
    assert await where(redis, job.id) == set()
    await jobs.admit(job)


async def test_a_redis_that_is_not_the_primary_is_unavailable(redis: Redis, jobs: Jobs) -> None:
    await jobs.get("warm")
    await command(redis, "REPLICAOF", "127.0.0.1", 1)
    try:
        with pytest.raises(RedisUnavailable):
            await jobs.admit(sample())
    finally:
        await command(redis, "REPLICAOF", "NO", "ONE")
    await jobs.admit(sample())


async def test_with_fsync_an_answer_means_that_the_disk_has_it(redis: Redis, jobs: Jobs) -> None:
    await jobs.get("warm")
    before = await calls(redis, "waitaof")
    await jobs_on(redis, confirm=Confirm(disks=1)).admit(sample())
    assert await calls(redis, "waitaof") == before + 1
    offsets = await command(redis, "WAITAOF", 0, 0, 0)
    assert offsets[0] == 1


async def test_without_an_append_only_file_fsync_is_refused_and_nothing_stays(redis: Redis) -> None:
    await redis.config_set("appendonly", "no")
    try:
        await refused(redis, Confirm(disks=1))
    finally:
        await redis.config_set("appendonly", "yes")


async def test_without_a_replica_nothing_is_admitted_where_one_is_asked_for(redis: Redis) -> None:
    await refused(redis, Confirm(replicas=1, timeout_ms=20))


async def refused(redis: Redis, confirm: Confirm) -> None:
    """The job is not admitted, only its media remain to be erased; one with a key is left for its repetition."""
    jobs, job, key = jobs_on(redis, confirm=confirm), sample(start_by=2**42), Idempotency.of("key", b"body")
    with pytest.raises(NotDurable):
        await jobs.admit(job)
    assert await where(redis, job.id) == {"erase"}
    keyed = sample()
    for again in (keyed, sample()):
        with pytest.raises(NotDurable):
            await jobs.admit(again, key)
    assert (await jobs_on(redis).admit(sample(), key)).job.id == keyed.id


async def test_a_replay_that_is_not_confirmed_leaves_the_first_job_alone(redis: Redis, jobs: Jobs) -> None:
    first, key = sample(), Idempotency.of("key", b"body")
    await jobs.admit(first, key)
    with pytest.raises(NotDurable):
        await jobs_on(redis, confirm=Confirm(replicas=1, timeout_ms=20)).admit(sample(), key)
    assert (await jobs.admit(sample(), key)).job.id == first.id


async def test_with_a_replica_an_answer_means_that_it_has_it(tmp_path: Path) -> None:
    with Server(tmp_path / "primary") as primary, Server(tmp_path / "replica") as replica:
        async with client_of(primary.url) as ours, client_of(replica.url) as theirs:
            await ours.config_set("repl-diskless-sync-delay", 0)
            await theirs.config_set("masterauth", (tmp_path / "primary" / "password").read_text())
            await command(theirs, "REPLICAOF", "127.0.0.1", primary.port)

            async def synchronised() -> bool:
                return bool((await theirs.info("replication"))["master_link_status"] == "up")

            await until(synchronised)
            job = sample()
            await jobs_on(ours, confirm=Confirm(replicas=1)).admit(job)
            assert await theirs.exists(f"job:{job.id}")
