"""The step for models that run here: make every item of a job, store what was made, then say so.

A job that is tried again skips what is stored already, and what still lies in the spool is not made twice. Engines are
deterministic, so what is lost with a machine is made again as it was.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from storage.catalog import ELSEWHERE
from storage.errors import (
    EngineFailed,
    GatewayError,
    InvalidRequest,
    ObjectMissing,
    ObjectsUnavailable,
    RedisUnavailable,
)
from storage.events import progress_word
from storage.ids import OutputId, Part, split_output_id
from storage.job import IMAGES, Failure, Job, Kind, OutputStatus, Status
from storage.jobs import Jobs
from storage.media import extension, object_key
from storage.objects import Objects
from storage.queue import Queue
from storage.store import Store
from storage.tasks import end
from workers.engines.base import Artifact, Made, Report
from workers.outcomes import HandedOn, JobFailed, NoLongerHeld
from workers.relay import Relay
from workers.retry import retry_in
from workers.spool import Spool

log = logging.getLogger(__name__)

_LAST = (OutputStatus.STORED, OutputStatus.FAILED)
_PLAN_BYTES = 8 << 20
_TICK_S = 0.5
_RENDER_SHARE = 0.95  # of a job's progress; the rest is storing
_PREVIEW = "preview.jpeg"
_PREVIEW_BYTES = 200_000

Generate = Callable[[Mapping[str, Any], Path, Report], Awaitable[Made]]
"""Has an engine make one item of a task, into a folder."""


async def render(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function. `ctx` holds "store", "queue", "objects", "engines" (name → Generate) and "spool"."""
    return await Attempt(ctx, job).end()


