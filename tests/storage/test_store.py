"""Put together from its settings, the store keeps what they ask for."""

import pytest
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis

from storage.keys import job_channel
from storage.settings import Durability, StorageSettings
from storage.store import Store
from tests.storage.samples import sample
from tests.waiting import until


def settings(url: str, **changed: object) -> StorageSettings:
    usual: dict[str, object] = {
        "redis_url": url,
        "s3_endpoint": "http://127.0.0.1:1",
        "s3_access_key": "a",
        "s3_secret_key": "b",
        "secret": "s" * 32,
    }
    return StorageSettings.model_validate(usual | changed)


async def connections(redis: Redis) -> set[str]:
    """By what the server calls them. Others may come and go meanwhile."""
    return {client["id"] for client in await redis.client_list()}


@pytest.mark.parametrize("durability", [Durability.EVERYSEC, Durability.FSYNC])
async def test_a_store_admits_signals_and_leaves_nothing_open(
    redis: Redis, redis_url: str, durability: Durability
) -> None:
    before = await connections(redis)
    store = Store.open(settings(redis_url, durability=durability))
    await store.start()
    job = sample()
    async with store.signals.watch(job_channel(job.id)) as signal:
        await store.jobs.admit(job)
        while "queued" not in signal.said:
            assert await signal.wait(5)
        opened = await connections(redis) - before
    assert opened
    await store.close()

    async def closed() -> bool:
        return not opened & await connections(redis)

    await until(closed)


async def waits(redis: Redis) -> int:
    """How often the server was asked to confirm that the disk has it."""
    stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_waitaof", {"calls": 0})["calls"])


async def test_only_an_admission_waits_for_the_disk(redis: Redis, redis_url: str) -> None:
    store = Store.open(settings(redis_url, durability="fsync"))
    await store.jobs.get("warm")  # the server knows the scripts
    before, job = await waits(redis), sample()
    await store.jobs.admit(job)
    await store.jobs.get(job.id)
    await store.jobs.cancel(job)
    await store.close()
    assert await waits(redis) - before == 1


async def test_a_record_outlives_its_end_as_long_as_the_settings_say(redis: Redis, redis_url: str) -> None:
    store = Store.open(settings(redis_url, record_days=0.5))
    await store.jobs.admit(job := sample())
    await store.jobs.cancel(job)
    assert 12 * 3600 - 60 < await redis.ttl(f"job:{job.id}") <= 12 * 3600
    await store.close()


@pytest.mark.parametrize(
    ("name", "value"), [("secret", "short"), ("record_days", 0), ("durability", "hope"), ("redis_url", None)]
)
def test_settings_that_cannot_be_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        settings("redis://127.0.0.1", **{name: value})


def test_no_secret_is_shown_with_the_settings() -> None:
    shown = repr(settings("redis://:hunter2@127.0.0.1", secret="x" * 32, s3_secret_key="hunter3"))
    assert "hunter" not in shown
    assert "xxx" not in shown
    assert SecretStr("x" * 32) == settings("redis://127.0.0.1", secret="x" * 32).secret


def test_a_refused_address_is_not_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        settings("http://:hush@nowhere")
    assert "hush" not in str(refused.value)
