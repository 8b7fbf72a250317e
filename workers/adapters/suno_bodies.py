"""What Suno is asked for, in the fields of its own API: the relays take the same. Source: shared/protocols/suno.md A.3.

Only the fields that the sheet knows go out: what a caller sends besides could be a challenge's token, a price, another
task. A description wins over lyrics, as upstream: it is what the lyrics are to be written from.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from storage.errors import InvalidRequest
from storage.job import Kind
from workers.adapters.base import Source, Task
from workers.adapters.suno_clips import text


def known_source(task: Task) -> Source | None:
    """The clip to go on from, as the account knows it; None if it does not."""
    return task.sources.get(text(task.job.request.get(_field(task))))


def source(task: Task) -> Source:
    """The same. Raises InvalidRequest if the account does not know it."""
    if found := known_source(task):
        return found
    raise InvalidRequest("this clip was not made by the account that is to go on with it", field=_field(task))


def _field(task: Task) -> str:
    return "clip_id" if task.job.kind == Kind.MUSIC_CONCAT else "continue_clip_id"


def described(request: Mapping[str, Any]) -> bool:
    """Whether a description is to be followed, rather than lyrics and a style."""
    return bool(text(request.get("gpt_description_prompt"))) and not text(request.get("continue_clip_id"))


def generate(task: Task) -> dict[str, Any]:
    """The body of a generation or an extension. Raises InvalidRequest."""
    asked = task.job.request
    common = {"mv": task.model, "make_instrumental": bool(asked.get("make_instrumental")), "generation_type": "TEXT"}
    if described(asked):
        description = text(asked["gpt_description_prompt"])
        return {"gpt_description_prompt": description, "prompt": "", "negative_tags": "", **common}
    words = {name: text(asked.get(name)) for name in ("prompt", "tags", "title")}  # a title of null gets a 422
    if negative := text(asked.get("negative_tags")):
        words["negative_tags"] = negative
    if task.job.kind == Kind.MUSIC_EXTEND:
        going_on = {"continue_clip_id": source(task).id, "continue_at": asked.get("continue_at")}
        return {**words, **common, "task": "extend", **going_on}
    return {**words, **common}


def concat(task: Task) -> dict[str, Any]:
    """The body of a concatenation. Raises InvalidRequest."""
    return {"clip_id": source(task).id, "is_infill": False}


_PLACEHOLDERS: dict[str, Any] = {
    "token": None,
    "override_fields": [],
    **dict.fromkeys(("cover_clip_id", "cover_start_s", "cover_end_s", "persona_id")),
    **dict.fromkeys(("artist_clip_id", "artist_start_s", "artist_end_s")),
    **dict.fromkeys(("continue_clip_id", "continue_at", "continued_aligned_prompt", "user_uploaded_images_b64")),
}
"""Keys that v2-web wants to see, whatever is in them. Source: A.3; their names: ctykwz/sunox, its GenerateRequest."""


def for_web(body: Mapping[str, Any], job: str, user_tier: str | None) -> dict[str, Any]:
    """The same for v2-web. Its ids are drawn from the job's, so that a job that goes out again is recognisably one."""
    about = {
        "create_mode": "simple" if "gpt_description_prompt" in body else "custom",
        "create_session_token": _id(job, "session"),
        "user_tier": user_tier,
    }
    blank = {"title": "", "tags": "", "negative_tags": ""}
    return {**_PLACEHOLDERS, **blank, **body, "transaction_uuid": _id(job, "transaction"), "metadata": about}


def _id(job: str, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"ai-gateway:{job}:{what}"))
