"""The steps of transcriptions. What is long is divided into parts, heard side by side by whichever workers are free.

The whole sleeps meanwhile; woken, it joins what its parts have left. A part that is lost is heard again, alone. The
parts (FLAC), and what was said in them (JSON), lie among the whole's inputs, which are erased when it has ended.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import EngineMisproduced
from storage.ids import part_job_id
from storage.job import Failure, Job, Kind
from storage.media import inputs_prefix
from storage.objects import Objects
from storage.rules import PARTS, part_owner
from storage.transcripts import Transcript, parsed
from workers.engines.base import Artifact, Made
from workers.engines.transcription.stitching import facts, stitched
from workers.outcomes import HandedOn, NoLongerHeld
from workers.render import Attempt, Generate
from workers.spool import Spool

DIVIDE_FROM_S = 600.0
"""What lasts longer is divided: below, a second look at the sound costs more than a second worker brings."""

_WORDS_BYTES = 16 << 20  # what is said in some minutes, word by word, in any script, is far below
_UNKNOWN = Failure("engine_failed", "a part of the recording could not be transcribed")


async def transcribe(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function of whole recordings. `ctx` as in `workers.render.render`."""
    return await _Whole(ctx, job).end()


async def transcribe_part(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function of a part. Its result counts once it is stored whole."""
    objects: Objects = ctx["objects"]
    spool: Spool = ctx["spool"]
    generate: Generate = ctx["engines"][job.engine]
    number = job.request["number"]
    folder = await asyncio.to_thread(spool.folder, job, 1)
    try:
        sound = folder / "part.flac"
        await objects.get_file(_sound(job.parent, number), sound)
        task = {"kind": Kind.TRANSCRIPTION, "request": job.request, "inputs": {"file": str(sound)}}
        made = await generate(task, folder, lambda _: None)
        (said,) = made.artifacts
        await objects.put_file(_words(job.parent, number), Path(said.path), content_type=said.content_type)
    finally:
        await spool.forget(job.id)
    return {"progress": 1.0, "metadata": {"loops": made.metadata["loops"]}}


class _Whole(Attempt):
    """One attempt at a recording, or at joining its parts."""

    async def make(self, item: int) -> None:
        """The transcript in the spool. A long recording is divided first, and the job sleeps (HandedOn)."""
        state = await self.store.parts.state(self.job.id)
        if state is None:
            await self._hear(item)
            return
        await self._sleep()
        state = await self.store.parts.state(self.job.id)
        if state is None:  # the job has ended meanwhile
            raise NoLongerHeld
        parts = await self.jobs.get(*state.ids)
        if state.failed:
            errors = [part.error for part in parts if part and part.id in state.failed and part.error]
            await self.give_up(item, errors[0] if errors else _UNKNOWN)
        else:
            await self._join(item, len(parts), sum(part.metadata["loops"] for part in parts if part))

    async def _hear(self, item: int) -> None:
        self.job.request = {"divide_from_s": DIVIDE_FROM_S, **self.job.request}
        await super().make(item)
        made = await asyncio.to_thread(self.spool.made, self.job, item)
        if made and "parts" in made.metadata:
            await self._divide(made)

    async def _divide(self, made: Made) -> None:
        """Store the parts, then let them be heard; and sleep."""
        cuts = made.metadata["parts"]
        for number, artifact in enumerate(made.artifacts):
            await self.objects.put_file(
                _sound(self.job.id, number), Path(artifact.path), content_type=artifact.content_type
            )
        await self.spool.forget(self.job.id)
        await self._sleep([_part(self.job, number, cut["start_s"]) for number, cut in enumerate(cuts)])

    async def _sleep(self, parts: Sequence[Job] = ()) -> None:
        """Raises HandedOn, unless there is nothing to wait for."""
        if await self.store.parts.wait(self.job, parts) is not False:
            raise HandedOn

    async def _join(self, item: int, count: int, loops: int) -> None:
        """What was said in all parts, as one transcript in the spool."""
        said = [await self._said(number) for number in range(count)]
        whole = await asyncio.to_thread(stitched, said, sum(one.duration_s for one in said))
        await self.spool.forget(self.job.id)  # what another attempt has left there is the division
        folder = await asyncio.to_thread(self.spool.folder, self.job, item)
        path = folder / "transcript.json"
        await asyncio.to_thread(path.write_bytes, msgspec.json.encode(whole))
        about = {"engine": "whisper-base", "embedded": True, **facts(whole, loops)}
        made = Made([Artifact("main", str(path), "application/json")], about)
        await asyncio.to_thread(self.spool.keep, self.job, item, made)

    async def _said(self, number: int) -> Transcript:
        try:
            return parsed(await self.objects.get_bytes(_words(self.job.id, number), limit_bytes=_WORDS_BYTES))
        except msgspec.ValidationError as error:
            raise EngineMisproduced("what was said in a part cannot be read") from error


def _part(whole: Job, number: int, start_s: float) -> Job:
    """The job of one part (counted from 0), which begins `start_s` into the whole."""
    its_own = {"number": number, "is_part": True, "offset_s": start_s, "encode": True, "start_s": None, "end_s": None}
    return Job(
        id=part_job_id(whole.id, number),
        parent=whole.id,
        kind=Kind.TRANSCRIPTION_PART,
        owner=part_owner(whole.owner),
        dialect=whole.dialect,
        model=whole.model,
        engine=whole.engine,
        lane=PARTS,
        step="transcribe_part",
        priority=whole.priority,
        request={name: value for name, value in whole.request.items() if name != "divide_from_s"} | its_own,
    )


def _sound(whole: str, number: int) -> str:
    return f"{inputs_prefix(whole)}part-{number:04d}.flac"


def _words(whole: str, number: int) -> str:
    return f"{inputs_prefix(whole)}part-{number:04d}.json"
