"""A long recording outlives kills of every process while its parts are heard: no part that is done is heard again."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.gateway import Gateway
from storage.errors import RedisUnavailable
from storage.ids import new_job_id
from storage.job import Job, Kind, Status
from storage.media import inputs_prefix
from storage.transcripts import parsed
from tests.cli.sketch import sketch_gateway
from tests.gateway import Visitor, part
from tests.kills.killer import REDIS, S3, WORKER
from tests.waiting import until
from tests.workers.jobs import admit

LINES = ["It was late", "when the train", "came in at last", "and nobody was there"]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("killed")
    with sketch_gateway(folder, lease_s="2", engine_slots="2") as gateway:
        yield gateway


async def recording(visitor: Visitor, folder: Path) -> Job:
    """A job whose parts are heard when they may be, and leave word of it."""
    id = new_job_id()
    key = f"{inputs_prefix(id)}file"
    await visitor.objects.put_bytes(key, "\n".join(LINES).encode(), content_type="application/octet-stream")
    request = {"task": "transcribe", "divide_from_s": 15.0, "hold": str(folder / "go"), "heard": str(folder / "heard")}
    kind = {"kind": Kind.TRANSCRIPTION, "engine": "whisper", "step": "transcribe"}
    return await admit(visitor.store, id=id, inputs={"file": key}, request=request, **kind)


async def ended(visitor: Visitor, job: Job) -> Job:
    async def look() -> Job | None:
        with suppress(RedisUnavailable):
            (now,) = await visitor.store.jobs.get(job.id)
            return now if now and now.ended else None
        return None

    found = await until(look, "its end", limit_s=PATIENCE_S)
    assert isinstance(found, Job)
    return found


async def parts(visitor: Visitor, job: Job) -> Counter[Status]:
    state = await visitor.store.parts.state(job.id)
    found = await visitor.store.jobs.get(*state.ids) if state else []
    return Counter(part.status for part in found if part)


@pytest.mark.parametrize("victims", [(WORKER,), (REDIS,), (S3,), (WORKER, REDIS, S3)], ids=" and ".join)
async def test_no_part_is_lost_and_none_that_is_done_is_heard_again(
    gateway: Gateway, visitor: Visitor, tmp_path: Path, victims: tuple[str, ...]
) -> None:
    job = await recording(visitor, tmp_path)
    (tmp_path / "go0").touch()

    async def in_the_middle() -> bool:
        return await parts(visitor, job) == {Status.SUCCEEDED: 1, Status.RUNNING: 2, Status.QUEUED: 1}

    await until(in_the_middle, "one part done, two being heard", limit_s=PATIENCE_S)
    for name in victims:
        await asyncio.to_thread(part(gateway, name).kill)
    await asyncio.gather(*(asyncio.to_thread(part(gateway, name).start) for name in victims))
    for number in range(1, 4):
        (tmp_path / f"go{number}").touch()

    done = await ended(visitor, job)
    assert done.status == Status.SUCCEEDED, done.error
    said = parsed(await visitor.objects.get_bytes(str(done.output(1).object_key), limit_bytes=1 << 20))
    assert said.text == " ".join(LINES)
    assert [round(one.start) for one in said.segments] == [1, 11, 21, 31]
    heard = Counter((tmp_path / "heard").read_text().split())
    assert heard["0"] == 1
    assert set(heard) == {"0", "1", "2", "3"}
