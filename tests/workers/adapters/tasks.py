"""A task of each kind, as an account gets it. `REQUESTS`: what its job holds, as the dialect kept it."""

from typing import Any

from storage.ids import output_id
from storage.job import Job, Kind
from workers.adapters.base import Source, Task

JOB = "01890000-0000-7000-8000-000000000000"
CLIP = output_id("01880000-0000-7000-8000-000000000000", 1)
UPSTREAM = Source("up-1", "task-up-1")
"""What `CLIP` is called by the upstream that made it."""

SONG = {"prompt": "[Verse]\nShips come home", "tags": "folk, slow", "title": "Harbour Lights", "mv": "chirp-v4"}

REQUESTS: dict[Kind, dict[str, Any]] = {
    Kind.MUSIC_GENERATE: {**SONG, "make_instrumental": False},
    Kind.MUSIC_EXTEND: {
        **SONG,
        "continue_clip_id": CLIP,
        "continue_at": 60.5,
        "history": [{"id": CLIP, "continue_at": 60.5, "type": "gen", "source": "web", "infill": False}],
    },
    Kind.MUSIC_CONCAT: {"clip_id": CLIP, "concat_history": [{"id": CLIP, "continue_at": None}]},
}
_ITEMS = {Kind.MUSIC_GENERATE: 2, Kind.MUSIC_EXTEND: 2}


def task(kind: Kind, *, model: str = "chirp-v4", callback_url: str | None = None, **request: Any) -> Task:
    """A task of this kind. `request` replaces fields of it; None takes one away."""
    asked = {name: value for name, value in {**REQUESTS[kind], **request}.items() if value is not None}
    job = Job(
        id=JOB,
        kind=kind,
        owner="owner",
        dialect="suno",
        model="chirp-v4",
        engine="upstream",
        lane="upstream",
        step="submit",
        request=asked,
        priority=5,
        items=_ITEMS.get(kind, 1),
    )
    return Task(job=job, model=model, sources={CLIP: UPSTREAM}, callback_url=callback_url)
