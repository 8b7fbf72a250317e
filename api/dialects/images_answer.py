"""OpenAI's words about pictures that are made: the body of the answer. No I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from api.dialects.images_rules import DIALECT, rules_of
from storage.job import Job, Kind, Output, OutputStatus


class Shown(NamedTuple):
    """One picture as the answer shows it: a link to it, or Base64 of what is in it."""

    output: Output
    url: str | None = None
    b64_json: str | None = None


def inline(job: Job) -> bool:
    """Whether the answer is to hold the pictures themselves."""
    return bool(job.request[DIALECT]["inline"])


def pictures(job: Job) -> list[Output]:
    """Those that there are."""
    return [output for output in job.outputs if output.status == OutputStatus.STORED]


def answer(job: Job, shown: Sequence[Shown]) -> dict[str, Any]:
    """The body of the answer. What a picture cost is left out: nothing is counted here, and `usage` may be missing."""
    body: dict[str, Any] = {"created": job.created // 1000, "data": [_datum(job, each) for each in shown]}
    return {**body, **look(job, shown[0].output)} if rules_of(job.model).inline and shown else body


def look(job: Job, output: Output | None = None) -> dict[str, str]:
    """How a picture was made, or is being made."""
    request = job.request
    size = (output.width_px, output.height_px) if output else (request.get("width"), request.get("height"))
    return {
        "background": "opaque",
        "output_format": request["format"],
        "quality": request[DIALECT]["quality"] or "medium",
        "size": f"{size[0]}x{size[1]}" if all(size) else "auto",
    }


def _datum(job: Job, shown: Shown) -> dict[str, Any]:
    found = {"b64_json": shown.b64_json} if shown.url is None else {"url": shown.url}
    told = revised(job, shown.output)
    return found if told is None else {**found, "revised_prompt": told}


def revised(job: Job, output: Output) -> str | None:
    """What was made of the prompt, for models that tell; None where the engine did not say."""
    about = output.metadata
    understood = about.get("understood")
    if not rules_of(job.model).revises or not job.request.get("prompt") or not about.get("embedded") or not understood:
        return None
    return f"What the embedded illustrator understood: {', '.join(_parts(job.kind, about, understood)) or 'nothing'}"


def _parts(kind: Kind, about: dict[str, Any], understood: dict[str, Any]) -> Iterator[str]:
    for name, count in Counter(subject["name"] for subject in about.get("subjects", ())).items():
        yield name if count == 1 else f"{count} × {name}"
    for word in ("places", "weather", "colours", "styles"):
        yield from understood.get(word, ())
    if kind == Kind.IMAGE_GENERATE and "time" in understood:  # an edit's is the day's, unless it is told another
        yield understood["time"]
