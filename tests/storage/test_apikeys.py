"""A key is shown once and kept as a digest."""

import asyncio

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from storage import keys
from storage.apikeys import ApiKeys
from storage.connect import command
from storage.errors import NotFound
from storage.signals import Signals


@pytest.fixture
def api_keys(redis: Redis) -> ApiKeys:
    return ApiKeys(redis, SecretStr("s" * 32))


async def test_a_key_finds_its_owner(api_keys: ApiKeys) -> None:
    made, text = await api_keys.create("phone app", admin=True)
    assert await api_keys.find(text.get_secret_value()) == made
    assert (made.name, made.admin) == ("phone app", True)


async def test_a_key_has_256_random_bits_and_looks_like_one(api_keys: ApiKeys) -> None:
    texts = {(await api_keys.create("x"))[1].get_secret_value() for _ in range(20)}
    assert len(texts) == 20
    assert all(text.startswith("sk-") and len(text) == 3 + 43 for text in texts)


async def test_redis_never_holds_a_key(api_keys: ApiKeys, redis: Redis) -> None:
    _, text = await api_keys.create("phone app")
    async for key in redis.scan_iter():
        value = await command(redis, "HGETALL" if await redis.type(key) == b"hash" else "GET", key)
        assert text.get_secret_value()[3:] not in f"{key!r} {value!r}"


async def test_a_copy_of_redis_without_the_secret_proves_nothing(api_keys: ApiKeys, redis: Redis) -> None:
    _, text = await api_keys.create("phone app")
    assert await ApiKeys(redis, SecretStr("t" * 32)).find(text.get_secret_value()) is None


@pytest.mark.parametrize("text", ["", "sk-", "sk-nobody", "é", "x" * 100_000])
async def test_what_is_nobodys_key_finds_nobody(api_keys: ApiKeys, text: str) -> None:
    await api_keys.create("phone app")
    assert await api_keys.find(text) is None


async def test_a_key_of_the_operators_own_is_made_known_once(api_keys: ApiKeys) -> None:
    own = SecretStr("the-operators-own-key")
    first, text = await api_keys.create("first", key=own)
    again, _ = await api_keys.create("again", key=own)
    assert again == first
    assert text.get_secret_value() == "the-operators-own-key"
    assert await api_keys.all() == [first]


async def test_all_keys_are_listed_oldest_first(api_keys: ApiKeys) -> None:
    assert await api_keys.all() == []
    made = [(await api_keys.create(name))[0] for name in ("one", "two", "three")]
    assert await api_keys.all() == sorted(made, key=lambda key: (key.created, key.id))


async def test_a_revoked_key_is_nobodys_and_the_others_stay(api_keys: ApiKeys) -> None:
    gone, text = await api_keys.create("gone")
    kept, other = await api_keys.create("kept")
    await api_keys.revoke(gone.id)
    assert await api_keys.find(text.get_secret_value()) is None
    assert await api_keys.find(other.get_secret_value()) == kept
    assert await api_keys.all() == [kept]


async def test_revoking_what_is_not_there_says_so(api_keys: ApiKeys) -> None:
    with pytest.raises(NotFound, match="key_none"):
        await api_keys.revoke("key_none")


async def test_every_process_hears_of_a_new_and_of_a_revoked_key(api_keys: ApiKeys, redis: Redis) -> None:
    signals = Signals(redis)
    await signals.start()
    async with signals.watch(keys.API_KEYS_CHANNEL) as signal, asyncio.timeout(5):
        made, _ = await api_keys.create("phone app")
        await api_keys.revoke(made.id)
        heard: list[str] = []
        while len(heard) < 2:
            await signal.wait()
            heard += signal.take()
    await signals.stop()
    assert heard == [made.id, made.id]


async def test_ids_whose_keys_are_revoked_are_found_out(api_keys: ApiKeys) -> None:
    kept, ended = [(await api_keys.create(name))[0].id for name in ("kept", "ended")]
    assert await api_keys.revoked([kept, ended]) == []
    await api_keys.revoke(ended)
    assert await api_keys.revoked([kept, ended, "key_of_nobody"]) == [ended, "key_of_nobody"]
    assert await api_keys.revoked([]) == []
