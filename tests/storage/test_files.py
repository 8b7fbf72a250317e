"""Files' records: who may see them, in which order they are listed, and when they go."""

import time

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.errors import Gone, InUse, KeyReused, NotFound
from storage.files import BATCH, File, Files, Segment
from storage.ids import new_batch_id, new_file_id
from storage.jobs import Idempotency
from storage.scripts import Scripts
from tests.storage.samples import LATER_MS, RECORD_S


@pytest.fixture
def files(redis: Redis, scripts: Scripts) -> Files:
    return Files(redis, scripts, record_s=RECORD_S)


async def add(files: Files, owner: str = "alice", key: Idempotency | None = None, **fields: object) -> File:
    id = new_file_id(next(LATER_MS))
    where = await files.begin(owner, id)
    usual = {"purpose": "user_data", "filename": "notes.txt", "bytes": 5, "sha256": "ab", "where": where}
    file, _ = await files.add(File(id=id, owner=owner, **(usual | fields)), key)  # type: ignore[arg-type]
    return file


async def to_be_erased(redis: Redis) -> dict[str, float]:
    return {name.decode(): score for name, score in await redis.zrange(keys.ERASE, 0, -1, withscores=True)}


async def test_a_file_is_found_by_its_owner_only(files: Files) -> None:
    file = await add(files, filename="päper, 紙.txt")
    assert await files.get("alice", file.id) == file
    for owner, id in (("bob", file.id), ("alice", new_file_id()), ("alice", "file-../x"), ("alice", new_batch_id())):
        with pytest.raises(NotFound):
            await files.get(owner, id)


async def test_bytes_that_no_file_is_made_of_are_erased_in_a_day(files: Files, redis: Redis) -> None:
    id = new_file_id()
    where = await files.begin("alice", id)
    assert where == f"files/alice/{id}"
    assert (await to_be_erased(redis))[where] == pytest.approx((time.time() + 86_400) * 1000, abs=10_000)
    await files.add(File(id=id, owner="alice", purpose="user_data", filename="x", where=where))
    assert await to_be_erased(redis) == {}


async def test_a_file_that_expires_goes_with_its_bytes(files: Files, redis: Redis) -> None:
    kept = await add(files)
    soon = await add(files, expires=int((time.time() + 60) * 1000))
    assert await redis.ttl(keys.file(kept.id)) == -1
    assert 50 < await redis.ttl(keys.file(soon.id)) <= 60
    assert await to_be_erased(redis) == {soon.where: soon.expires}


async def test_a_batchs_input_is_kept_for_as_long_as_records_are_unless_somebody_says(
    files: Files, redis: Redis
) -> None:
    usual = await add(files, purpose=BATCH)
    assert usual.expires == usual.created + RECORD_S * 1000
    assert RECORD_S - 10 < await redis.ttl(keys.file(usual.id)) <= RECORD_S
    said = int((time.time() + 60) * 1000)
    assert (await add(files, purpose=BATCH, expires=said)).expires == said


async def test_pages_are_in_the_order_of_age_and_go_on_after_what_has_been_deleted(files: Files) -> None:
    made = [await add(files, purpose=("user_data", "vision")[n % 2]) for n in range(7)]
    await add(files, owner="bob")
    first = await files.page("alice", after=None, limit=3)
    assert (first.files, first.more) == (made[:3:-1], True)
    await files.remove("alice", first.files[-1].id)
    second = await files.page("alice", after=first.files[-1].id, limit=4)
    assert (second.files, second.more) == (made[3::-1], False)
    oldest = await files.page("alice", after=made[0].id, limit=2, newest_first=False)
    assert (oldest.files, oldest.more) == (made[1:3], True)
    vision = await files.page("alice", after=None, limit=2, purpose="vision")
    assert (vision.files, vision.more) == ([made[5], made[3]], True)
    assert await files.page("carol", after=None, limit=2) == ([], False)


async def test_a_list_forgets_what_has_expired(files: Files, redis: Redis) -> None:
    gone, kept = await add(files), await add(files)
    await redis.delete(keys.file(gone.id))
    assert (await files.page("alice", after=None, limit=5)).files == [kept]
    assert await redis.zrange(keys.files("alice"), 0, -1) == [kept.id.encode()]


async def test_a_deleted_file_is_gone_and_its_bytes_are_erased_once_more(files: Files, redis: Redis) -> None:
    file = await add(files)
    with pytest.raises(NotFound):
        await files.remove("bob", file.id)
    assert (await files.remove("alice", file.id)).where == file.where
    with pytest.raises(NotFound):
        await files.get("alice", file.id)
    assert list(await to_be_erased(redis)) == [file.where]
    assert [key async for key in redis.scan_iter("file*")] == []


async def test_a_file_that_is_held_is_not_deleted(files: Files, redis: Redis) -> None:
    file = await add(files)
    await redis.hincrby(keys.file(file.id), "holds", 1)
    with pytest.raises(InUse):
        await files.remove("alice", file.id)
    assert (await files.get("alice", file.id)).holds == 1


async def test_the_same_request_makes_one_file(files: Files, redis: Redis) -> None:
    key, other = Idempotency.of("k", b"one"), Idempotency.of("k", b"two")
    file = await add(files, key=key)
    again = File(id=new_file_id(), owner="alice", purpose="user_data", filename="x", where="files/alice/again")
    assert await files.add(again, key) == (file, True)
    with pytest.raises(KeyReused):
        await files.add(again, other)
    await files.remove("alice", file.id)
    with pytest.raises(Gone):
        await files.add(again, key)
    assert [name async for name in redis.scan_iter("file:*")] == []


async def test_a_repeated_call_changes_nothing(files: Files, redis: Redis) -> None:
    key = Idempotency.of("k", b"one")
    file = File(id=new_file_id(), owner="alice", purpose="user_data", filename="x", where="files/alice/x")
    assert await files.add(file, key) == await files.add(file, key) == (file, False)
    assert await redis.zcard(keys.files("alice")) == 1


async def test_an_uploaded_file_is_one_segment(files: Files) -> None:
    file = await add(files)
    assert await files.segments(file) == [Segment(5, file.where)]
