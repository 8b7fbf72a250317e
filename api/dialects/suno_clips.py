"""Suno's clips as callers see them, with every key that Suno's own have had, in its order."""

from enum import StrEnum
from typing import Any

from api.dialects.suno import CLIPS, FAMILY, LIMITS, Clip
from storage.catalog import ELSEWHERE, Catalog
from storage.errors import EngineFailed
from storage.ids import Part
from storage.job import Failure, Job, Kind, OutputStatus, Status
from storage.public import PublicJobs, iso

CREDITS = 1_000_000
"""What a balance without limits is told as: clients that look before they generate must find enough."""


class ClipStatus(StrEnum):
    """In the order in which a clip goes through them; it may skip some, and ends with one of the last two."""

    SUBMITTED = "submitted"
    QUEUED = "queued"
    STREAMING = "streaming"
    COMPLETE = "complete"
    ERROR = "error"


def clip_status(clip: Clip) -> ClipStatus:
    """What a clip is once its submission has been answered. A stored file stays so, whatever becomes of the job."""
    output, job = clip.audio.status, clip.job
    if output == OutputStatus.STORED:
        return ClipStatus.COMPLETE
    if output == OutputStatus.FAILED or job.ended:
        return ClipStatus.ERROR
    making = output == OutputStatus.MAKING or job.status == Status.STORING
    return ClipStatus.STREAMING if making else ClipStatus.QUEUED


class Clips:
    """Renders clips; `base_url` is what their links start with."""

    def __init__(self, public: PublicJobs, catalog: Catalog, base_url: str) -> None:
        self._public, self._catalog, self._base_url = public, catalog, base_url

    def submission(self, job: Job, *, replayed: bool) -> dict[str, Any]:
        """The answer to a generation. `status` is the submission's, which is over; the clips' are their own."""
        clips = self.of(job, submitted=not replayed)
        return {
            "id": job.id,
            "clips": clips,
            "metadata": clips[0]["metadata"],
            "major_model_version": self._version(job),
            "status": "complete",
            "created_at": iso(job.created),
            "batch_size": job.items,
        }

    def of(self, job: Job, *, submitted: bool = False) -> list[dict[str, Any]]:
        """All of a job's clips."""
        return [self.render(Clip(job, item), submitted=submitted) for item in range(1, job.items + 1)]

    def render(self, clip: Clip, *, submitted: bool = False) -> dict[str, Any]:
        """One clip; `submitted`: for the answer to its own submission."""
        job = clip.job
        status = ClipStatus.SUBMITTED if submitted else clip_status(clip)
        linked = status in (ClipStatus.STREAMING, ClipStatus.COMPLETE)
        metadata = _metadata(clip, status)
        return {
            "id": clip.id,
            "video_url": "",
            "audio_url": self._url(clip, Part.MAIN) if linked else "",
            "image_url": self._picture(clip, Part.COVER) if linked else None,
            "image_large_url": self._picture(clip, Part.COVER_LARGE) if linked else None,
            "is_video_pending": False,
            "major_model_version": self._version(job),
            "model_name": job.model,
            "metadata": metadata,
            "is_liked": False,
            "user_id": job.owner,
            "display_name": job.owner,
            "handle": job.owner,
            "is_handle_updated": False,
            "avatar_image_url": None,
            "is_trashed": False,
            "reaction": None,
            "created_at": iso(job.created),
            "status": status,
            "title": job.request.get("title") or clip.audio.metadata.get("title") or "",
            "play_count": 0,
            "upvote_count": 0,
            "is_public": False,
            "entity_type": "song_schema",
            "duration": metadata["duration"],
        }

    def _url(self, clip: Clip, part: Part) -> str:
        return self._public.url(clip.job, clip.job.output(clip.item, part), self._base_url)

    def _picture(self, clip: Clip, part: Part) -> str | None:
        """Accounts may send no pictures along: theirs are told of when they are there."""
        comes = clip.job.engine != ELSEWHERE or any(
            (output.item, output.part, output.status) == (clip.item, part, OutputStatus.STORED)
            for output in clip.job.outputs
        )
        return self._url(clip, part) if comes else None

    def _version(self, job: Job) -> str:
        model = self._catalog.models.get(job.model)
        return model.version if model else ""


def _metadata(clip: Clip, status: ClipStatus) -> dict[str, Any]:
    """What was asked for, what the engine said of it, and how it ended."""
    asked, made = clip.job.request, clip.audio.metadata
    failure = _failure(clip) if status == ClipStatus.ERROR else None
    return {
        **made,
        "tags": asked.get("tags") or made.get("tags") or "",
        "negative_tags": asked.get("negative_tags", ""),
        "prompt": asked.get("prompt") or made.get("prompt") or "",
        "gpt_description_prompt": asked.get("gpt_description_prompt"),
        "audio_prompt_id": asked.get("continue_clip_id"),
        "history": asked.get("history"),
        "concat_history": asked.get("concat_history"),
        "type": "concat" if clip.job.kind == Kind.MUSIC_CONCAT else "gen",
        "duration": clip.audio.duration_s if status == ClipStatus.COMPLETE else None,
        "refund_credits": False if failure is None else None,
        "stream": True,
        "infill": False,
        "can_remix": False,
        "is_remix": False,
        "error_type": failure.code if failure else None,
        "error_message": failure.message if failure else None,
    }


_ENDS = {
    Status.CANCELED: Failure("canceled", "the job was canceled"),
    Status.EXPIRED: Failure("deadline_passed", "the job did not start in its time"),
}
_UNSAID = Failure(EngineFailed.code, "the clip was not made")


def _failure(clip: Clip) -> Failure:
    return clip.audio.error or clip.job.error or _ENDS.get(clip.job.status, _UNSAID)


def billing(catalog: Catalog) -> dict[str, Any]:
    """The balance of a caller without limits, and the models there are."""
    models = [
        {
            "name": model.version or name,
            "external_key": name,
            "major_version": model.version,
            "can_use": True,
            "is_default_model": model.default,
            "max_lengths": LIMITS,
        }
        for name, model in catalog.models.items()
        if model.family == FAMILY
    ]
    return {
        "credits": CREDITS,
        "total_credits_left": CREDITS,
        "monthly_usage": 0,
        "monthly_limit": CREDITS,
        "period": "month",
        "renews_on": None,
        "is_active": True,
        "plan": {"id": "unlimited", "name": "Unlimited", "plan_key": "unlimited"},
        "models": models,
        "clips_per_generation": CLIPS,
    }
