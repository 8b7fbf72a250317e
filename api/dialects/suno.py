"""Suno's words, callers' side: requests in, jobs out. No I/O.

Limits and fields are those of Suno's own API (custom mode of v4.5 and later). What its page marks as required may be
missing all the same: description mode sends neither tags nor title. Null means missing, and so does an empty text
where a choice is wanted: clients that fill in forms send those. Fields nobody knows are kept.
"""

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.admission import NewJob
from storage.catalog import Catalog
from storage.errors import InvalidRequest, NotFound, UnknownModel
from storage.ids import OutputId, Part, output_id
from storage.job import Job, Kind, Output, OutputStatus

DIALECT = "suno"
FAMILY = "music"
CLIPS = 2
MAX_HISTORY = 100
"""How often a song may be extended: an answer holds the whole history."""

LIMITS = {"title": 100, "prompt": 5000, "tags": 1000, "negative_tags": 1000, "gpt_description_prompt": 3000}
"""Characters."""

END_SLACK_S = 1.0
"""A start of an extension that lies no further beyond its clip's end means the end: clients round what they show."""

_OURS = ("history", "concat_history")  # lineage is what we know, never what a body says


def _said(value: Any) -> Any:
    """A text without the white space around it; None if that leaves nothing."""
    return value.strip() or None if isinstance(value, str) else value


_SAID = BeforeValidator(_said)


class Generate(BaseModel):
    """The body of a generation, and with `continue_clip_id` of an extension."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    prompt: str | None = Field(default=None, max_length=LIMITS["prompt"], description="Lyrics")
    tags: str | None = Field(default=None, max_length=LIMITS["tags"], description="Style of music")
    negative_tags: str | None = Field(default=None, max_length=LIMITS["negative_tags"], description="What to avoid")
    mv: Annotated[str | None, _SAID] = Field(default=None, description="Model")
    title: str | None = Field(default=None, max_length=LIMITS["title"], description="Title")
    continue_clip_id: Annotated[str | None, _SAID] = Field(default=None, description="Extend this clip")
    continue_at: Annotated[Annotated[float, Field(ge=0)] | None, _SAID] = Field(
        default=None, description="Second of that clip at which the extension starts; its end, if missing"
    )
    gpt_description_prompt: str | None = Field(
        default=None,
        max_length=LIMITS["gpt_description_prompt"],
        description="Song description, from which lyrics are written",
    )
    make_instrumental: Annotated[bool | None, _SAID] = Field(default=None, description="No vocals")


class Concat(BaseModel):
    """The body of a concatenation."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    clip_id: Annotated[str, _SAID] = Field(description="The last extension of the song")
    is_infill: Annotated[bool | None, _SAID] = Field(default=None, description="Accepted, and of no effect")


class Clip(NamedTuple):
    """One clip: an item of a job. Its id is that of the item's main output."""

    job: Job
    item: int

    @property
    def id(self) -> str:
        return output_id(self.job.id, self.item)

    @property
    def audio(self) -> Output:
        return self.job.output(self.item)


def clip_of(id: OutputId, job: Job | None, owner: str) -> Clip | None:
    """The clip called `id`, made by `job`; None if it is not one of `owner`'s clips."""
    if id.part != Part.MAIN or job is None or job.id != id.job or job.owner != owner:
        return None
    return Clip(job, id.item) if job.kind.startswith(FAMILY) and id.item <= job.items else None


def generate(body: Generate, catalog: Catalog) -> NewJob:
    """A new song. Raises UnknownModel."""
    return _new_job(Kind.MUSIC_GENERATE, body.mv, _kept(body), catalog)


def extend(body: Generate, source: Clip | None, catalog: Catalog) -> NewJob:
    """A song that goes on from another. Raises NotFound and InvalidRequest about the clip, UnknownModel."""
    clip = _complete(source, "continue_clip_id")
    at = _continue_at(body.continue_at, clip)
    history = [*_history(clip, "continue_clip_id"), _step(clip, at)]
    request = {**_kept(body), "continue_clip_id": clip.id, "continue_at": at, "history": history}
    return _new_job(Kind.MUSIC_EXTEND, body.mv or clip.job.model, request, catalog)


def concat(body: Concat, source: Clip | None, catalog: Catalog) -> NewJob:
    """A song and its extensions made one. Raises NotFound and InvalidRequest about the clip, UnknownModel."""
    clip = _complete(source, "clip_id")
    if clip.job.kind != Kind.MUSIC_EXTEND:
        raise InvalidRequest("Bad history. This clip extends no other, so there is nothing to join", field="clip_id")
    history = [*_history(clip, "clip_id"), _step(clip, None)]
    request = {**_kept(body), "clip_id": clip.id, "concat_history": history}
    return _new_job(Kind.MUSIC_CONCAT, clip.job.model, request, catalog)


def _new_job(kind: Kind, mv: str | None, request: dict[str, Any], catalog: Catalog) -> NewJob:
    try:
        name, model = catalog.find(mv, FAMILY)
    except UnknownModel as error:
        raise UnknownModel(str(error), field="mv") from error
    return NewJob(kind, DIALECT, name, model, request, 1 if kind == Kind.MUSIC_CONCAT else CLIPS)


def _kept(body: Generate | Concat) -> dict[str, Any]:
    """The body as sent, nulls and what it claims of its history left out."""
    return {name: value for name, value in body.model_dump(exclude_none=True).items() if name not in _OURS}


def _complete(source: Clip | None, field: str) -> Clip:
    if source is None:
        raise NotFound("there is no such clip", field=field)
    if source.audio.status == OutputStatus.STORED:
        return source
    failed = source.audio.status == OutputStatus.FAILED or source.job.ended
    raise InvalidRequest(f"clip {source.id} {'has failed' if failed else 'is not complete yet'}", field=field)


def _continue_at(asked: float | None, clip: Clip) -> float:
    end = clip.audio.duration_s or 0.0
    at = end if asked is None or end < asked <= end + END_SLACK_S else asked
    if not 0 < at <= end:
        raise InvalidRequest(f"must be above 0 and at most {end:g}, the clip's length in seconds", field="continue_at")
    return at


def _history(clip: Clip, field: str) -> list[Any]:
    before: list[Any] = clip.job.request.get("history", [])
    if len(before) >= MAX_HISTORY:
        raise InvalidRequest(f"Bad history. A song may be extended {MAX_HISTORY} times at most", field=field)
    return before


def _step(clip: Clip, at: float | None) -> dict[str, Any]:
    return {"id": clip.id, "continue_at": at, "type": "gen", "source": "web", "infill": False}
