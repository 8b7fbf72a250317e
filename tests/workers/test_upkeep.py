import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cli.embedded import Objects as ObjectServer
from storage import keys
from storage.files import File
from storage.ids import new_file_id, new_job_id
from storage.job import Status
from storage.media import inputs_prefix, job_prefix
from storage.objects import Objects
from storage.store import Store
from tests.waiting import until
from tests.workers.jobs import admit, read, settings, stored_settings
from workers.upkeep import erase, prune, rescue, retire


@pytest.fixture
async def ctx(redis_url: str, s3_server: ObjectServer) -> AsyncIterator[dict[str, Any]]:
    storage = stored_settings(redis_url, s3_server)
    store = Store.open(storage)
    objects = await asyncio.to_thread(Objects.open, storage)
    yield {"store": store, "queue": store.queue, "objects": objects, "lanes": ["engines"]}
    await objects.close()
    await store.close()


async def test_rescue_ends_what_did_not_start_in_time(ctx: dict[str, Any]) -> None:
    late = await admit(ctx["store"], start_by=1)
    in_time = await admit(ctx["store"])
    assert await rescue(ctx) == 1
    assert (await read(ctx["store"], late.id)).status == Status.EXPIRED
    assert (await read(ctx["store"], in_time.id)).status == Status.QUEUED


async def test_rescue_frees_the_jobs_of_a_dead_worker_though_no_other_has_a_slot(ctx: dict[str, Any]) -> None:
    job = await admit(ctx["store"])
    await ctx["queue"].claim("engines", 1, lease_s=0.01)

    async def waits_again() -> bool:
        await rescue(ctx)
        return (await read(ctx["store"], job.id)).status == Status.QUEUED

    await until(waits_again)


async def test_erase_removes_the_media_of_deleted_jobs_and_of_no_others(ctx: dict[str, Any]) -> None:
    deleted, kept = await admit(ctx["store"]), await admit(ctx["store"])
    for job in (deleted, kept):
        await ctx["objects"].put_bytes(f"{job_prefix(job.id)}1-main.mp3", b"song", content_type="audio/mpeg")
    await ctx["store"].jobs.forget(deleted)
    assert await erase(ctx) == 0, "a worker may still be storing some"
    await ctx["store"].redis.zadd(keys.ERASE, {deleted.id: 1})
    assert await erase(ctx) == 1
    assert not [key async for key in ctx["objects"].list_keys(job_prefix(deleted.id))]
    assert [key async for key in ctx["objects"].list_keys(job_prefix(kept.id))]
    assert not await ctx["store"].redis.exists(keys.ERASE)


async def test_a_job_s_keeping_time_ends_with_its_media(ctx: dict[str, Any]) -> None:
    job = await admit(ctx["store"], keep_s=1)
    await ctx["queue"].advance(job.id, Status.CANCELED)
    await ctx["objects"].put_bytes(f"{job_prefix(job.id)}1-main.mp3", b"song", content_type="audio/mpeg")
    assert await ctx["store"].redis.ttl(f"job:{job.id}") <= 1
    await until(lambda: erase(ctx))
    assert not [key async for key in ctx["objects"].list_keys(job_prefix(job.id))]


async def test_prune_drops_expired_records_from_their_owners_lists(ctx: dict[str, Any]) -> None:
    kept = await admit(ctx["store"])
    await ctx["store"].redis.zadd(keys.jobs("owner"), {new_job_id(): 1, new_job_id(): 2})
    await ctx["store"].redis.zadd(keys.jobs("other"), {new_job_id(): 1})
    assert await prune(ctx) == 3
    assert [job.id for job in (await ctx["store"].jobs.page("owner")).jobs] == [kept.id]
    assert not await ctx["store"].redis.exists(keys.jobs("other"))


async def test_files_go_with_their_bytes_when_their_time_is_over(ctx: dict[str, Any]) -> None:
    files, objects, now_ms = ctx["store"].files, ctx["objects"], int(time.time() * 1000)
    owner, made = new_job_id(), []
    for expires in (now_ms - 2_000, now_ms + 60_000, 0):
        id = new_file_id()
        where = await files.begin(owner, id)
        await objects.put_bytes(where, b"lines", content_type="text/plain")
        made.append(File(id=id, owner=owner, purpose="vision", filename="x", where=where, expires=expires))
        await files.add(made[-1])
    assert await erase(ctx) == 1
    assert [key async for key in objects.list_keys(f"files/{owner}/")] == [file.where for file in made[1:]]
    assert await prune(ctx) == 1
    assert (await files.page(owner, after=None, limit=9)).files == [made[2], made[1]]


async def test_a_growing_file_goes_with_all_of_its_segments(ctx: dict[str, Any]) -> None:
    owner = new_job_id()
    prefix, other = f"files/{owner}/batch_1/output/", f"files/{owner}/batch_1/error/1.jsonl"
    for key in (f"{prefix}1.jsonl", f"{prefix}2.jsonl", other):
        await ctx["objects"].put_bytes(key, b"lines", content_type="text/plain")
    await ctx["store"].redis.zadd(keys.ERASE, {prefix: 1})
    assert await erase(ctx) == 1
    assert [key async for key in ctx["objects"].list_keys(f"files/{owner}/")] == [other]


async def test_erasing_is_put_off_while_the_store_is_away(ctx: dict[str, Any], redis_url: str) -> None:
    away = await asyncio.to_thread(Objects.open, settings(redis_url))
    await ctx["store"].redis.zadd(keys.ERASE, {(id := new_job_id()): 1})
    assert await erase(ctx | {"objects": away}) == 0
    await away.close()
    assert await erase(ctx) == 1
    assert await ctx["store"].redis.zscore(keys.ERASE, id) is None


async def test_what_a_job_was_given_is_erased_once_it_has_ended_however_often_it_is_due(ctx: dict[str, Any]) -> None:
    """A runner of a batch that has lost it may store a line's inputs again, after another has submitted the line."""
    objects, redis = ctx["objects"], ctx["store"].redis
    job = await admit(ctx["store"], inputs={"image": "inputs/x/image"})
    never = new_job_id()
    for id in (job.id, never):
        await objects.put_bytes(inputs_prefix(id) + "image", b"picture", content_type="image/png")
        await ctx["store"].jobs.expect_inputs(id)
        await redis.zadd(keys.ERASE, {inputs_prefix(id): 1})  # the hour is over
    await erase(ctx)
    assert [key async for key in objects.list_keys(inputs_prefix(job.id))] == [inputs_prefix(job.id) + "image"]
    assert [key async for key in objects.list_keys(inputs_prefix(never))] == []
    assert await redis.zcard(keys.ERASE) == 0
    await ctx["store"].jobs.cancel(job)
    assert await redis.zadd(keys.ERASE, {inputs_prefix(job.id): 1}, xx=True, ch=True) == 1  # and so is this second
    await erase(ctx)
    assert [key async for key in objects.list_keys(inputs_prefix(job.id))] == []


async def test_retire_deletes_the_functions_of_a_version_that_is_gone(ctx: dict[str, Any]) -> None:
    redis = ctx["store"].redis
    await redis.function_load("#!lua name=ai_gateway_former\nredis.register_function('former', function() end)")
    await redis.zadd(keys.LIBRARIES, {"ai_gateway_former": 1})
    assert await retire(ctx) == 1
    assert await redis.function_list(library="ai_gateway_former") == []
    assert await retire(ctx) == 0
