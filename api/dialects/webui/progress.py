"""How far a job is, in WebUI's words. No I/O."""

import base64
import time
from typing import Any

from pydantic import Field

from api.dialects.webui.answers import stored, timestamp
from api.dialects.webui.bodies import DIALECT, Body, Name
from storage.job import Job, Kind, PublicStatus

BEGUN = 0.01
"""Clients take 0 for "nothing runs"."""
_JOBS = {
    Kind.IMAGE_GENERATE: "scripts_txt2img",
    Kind.IMAGE_EDIT: "scripts_img2img",
    Kind.IMAGE_UPSCALE: "extras",
    Kind.IMAGE_FACESWAP: "reactor",
}


class TaskProgress(Body):
    """The body of /internal/progress."""

    id_task: Name | None = Field(default=None, description="What the request sent as force_task_id")
    id_live_preview: int = Field(default=-1, ge=-1, le=1 << 53, description="The preview that is there already")
    live_preview: bool = True


def progress(job: Job | None, picture: bytes | None) -> dict[str, Any]:
    """The answer of GET progress; `picture`: what the job's picture looks like by now."""
    share = _share(job)
    return {
        "progress": share,
        "eta_relative": round(_eta(job, share), 1),
        "state": _state(job),
        "current_image": base64.b64encode(picture).decode() if picture else None,
        "textinfo": None,
    }


def task_progress(job: Job | None, picture: bytes | None, waiting: tuple[int, int] | None) -> dict[str, Any]:
    """The answer of /internal/progress. `waiting`: a queued job's place, and how many wait."""
    share = _share(job)
    runs = job is not None and not job.ended and bool(job.started)
    queued = job is not None and not job.ended and not job.started
    shown = picture if runs else None
    textinfo = None if runs else f"In queue: {waiting[0]}/{waiting[1]}" if queued and waiting else "Waiting..."
    return {
        "active": runs,
        "queued": queued,
        "completed": job is not None and job.public_status == PublicStatus.SUCCEEDED,
        "progress": share if runs else None,
        "eta": round(_eta(job, share), 1) if runs else None,
        "live_preview": f"data:image/jpeg;base64,{base64.b64encode(shown).decode()}" if shown else None,
        "id_live_preview": int(share * 1000) if shown else -1,
        "textinfo": textinfo,
    }


def _share(job: Job | None) -> float:
    if job is None or job.ended or not job.started:
        return 0.0
    return max(BEGUN, round(job.progress, 3))


def _eta(job: Job | None, share: float) -> float:
    """Seconds until the end, if it goes on as it went."""
    if job is None or share <= 0:
        return 0.0
    taken_s = max(0.0, time.time() - job.started / 1000)
    return taken_s / share * (1 - share)


def _state(job: Job | None) -> dict[str, Any]:
    steps = job.request.get("steps", 0) if job else 0
    done = len(stored(job)) if job else 0
    inside = job.progress * job.items - done if job else 0.0  # of the item that is being made
    return {
        "skipped": False,
        "interrupted": False,
        "stopping_generation": False,
        "job": _JOBS.get(job.kind, DIALECT) if job else "",
        "job_count": job.items if job else 0,
        "job_timestamp": timestamp(job) if job else "0",
        "job_no": min(done, job.items - 1) if job else 0,
        "sampling_step": int(min(max(inside, 0.0), 1.0) * steps),
        "sampling_steps": steps,
    }
