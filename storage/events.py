"""Events: what callers may know of a job's course. One shape for the event stream and for webhooks.

In the feed (`feed:{owner}`) an event is its words: `succeeded`, `progress 35`, `output 2`. Each happens once in a job's
life, so the job and the words name it: whoever gets it twice can tell by its id. Other words there (`making`, `running
again`) are no events.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from storage.errors import InvalidRequest
from storage.ids import Part
from storage.job import Job, OutputStatus
from storage.public import PublicJobs, iso

TERMINAL_TYPES = ("job.succeeded", "job.failed", "job.canceled", "job.expired")
TYPES = ("job.queued", "job.started", "job.progress", "job.output", *TERMINAL_TYPES, "job.deleted")
"""The closed set. `progress` comes at each twentieth; `output` when one of the items is there, or has failed alone."""

LAST_WORDS = {"succeeded", "failed", "canceled", "expired", "deleted"}
"""After one of these a job has no more events but `deleted`."""

_STEP = 5  # percent
_WORDS = re.compile(r"[a-z]+( \d+)?")
_ID = re.compile(r"evt_([0-9a-f]{32})_([a-z]+)(?:_(\d+))?")


class Event(NamedTuple):
    """What has happened (`words`) to a job, and when, in Unix ms."""

    job: str
    words: str
    at: int

    @property
    def type(self) -> str:
        return "job." + self.words.partition(" ")[0]

    @property
    def id(self) -> str:
        """The same wherever and however often the event is told; fit to be a `webhook-id`."""
        return f"evt_{UUID(self.job).hex}_{self.words.replace(' ', '_')}"

    def body(self, data: dict[str, Any]) -> dict[str, Any]:
        """As callers see it; `data` is the public job. Standard Webhooks' own fields, and those of OpenAI's events."""
        return {
            "object": "event",
            "id": self.id,
            "type": self.type,
            "timestamp": iso(self.at),
            "created_at": self.at // 1000,
            "data": data,
        }

    def rendered(self, job: Job | None, public: PublicJobs, base_url: str) -> dict[str, Any]:
        """The body; `job` is None where it has been deleted since."""
        if job is None:
            return self.body({"id": self.job, "object": "job", "deleted": True})
        return self.body(public.render(job, base_url=base_url))


def job_of(id: str) -> str | None:
    """The job that an event's id names; None if it is no such id."""
    found = _ID.fullmatch(id)
    return str(UUID(found[1])) if found else None


def progress_word(before: float, now: float) -> str:
    """What to tell of progress (0 to 1) that goes from `before` to `now`: an event at each twentieth."""
    reached = int(now * 100) // _STEP * _STEP
    return f"progress {reached}" if reached > int(before * 100) else "changed"


def shown(job: Job) -> list[Event]:
    """What a job's record shows to have happened. Where it does not say when, it is the time of the job's start."""
    began, reached = job.started or job.created, int(job.progress * 100) // _STEP * _STEP
    seen = [Event(job.id, "queued", job.created)]
    if job.started:
        seen.append(Event(job.id, "started", job.started))
    if reached and not job.ended:
        seen.append(Event(job.id, f"progress {reached}", began))
    seen += [
        Event(job.id, f"output {output.item}", began)
        for output in job.outputs
        if output.part == Part.MAIN and output.status in (OutputStatus.STORED, OutputStatus.FAILED)
    ]
    if job.ended:
        seen.append(Event(job.id, job.status, job.finished))
    return seen


def event_types(asked: Sequence[str], field: str) -> list[str]:
    """The types that a caller asks for, each once; `job.*` is all of them, none is the ends. Raises InvalidRequest."""
    unknown = [name for name in asked if name not in (*TYPES, "job.*")]
    if unknown:
        known = ", ".join((*TYPES, "job.*"))
        raise InvalidRequest(f"there is no event type {unknown[0]!r}; there are: {known}", field=field)
    wanted = set(TYPES if "job.*" in asked else asked or TERMINAL_TYPES)
    return [name for name in TYPES if name in wanted]
