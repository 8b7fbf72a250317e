"""Endpoints: written whole or not at all, found by their owners only, and known to the outbox at once."""

import asyncio
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from storage.errors import InvalidRequest, KeyReused, NotFound
from storage.jobs import Idempotency
from storage.signing import Signing
from storage.webhooks import MAX_ENDPOINTS, Endpoint, Webhooks, now_ms

FIELDS: dict[str, Any] = {
    "url": "https://a.example/in",
    "events": ["job.succeeded", "job.failed"],
    "base_url": "https://g",
}


async def register(webhooks: Webhooks, owner: str = "alice", **fields: Any) -> Endpoint:
    return (await webhooks.register(owner, FIELDS | fields))[0]


def renamed(name: str) -> Any:
    def change(before: Endpoint) -> Endpoint:
        return msgspec.structs.replace(before, name=before.name + name)

    return change


async def test_an_endpoint_comes_back_as_it_was_made(webhooks: Webhooks, redis: Redis) -> None:
    made = await register(webhooks, name="the shop")
    assert await webhooks.find("alice", made.id) == made
    assert await webhooks.all("alice") == [made]
    assert abs(made.created - now_ms()) < 5000
    assert made.id.startswith("we_")
    assert await redis.hgetall("hooks:alice") == {made.id.encode(): b"job.succeeded job.failed"}


async def test_it_is_its_owner_s_alone(webhooks: Webhooks) -> None:
    made = await register(webhooks)
    for attempt in (
        webhooks.find("bob", made.id),
        webhooks.change("bob", made.id, renamed("mine")),
        webhooks.remove("bob", made.id),
        webhooks.find("alice", "we_unknown"),
        webhooks.find("alice", "default:alice"),
        webhooks.find("alice", ""),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await webhooks.all("bob") == []
    assert await webhooks.find("alice", made.id) == made


async def test_a_default_secret_s_record_is_no_endpoint(webhooks: Webhooks) -> None:
    await webhooks.rotate_default("alice", 60)
    with pytest.raises(NotFound):
        await webhooks.find("alice", "default:alice")
    assert await webhooks.all("alice") == []


async def test_there_are_as_many_as_there_may_be_and_no_more_even_at_once(webhooks: Webhooks) -> None:
    made = await asyncio.gather(*(register(webhooks) for _ in range(MAX_ENDPOINTS + 5)), return_exceptions=True)
    refused = [one for one in made if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [InvalidRequest] * 5
    assert f"{MAX_ENDPOINTS} webhook endpoints" in str(refused[0])
    endpoints = await webhooks.all("alice")
    assert len(endpoints) == MAX_ENDPOINTS
    await register(webhooks, "bob")
    await webhooks.remove("alice", endpoints[0].id)
    await register(webhooks)


async def test_the_same_request_makes_one_endpoint(webhooks: Webhooks) -> None:
    seen = Idempotency.of("key", b"body")
    first, before = await webhooks.register("alice", FIELDS, seen)
    again, replayed = await webhooks.register("alice", FIELDS, seen)
    assert (again, before, replayed) == (first, False, True)
    with pytest.raises(KeyReused):
        await webhooks.register("alice", FIELDS, Idempotency.of("key", b"another"))
    other, _ = await webhooks.register("bob", FIELDS, seen)
    assert other.id != first.id
    assert len(await webhooks.all("alice")) == 1


async def test_the_same_request_says_the_same_after_a_change(webhooks: Webhooks) -> None:
    seen = Idempotency.of("key", b"body")
    first, _ = await webhooks.register("alice", FIELDS, seen)
    changed = await webhooks.change("alice", first.id, renamed("x"))
    assert await webhooks.register("alice", FIELDS, seen) == (changed, True)


async def test_an_endpoint_that_is_made_again_under_its_old_id_has_another_secret(webhooks: Webhooks) -> None:
    seen = Idempotency.of("key", b"body")
    first, _ = await webhooks.register("alice", FIELDS, seen)
    await webhooks.remove("alice", first.id)
    while now_ms() == first.created:
        pass
    again, replayed = await webhooks.register("alice", FIELDS, seen)
    assert (again.id, replayed) == (first.id, False)
    assert again.whose != first.whose


async def test_of_many_changes_at_once_none_is_lost(webhooks: Webhooks) -> None:
    made = await register(webhooks)
    letters = "abcdefghijkl"
    await asyncio.gather(*(webhooks.change("alice", made.id, renamed(letter)) for letter in letters))
    assert sorted((await webhooks.find("alice", made.id)).name) == sorted(letters)


async def test_changes_reach_the_outbox_at_once(webhooks: Webhooks, redis: Redis) -> None:
    made = await register(webhooks, enabled=False)
    assert not await redis.exists("hooks:alice")

    def on(before: Endpoint) -> Endpoint:
        return msgspec.structs.replace(before, enabled=True, events=["job.deleted"])

    await webhooks.change("alice", made.id, on)
    assert await redis.hgetall("hooks:alice") == {made.id.encode(): b"job.deleted"}
    assert await webhooks.switch_off(made, "it answered 410 Gone")
    assert not await webhooks.switch_off(made, "it answered 410 Gone again")
    assert not await redis.exists("hooks:alice")
    now = await webhooks.find("alice", made.id)
    assert (now.enabled, now.disabled_reason, now.events) == (False, "it answered 410 Gone", ["job.deleted"])


async def test_a_deleted_endpoint_leaves_nothing_and_does_not_come_back(webhooks: Webhooks, redis: Redis) -> None:
    made = await register(webhooks)
    await webhooks.remove("alice", made.id)
    assert await redis.keys("*") == []
    with pytest.raises(NotFound):
        await webhooks.switch_off(made, "late")
    with pytest.raises(NotFound):
        await webhooks.remove("alice", made.id)
    assert await redis.keys("*") == []


async def test_a_record_of_an_older_or_newer_version_can_be_changed_and_deleted(
    webhooks: Webhooks, redis: Redis
) -> None:
    made = await register(webhooks)
    record = msgspec.json.decode(await redis.get(f"hook:{made.id}"))
    await redis.set(f"hook:{made.id}", msgspec.json.encode({"unheard_of": 1, **record, "name": ""}))
    assert (await webhooks.change("alice", made.id, renamed("x"))).name == "x"
    await redis.set(f"hook:{made.id}", msgspec.json.encode({**record, "name": ""}))
    await webhooks.remove("alice", made.id)
    assert await webhooks.all("alice") == []


async def test_a_default_secret_rotates(webhooks: Webhooks) -> None:
    assert await webhooks.default_signing("alice") == Signing()
    first = await webhooks.rotate_default("alice", 60)
    assert (first.version, len(first.retiring)) == (2, 1)
    second = await webhooks.rotate_default("alice", 60)
    assert second.versions(now_ms()) == [3, 2, 1]
    assert await webhooks.default_signing("alice") == second
    assert await webhooks.default_signing("bob") == Signing()
