"""The step of chats: an answer is passed on while it is made, and is kept in its job's record whole.

Who reads along does so in `storage/chats.py`. A later attempt at the job goes on from what was said there, so nothing
is said twice, and nothing otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from storage.completions import Chunks, Said, heard, keep
from storage.errors import RedisUnavailable
from storage.job import Job, Output, OutputStatus
from storage.store import Store
from storage.tasks import end
from workers.engines.base import Made
from workers.engines.pieces import piece
from workers.outcomes import NoLongerHeld
from workers.render import Generate, seed
from workers.spool import Spool

_AGAIN_S = 0.5


async def chat(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function. `ctx` holds "store", "engines" (name → Generate) and "spool"."""
    try:
        return await _Attempt(ctx, job).run()
    finally:
        await asyncio.shield(ctx["spool"].forget(job.id))


class _Attempt:
    """One attempt at the answers of one job."""

    def __init__(self, ctx: dict[str, Any], job: Job) -> None:
        self._store: Store = ctx["store"]
        self._spool: Spool = ctx["spool"]
        self._generate: Generate = ctx["engines"][job.engine]
        self._job = job

    async def run(self) -> dict[str, Any]:
        """The job's last fields. Raises what the engine raises, NoLongerHeld, RedisUnavailable."""
        feed = await Feed.open(self._store, self._job)
        for output in self._job.outputs:
            if output.status != OutputStatus.STORED:
                keep(output, (await self._make(output, feed)).metadata)
                await self._report(output)
            await feed.finish(output)
        await feed.end(self._job.outputs)
        return {"outputs": self._job.outputs, "progress": 1.0}

    async def _make(self, output: Output, feed: "Feed") -> Made:
        folder = await asyncio.to_thread(self._spool.folder, self._job, output.item)
        said = feed.said(output)
        task = {
            "kind": self._job.kind,
            "request": self._job.request,
            "seed": seed(self._job, output.item),
            "said": {"text": said.text, "logprobs": said.logprobs},
        }
        async with feed.following(output, folder) as look:
            made = await self._generate(task, folder, lambda _: look.set())
        await feed.pass_on(output, folder)
        return made

    async def _report(self, output: Output) -> None:
        """An answer is there whole. Should we die after having told its end, nobody makes it again."""
        several = len(self._job.outputs) > 1
        if several or self._job.request.get("streamed") is True:
            self._job.progress = round(output.item / len(self._job.outputs), 3)
            word = f"output {output.item}" if several else "changed"
            outputs, progress = self._job.outputs, self._job.progress
            if not await self._store.queue.report(self._job, tell=word, outputs=outputs, progress=progress):
                raise NoLongerHeld


class Feed:
    """The events of a job's stream, if somebody wants one: numbered, and each added once."""

    def __init__(self, store: Store, job: Job, kept: Sequence[bytes], *, wanted: bool) -> None:
        self._chats, self._job, self._wanted = store.chats, job, wanted
        self._chunks = Chunks(job)
        self._count = len(kept)
        self._said = heard(kept)
        self._next = 1

    @classmethod
    async def open(cls, store: Store, job: Job) -> "Feed":
        """With what an earlier attempt has said. Raises RedisUnavailable."""
        kept = list[bytes]()
        if job.request.get("streamed") is not True:
            return cls(store, job, kept, wanted=False)
        await store.chats.begin(job.id, job.owner)
        while True:
            read = await store.chats.read(job.id, job.owner, len(kept))
            kept += read.events
            if read.over or not read.events:
                return cls(store, job, kept, wanted=not read.cut)

    def said(self, output: Output) -> Said:
        """What of an answer has been passed on."""
        return self._said.get(output.item - 1, Said())

    @asynccontextmanager
    async def following(self, output: Output, folder: Path) -> AsyncIterator[asyncio.Event]:
        """Meanwhile pieces of an answer that come to the folder are passed on, each time that the event is set."""
        look, self._next = asyncio.Event(), 1
        following = asyncio.create_task(self._follow(output, folder, look))
        try:
            yield look
        finally:
            await end(following)

    async def _follow(self, output: Output, folder: Path, look: asyncio.Event) -> None:
        while self._wanted:
            await look.wait()
            look.clear()
            try:
                await self.pass_on(output, folder)
            except RedisUnavailable:  # later, then; and at the end without fail
                await asyncio.sleep(_AGAIN_S)
                look.set()

    async def pass_on(self, output: Output, folder: Path) -> None:
        """What the folder has more of an answer. Raises RedisUnavailable."""
        while self._wanted and (data := await asyncio.to_thread(piece, folder, self._next)) is not None:
            more = msgspec.json.decode(data)
            await self._words(output, more["text"], more["logprobs"])
            self._next += 1

    async def finish(self, output: Output) -> None:
        """The end of an answer, and before it what of it has not been said. Raises RedisUnavailable."""
        said, about = self.said(output), output.metadata
        if said.ended or not self._wanted:
            return
        index, last = output.item - 1, list[bytes]()
        if about.get("refusal"):
            last = [self._chunks.refusal(index, about["text"])]
        elif rest := about["text"][len(said.text) :]:
            await self._words(output, rest, about.get("logprobs", [])[len(said.logprobs) :])
        await self._add([*self._begun(output), *last, self._chunks.finish(index, about["finish_reason"])])

    async def end(self, outputs: Sequence[Output]) -> None:
        """Raises RedisUnavailable."""
        if self._wanted:
            await self._add(self._chunks.end(outputs), over=True)

    async def _words(self, output: Output, text: str, logprobs: Sequence[Mapping[str, Any]]) -> None:
        index, said = output.item - 1, self.said(output)
        wants = self._job.request.get("logprobs") is True
        events = [*self._begun(output), self._chunks.words(index, text, logprobs if wants else None)]
        if await self._add(events):
            self._said[index] = Said(said.text + text, [*said.logprobs, *logprobs])

    def _begun(self, output: Output) -> list[bytes]:
        """The first event of an answer, if it has not come."""
        index = output.item - 1
        return [] if index in self._said else [self._chunks.role(index)]

    async def _add(self, events: Sequence[bytes], *, over: bool = False) -> bool:
        """False if there is nobody to add them for: the stream is full, or the job is another's."""
        kept = await self._chats.add(self._job.id, self._count, b"".join(events), over=over, token=self._job.token)
        self._wanted = kept is not None
        self._count = kept or self._count
        return self._wanted
