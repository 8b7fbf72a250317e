"""Jobs for tests of the workers, put into a real queue."""

from typing import Any

from pydantic import SecretStr

from cli.embedded import Objects
from storage.ids import new_job_id
from storage.job import Job, Kind
from storage.settings import StorageSettings
from storage.store import Store


def settings(redis_url: str, **more: Any) -> StorageSettings:
    """Storage settings for this Redis; without `s3_…` fields the object store is never used."""
    s3: dict[str, Any] = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "unused", "s3_secret_key": "unused"}
    return StorageSettings(redis_url=SecretStr(redis_url), secret=SecretStr("s" * 32), **(s3 | more))


def stored_settings(redis_url: str, s3: Objects) -> StorageSettings:
    """Storage settings for this Redis and this object store."""
    return settings(
        redis_url,
        s3_endpoint=s3.endpoint,
        s3_bucket=s3.bucket,
        s3_access_key=SecretStr(s3.access_key),
        s3_secret_key=SecretStr(s3.secret_key),
    )


async def admit(store: Store, step: str = "work", **more: Any) -> Job:
    """Accept one job of the lane "engines"."""
    fields: dict[str, Any] = {
        "id": new_job_id(),
        "kind": Kind.MUSIC_GENERATE,
        "owner": "owner",
        "dialect": "suno",
        "model": "chirp-v3-0",
        "engine": "composer",
        "lane": "engines",
        "request": {},
        "priority": 5,
        "items": 1,
    }
    job = Job(step=step, **(fields | more))
    return (await store.jobs.admit(job)).job


async def read(store: Store, id: str) -> Job:
    """The job as it stands now."""
    (job,) = await store.jobs.get(id)
    assert job
    return job
