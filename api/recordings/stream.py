"""A transcript as events, as OpenAI's newer models tell it: a delta for each phrase, and all of it at the end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from api.openai_events import never, refusal, stopping
from api.operation import Caller, why_not
from api.reply import job_headers
from api.results import read_transcript
from api.sse import frame, line
from storage.errors import Gone
from storage.events import LAST_WORDS
from storage.job import Job, Status
from storage.transcripts import Transcript

_LONGEST_S = 86_400.0  # nobody waits as long: a job has its own limits, and whoever leaves is noticed
_DELTA, _DONE = "transcript.text.delta", "transcript.text.done"


@asynccontextmanager
async def telling(caller: Caller, job: Job, *, replayed: bool) -> AsyncIterator["_Telling"]:
    """For an `EventStream`. The job goes on, whoever leaves."""
    yield _Telling(caller, job, replayed)


class _Telling:
    """What a job has heard, once it has ended: it is written as a whole."""

    def __init__(self, caller: Caller, job: Job, replayed: bool) -> None:
        self.headers = job_headers(job, replayed=replayed)
        self._caller, self._job, self._over = caller, job, False

    async def next(self) -> Sequence[bytes]:
        if self._over:
            return []
        waits = self._caller.services.waits
        job = await waits.job_when(lambda job: job.ended, self._job.id, never, _LONGEST_S, words=LAST_WORDS)
        self._over = True
        if job is None:
            return [refusal(Gone("the job was deleted while it was waited for"))]
        if not job.ended:
            return [stopping(job)]
        if job.status != Status.SUCCEEDED:
            return [refusal(why_not(job))]
        return events(await read_transcript(self._caller, job))


def events(said: Transcript) -> list[bytes]:
    """All that is told of a transcript. The deltas add up to its text, spaces at both ends aside."""
    deltas = [frame(_DELTA, line({"type": _DELTA, "delta": one.text})) for one in said.segments]
    usage = {"type": "duration", "seconds": round(said.duration_s)}
    return [*deltas, frame(_DONE, line({"type": _DONE, "text": said.text, "usage": usage}))]
