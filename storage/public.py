"""The public job: one shape for the API, the event stream, webhooks and the CLI. Callers rely on every key."""

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from storage.catalog import ENGINES
from storage.errors import ObjectsUnavailable
from storage.ids import Part, output_id
from storage.job import Failure, Job, Kind, Output, OutputStatus, PublicStatus, Status
from storage.jobs import Place
from storage.links import Links
from storage.media import file_name

_STAGES = {
    Status.QUEUED: "waiting_capacity",
    Status.SUBMITTING: "submitting",
    Status.WAITING: "upstream",
    Status.IN_DOUBT: "in_doubt",
    Status.RUNNING: "rendering",
    Status.STORING: "storing",
}
"""What a live job is at, when nobody has said it more exactly. New words may come."""

_TOLD_OF_TEXT = ("finish_reason", "usage")
"""What is said of a chat's output besides. It is in its job's record whole, and so has no link."""

_ACCOUNT = re.compile(r"^account \S+")


class PublicJobs:
    """`record_s`: how long records outlive their jobs' ends."""

    def __init__(self, links: Links, *, record_s: int) -> None:
        self._links, self._record_s = links, record_s

    def render(self, job: Job, *, base_url: str, place: Place | None = None) -> dict[str, Any]:
        """The public job. `place` is wanted while it waits (`waits`); its queue is null without."""
        status = job.public_status
        return {
            "id": job.id,
            "object": "job",
            "kind": job.kind,
            "model": job.model,
            "engine": engine_label(job),
            "status": status,
            "stage": None if job.ended else job.stage or _STAGES[job.status],
            "progress": 1.0 if status == PublicStatus.SUCCEEDED else job.progress,
            "queue": _queue(job, place) if place and waits(job) else None,
            "created_at": iso(job.created),
            "started_at": iso(job.started),
            "finished_at": iso(job.finished),
            "expires_at": iso(self._expires_ms(job)),
            "outputs": [self._output(job, output, base_url) for output in job.outputs if output.part != Part.PLAN],
            "error": _failure(job.error) if job.ended and status != PublicStatus.SUCCEEDED else None,
            "cost": {"units": job.cost.units, "certain": job.cost.certain} if job.cost else None,
            "metadata": job.metadata,
            "urls": {
                "self": f"{base_url}/v1/jobs/{job.id}",
                "events": f"{base_url}/v1/jobs/{job.id}/events",
                "cancel": f"{base_url}/v1/jobs/{job.id}/cancel",
            },
        }

    def url(self, job: Job, output: Output, base_url: str) -> str:
        """The link to an output. It answers once the file is there, and waits for one that is being made."""
        name = file_name(output_id(job.id, output.item), output.part, output.content_type, output.role)
        return base_url + self._links.path(job.output_id(output), name)

    def _expires_ms(self, job: Job) -> int:
        """When record and media go; 0 while it is not known."""
        kept_s = job.keep_s or self._record_s
        return job.finished + kept_s * 1000 if job.finished and kept_s else 0

    def _output(self, job: Job, output: Output, base_url: str) -> dict[str, Any]:
        making = output.status == OutputStatus.MAKING and not job.ended
        linked = job.kind != Kind.CHAT and (making or output.status == OutputStatus.STORED)
        told = {name: output.metadata[name] for name in _TOLD_OF_TEXT if name in output.metadata}
        return {
            "id": job.output_id(output),
            "role": output.role,
            "status": output.status,
            "url": self.url(job, output, base_url) if linked else None,
            "content_type": output.content_type,
            "size_bytes": output.size_bytes,
            "duration_s": output.duration_s,
            "width_px": output.width_px,
            "height_px": output.height_px,
            "text": output.metadata.get("text"),
            **(told if job.kind == Kind.CHAT else {}),
        }


def engine_label(job: Job) -> str:
    """What serves a job, by the name it calls itself: of accounts the kind, since their names are the operator's."""
    if job.served_by:
        return job.served_by
    engine = ENGINES.get(job.engine)
    return engine.label if engine else job.engine


def waits(job: Job) -> bool:
    """Whether a job waits for something, so that its place is worth asking for.

    A worker that puts a job off leaves the code of the error that made it do so in the stage. One that waits at an
    upstream waits for something else besides where its account is gone.
    """
    if job.status == Status.WAITING:
        return bool(job.waits_for)
    return job.status == Status.QUEUED or (not job.ended and job.stage == ObjectsUnavailable.code)


def _queue(job: Job, place: Place) -> dict[str, Any]:
    """`position` counts from 1, the next to be served. `eta_s`: until its start, if jobs take what they took so far."""
    position = None if place.ahead is None else place.ahead + 1
    known = position is not None and place.mean_s > 0 and place.slots > 0
    return {
        "position": position,
        "eta_s": round(position * place.mean_s / place.slots, 1) if known and position is not None else None,
        "why_waiting": _why(job, place),
    }


def _why(job: Job, place: Place) -> str:
    if job.stage == ObjectsUnavailable.code:
        return "the object store is away"
    if job.waits_for:
        return _ACCOUNT.sub("the account", job.waits_for)
    if job.not_before > time.time() * 1000:
        reason = f"retrying after: {job.error.message};" if job.error else "retrying;"
        return f"{reason} not before {iso(job.not_before)}"
    if not place.slots:
        return f"no worker serves the {job.lane} lane"
    if place.ahead:
        return "1 job is served first" if place.ahead == 1 else f"{place.ahead} jobs are served first"
    return "it is the next to be served"


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "retryable": failure.retryable}


@lru_cache(maxsize=1024)  # a poll says the same times again
def iso(ms: int) -> str | None:
    """Unix ms as ISO 8601 in UTC, to the millisecond; None for 0."""
    if not ms:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