class Attempt:
    """One attempt at one job."""

    def __init__(self, ctx: dict[str, Any], job: Job) -> None:
        self.job = job
        self.store: Store = ctx["store"]
        self.jobs: Jobs = self.store.jobs
        self.queue: Queue = ctx["queue"]
        self.objects: Objects = ctx["objects"]
        self.spool: Spool = ctx["spool"]
        self._engines: Mapping[str, Generate] = ctx["engines"]
        self.items = range(1, job.items + 1)
        self._fetched: dict[str, str] | None = None
        self._relay = Relay(self.store.sounds, job)

    async def end(self) -> dict[str, Any]:
        """Make and store every item. Returns the fields of the job's last move."""
        try:
            fields = await self._run()
        except JobFailed:
            await self.spool.forget(self.job.id)
            raise
        except HandedOn:
            await asyncio.to_thread(self.spool.leave, self.job)
            raise
        except (GatewayError, NoLongerHeld, asyncio.CancelledError):  # what is tried again finds here what it has
            with suppress(RedisUnavailable):
                await self.spool.sweep(self.jobs)
            raise
        await self.spool.forget(self.job.id)
        return fields

    async def _run(self) -> dict[str, Any]:
        for item in self.items:
            if not self._settled(item):
                await self.make(item)
                self.job.progress = max(self.job.progress, round(item / self.job.items * _RENDER_SHARE, 3))
                if item < self.job.items:
                    with suppress(ObjectsUnavailable):  # make the rest meanwhile
                        await self._store(item)
        await self._finish_relay()
        await self._enter_storing()
        for item in self.items:
            await self._store(item)
        failures = [error for item in self.items if (error := self.job.output(item).error)]
        if len(failures) == self.job.items:
            raise JobFailed(failures[0])
        if self.job.engine == ELSEWHERE:  # an account may send no cover, and never a plan
            self.job.outputs = [output for output in self.job.outputs if output.status in _LAST]
        return {"outputs": self.job.outputs, "progress": 1.0}

    def _settled(self, item: int) -> bool:
        return self.job.output(item).status in _LAST

    async def make(self, item: int) -> None:
        """The item in the spool, made now unless it lies there already. A failure that is its own stays its own."""
        if await asyncio.to_thread(self.spool.made, self.job, item):
            return
        self._mark(item, OutputStatus.MAKING)
        await self._report(tell="making")
        try:
            await self._engine_makes(item)
        except GatewayError as error:
            if retry_in(error, self.job.attempt) is not None:
                raise
            await self.give_up(item, Failure.of(error))

    async def give_up(self, item: int, failure: Failure) -> None:
        """The item has failed for good, and the others may yet be made."""
        self._mark(item, OutputStatus.FAILED)
        self.job.output(item).error = failure
        await self._report(tell=f"output {item}")

    async def _engine_makes(self, item: int) -> None:
        folder = await asyncio.to_thread(self.spool.folder, self.job, item)
        task = {
            "kind": self.job.kind,
            "request": self.job.request,
            "seed": seed(self.job, item),
            "inputs": await self._inputs(),
            **await self._source(),
        }
        reached = [0.0]
        ticking = asyncio.create_task(self._tick(item, reached, folder / _PREVIEW))

        def on_progress(progress: float) -> None:
            reached[0] = progress
            self._relay.look()

        try:
            async with self._relay.following(folder):
                made = await self._engines[self.job.engine](task, folder, on_progress)
        finally:
            await end(ticking)
        if item < self.job.items:  # it may have been made between two ticks, and the next is not there yet
            await self._show(folder / _PREVIEW, b"")
        await asyncio.to_thread(self.spool.keep, self.job, item, made)

    async def _inputs(self) -> Mapping[str, str]:
        """What the caller sent with the job: names, and files that hold it. Fetched once for all items."""
        if self._fetched is None:
            folder = await asyncio.to_thread(self.spool.inputs, self.job)
            for name, key in self.job.inputs.items():
                await self.objects.get_file(key, folder / name)
            self._fetched = {name: str(folder / name) for name in self.job.inputs}
        return self._fetched

    async def _source(self) -> Mapping[str, Any]:
        """The plan that an extension or a whole continues from."""
        clip = {Kind.MUSIC_EXTEND: "continue_clip_id", Kind.MUSIC_CONCAT: "clip_id"}.get(self.job.kind)
        if clip is None:
            return {}
        source = split_output_id(str(self.job.request[clip]))
        if source is None:
            raise InvalidRequest(f"{clip} is not the id of a clip", field=clip)
        try:
            plan = await self.objects.get_bytes(
                object_key(source._replace(part=Part.PLAN), ".json"), limit_bytes=_PLAN_BYTES
            )
        except ObjectMissing as error:
            raise InvalidRequest("the clip to go on from has been deleted", field=clip) from error
        return {"source": msgspec.json.decode(plan)}

    async def _tick(self, item: int, reached: list[float], preview: Path) -> None:
        told, shown = 0.0, b""
        while True:
            await asyncio.sleep(_TICK_S)
            shown = await self._show(preview, shown)
            if reached[0] > told:
                told = reached[0]
                progress = round((item - 1 + told) / self.job.items * _RENDER_SHARE, 3)
                word = progress_word(self.job.progress, progress)
                self.job.progress = max(self.job.progress, progress)
                with suppress(RedisUnavailable):
                    await self.queue.report(self.job, tell=word, progress=self.job.progress, stage="rendering")

    async def _show(self, preview: Path, shown: bytes) -> bytes:
        """Let callers see what the item looks like by now, if the engine left a picture of it. Returns that."""
        with suppress(OSError, RedisUnavailable):
            jpeg = await asyncio.to_thread(preview.read_bytes)
            if jpeg != shown and len(jpeg) <= _PREVIEW_BYTES:
                await self.jobs.keep_preview(self.job.id, jpeg)
            return jpeg
        return shown

    async def _finish_relay(self) -> None:
        """Whoever listens has all of it, also of what an earlier attempt has made."""
        for item in self.items if self._relay.wanted else ():
            if not self._settled(item) and (made := await asyncio.to_thread(self.spool.made, self.job, item)):
                await self._relay.finish(Path(made.artifacts[0].path).parent)

    async def _enter_storing(self) -> None:
        if self.job.status == Status.STORING:
            return
        moved = await self.queue.advance(
            self.job.id, Status.STORING, token=self.job.token, stage="storing", progress=_RENDER_SHARE
        )
        if not moved:
            raise NoLongerHeld
        self.job.status = Status.STORING

    async def _store(self, item: int) -> None:
        """Upload a made item, its main file last: when that is there, all of it is."""
        if self._settled(item):
            return
        made = await asyncio.to_thread(self.spool.made, self.job, item)
        if made is None:
            raise EngineFailed("what was made has vanished from the spool")
        for artifact in sorted(made.artifacts, key=lambda artifact: artifact.part == "main"):
            await self._upload(item, artifact)
        self.job.output(item).metadata = made.metadata
        await self._report(tell=f"output {item}")

    async def _upload(self, item: int, artifact: Artifact) -> None:
        output = self.job.output(item, Part[artifact.part.upper()])
        if output.status == OutputStatus.STORED:
            return
        place = OutputId(self.job.id, item, output.part)
        output.object_key = object_key(place, extension(artifact.content_type))
        stored = await self.objects.put_file(
            output.object_key, Path(artifact.path), content_type=artifact.content_type, metadata={"job": self.job.id}
        )
        output.content_type, output.size_bytes, output.sha256 = artifact.content_type, stored.size_bytes, stored.sha256
        output.duration_s = artifact.duration_s
        output.width_px, output.height_px = artifact.width_px, artifact.height_px
        output.status = OutputStatus.STORED

    def _mark(self, item: int, status: OutputStatus) -> None:
        for output in self.job.outputs:
            if output.item == item:
                output.status = status

    async def _report(self, tell: str) -> None:
        if not await self.queue.report(self.job, tell=tell, outputs=self.job.outputs, progress=self.job.progress):
            raise NoLongerHeld


def seed(job: Job, item: int) -> int:
    """The seed of one item: the same at every attempt, different for every item.

    Of pictures, the request's own and then one more each, as clients expect; of all else, 31 bits of a hash.
    """
    if job.kind in IMAGES:
        return (int(job.request.get("seed", 0)) + item - 1) % (1 << 32)
    base = job.request.get("seed", job.id)
    return int.from_bytes(sha256(f"{base}:{item}".encode()).digest()[:4]) >> 1
