"""Where results lie between being made and being stored: a folder on this machine, in it one per attempt at an item.

An item counts as made once its `made.json` has its final name; all else there is half-done. Losing the spool costs
time, not jobs.
"""

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from storage.job import Job, Status
from storage.jobs import Jobs
from workers.engines.base import Made

_MARK = "made.json"


class Spool:
    """One machine's spool, which its workers may share. What is not a coroutine blocks on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def folder(self, job: Job, item: int) -> Path:
        """An empty folder to make an item in, for this attempt alone: an earlier one's engine may still be writing."""
        folder = self._attempt(job, item)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def inputs(self, job: Job) -> Path:
        """A folder for what a caller sent with a job, for this attempt alone."""
        folder = self.root / job.id / f"inputs.{job.token}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep(self, job: Job, item: int, made: Made) -> None:
        """Let an item count as made: the mark appears whole or not at all."""
        draft = self._attempt(job, item) / f"{_MARK}.part"
        draft.write_bytes(msgspec.json.encode(made))
        draft.rename(draft.with_name(_MARK))

    def made(self, job: Job, item: int) -> Made | None:
        """What was made of an item, at whichever attempt, if it was and all of it is still there."""
        marks: list[Path] = []
        with suppress(FileNotFoundError):  # the folder was removed while it was looked into
            marks = sorted((self.root / job.id).glob(f"{item}.*/{_MARK}"))
        for mark in marks:
            with suppress(FileNotFoundError, msgspec.MsgspecError):
                made = msgspec.json.decode(mark.read_bytes(), type=Made)
                if all(Path(artifact.path).exists() for artifact in made.artifacts):
                    return made
        return None

    def leave(self, job: Job) -> None:
        """Remove what this attempt has there, and those before it, and nothing of one that may have begun since."""
        for folder in (self.root / job.id).glob("*.*"):
            if int(folder.suffix[1:]) <= job.token:
                shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others are in it, or there is none
            (self.root / job.id).rmdir()

    async def forget(self, *job_ids: str) -> None:
        """Remove all items of jobs."""
        for id in job_ids:
            await asyncio.to_thread(shutil.rmtree, self.root / id, ignore_errors=True)

    async def sweep(self, jobs: Jobs) -> int:
        """Forget the jobs that have ended elsewhere, or are gone. Returns how many that were. Of those that are at an
        upstream nothing is needed here, until they are claimed again."""
        ids = await asyncio.to_thread(os.listdir, self.root)
        found = dict(zip(ids, await jobs.get(*ids), strict=True))
        over = [id for id, job in found.items() if job is None or job.ended]
        await self.forget(*over)
        for job in found.values():
            if job and job.status in (Status.WAITING, Status.IN_DOUBT):
                await asyncio.to_thread(self.leave, job)
        return len(over)

    def _attempt(self, job: Job, item: int) -> Path:
        return self.root / job.id / f"{item}.{job.token}"
