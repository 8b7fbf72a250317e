"""The operations as the documentation shows them. Its answers are made-up jobs, rendered by what renders real ones."""

from typing import Any

from litestar.openapi.spec import OpenAPIResponse
from pydantic import SecretStr

from api.dialects.suno import Concat, Generate
from api.dialects.suno_clips import Clips, billing
from api.jobs_body import Submission
from api.media_formats import FORMATS
from api.openapi import IDEMPOTENCY, WEBHOOK, operation, problems, query, request_header, stream, success, suno_errors
from api.sse import frame, line
from storage.catalog import Catalog
from storage.events import Event
from storage.job import Job, Kind, OutputStatus, PublicStatus, Status, Upstream
from storage.links import Links
from storage.public import PublicJobs

_HOST = "https://gateway.example"
_CATALOG = Catalog()
_PUBLIC = PublicJobs(Links(SecretStr("only for the examples of the documentation")), record_s=30 * 86_400)
_CLIPS = Clips(_PUBLIC, _CATALOG, _HOST)

_SONG = {
    "prompt": "[Verse 1]\nThe tide comes in, the tide goes out\n[Chorus]\nAnd I stay here by the sea",
    "tags": "acoustic folk, warm, slow",
    "mv": "chirp-v3-0",
    "title": "By the Sea",
    "make_instrumental": False,
}
_DESCRIBED = {
    "gpt_description_prompt": "a calm song about the sea",
    "mv": "chirp-v3-0",
    "make_instrumental": False,
    "prompt": "",
}
_ID = "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000"
_CLIP_ID = f"{_ID[:-4]}0010"
_EXTENSION = {**_SONG, "prompt": "[Verse 2]\nA gull above the pier", "continue_clip_id": _CLIP_ID, "continue_at": 42.5}
_IDS = f"{_CLIP_ID},{_ID[:-4]}0020"


def _job(kind: Kind = Kind.MUSIC_GENERATE, items: int = 2, **fields: Any) -> Job:
    created = 1_751_328_000_000
    return Job(
        id=_ID,
        kind=kind,
        owner="key_1f2e3d4c5b6a7988",
        dialect="suno",
        model="chirp-v3-0",
        engine="composer",
        lane="engines",
        step="render",
        request=_SONG,
        priority=5,
        items=items,
        created=created,
        **fields,
    )


def _finished() -> Job:
    job = _job(status=Status.SUCCEEDED, started=1_751_328_001_000, finished=1_751_328_021_000)
    for output in job.outputs:
        output.status = OutputStatus.STORED
        output.duration_s = 61.44 if output.role == "audio" else None
    return job


_NEW = _job()
IN_DOUBT = _job(
    status=Status.IN_DOUBT,
    started=1_751_328_001_000,
    account="studio",
    served_by="suno",
    upstream=Upstream(intent="5f8a3c21", sent=1_751_328_001_000, looks=4),
)
_DONE = _finished()


def told(job: Job) -> dict[str, Any]:
    """The public job."""
    return _PUBLIC.render(job, base_url=_HOST)


_ONE_DONE = _CLIPS.of(_DONE)
_JOB_DONE = _PUBLIC.render(_DONE, base_url=_HOST)
_JOB_NEW = _PUBLIC.render(_NEW, base_url=_HOST)

GENERATE = operation(
    body=Generate,
    examples={
        "Suno Generate: lyrics and style": _SONG,
        "Suno Generate: from a description": _DESCRIBED,
        "Suno Generate (Extend)": _EXTENSION,
    },
    parameters=[IDEMPOTENCY, *WEBHOOK],
    responses={
        200: success("Accepted: two clips, found again by their ids", _CLIPS.submission(_NEW, replayed=False)),
        **suno_errors(401, 404, 410, 413, 422, 503),
    },
)
CONCAT = operation(
    body=Concat,
    examples={"Suno Concat": {"clip_id": _CLIP_ID, "is_infill": False}},
    parameters=[IDEMPOTENCY, *WEBHOOK],
    responses={
        200: success("Accepted: one clip", _CLIPS.of(_job(Kind.MUSIC_CONCAT, 1), submitted=True)[0]),
        **suno_errors(401, 404, 410, 413, 422, 503),
    },
)
_IDS_QUERY = query(
    "ids",
    "Clip ids, separated by commas, 200 at most; without, the caller's newest clips",
    type="string",
    examples=[_IDS],
)
FEED = operation(
    parameters=[_IDS_QUERY],
    responses={
        200: success("The clips, in the order asked for; unknown ids are absent", _ONE_DONE),
        **suno_errors(401, 422, 503),
    },
)
FEED_V2 = operation(
    parameters=[_IDS_QUERY, query("page", "Counts from 0; for a feed without ids", type="integer", minimum=0)],
    responses={
        200: success("As the feed, in an envelope", {"clips": _ONE_DONE, "current_page": 0, "has_more": False}),
        **suno_errors(401, 422, 503),
    },
)
CLIP = operation(responses={200: success("The clip", _ONE_DONE[0]), **suno_errors(401, 404, 503)})
BILLING = operation(responses={200: success("Balance and models", billing(_CATALOG)), **suno_errors(401, 503)})

SUBMIT = operation(
    body=Submission,
    examples={
        "A song": {"kind": "music.generate", "model": "chirp-v3-0", "input": _DESCRIBED, "metadata": {"order": 17}},
        "An extension": {"kind": "music.extend", "input": {"continue_clip_id": _CLIP_ID, "continue_at": 42.5}},
        "A whole song": {"kind": "music.concat", "input": {"clip_id": _CLIP_ID}, "priority": 2, "keep_s": 86_400},
    },
    parameters=[IDEMPOTENCY, *WEBHOOK],
    responses={
        202: success("Accepted; `Location` is where it is found", _JOB_NEW),
        **problems(401, 404, 410, 413, 422, 503),
    },
)
READ = operation(
    parameters=[
        query("wait", "Seconds to wait for the job's end, 0 to 300", type="number", minimum=0, maximum=300),
        request_header("Prefer", "`wait=N`, the same as a header"),
    ],
    responses={200: success("The job as it stands", _JOB_DONE), **problems(401, 404, 422, 503)},
)
CANCEL = operation(
    responses={200: success("Canceled", _JOB_NEW | {"status": "canceled"}), **problems(401, 404, 409, 503)}
)
ERASE = operation(responses={204: success("Deleted, media and all", None), **problems(401, 404, 503)})
LIST = operation(
    parameters=[
        query("cursor", "`next_cursor` of the page before", type="string"),
        query("limit", "Jobs on a page", type="integer", minimum=1, maximum=100, default=20),
        query("kind", "Only these kinds, separated by commas", type="string", examples=[Kind.MUSIC_GENERATE.value]),
        query("status", "Only these, separated by commas", type="string", examples=[PublicStatus.SUCCEEDED.value]),
    ],
    responses={
        200: success("Newest first", {"object": "list", "data": [_JOB_DONE], "next_cursor": None}),
        **problems(401, 422, 503),
    },
)

_LAST_EVENT_ID = request_header("Last-Event-ID", "Go on after this event; in the query as `last_event_id`")


def _streamed(id: str) -> str:
    """An event as it stands in a stream."""
    event = Event(_ID, "succeeded", _DONE.finished)
    body = event.rendered(_DONE, _PUBLIC, _HOST)
    return frame(event.type, line(body), id or event.id).decode()


JOB_EVENTS = operation(
    parameters=[_LAST_EVENT_ID],
    responses={
        200: stream("What has happened to the job, then what happens, until its end", _streamed("")),
        204: OpenAPIResponse("It has ended, and nothing came after `Last-Event-ID`"),
        **problems(401, 404, 422, 503),
    },
)
EVENTS = operation(
    parameters=[
        _LAST_EVENT_ID,
        query(
            "since", "From this time on (ISO 8601), or after this id of the stream", type="string", format="date-time"
        ),
        query("types", "Only these, separated by commas", type="string", examples=["job.succeeded,job.failed"]),
        query("kinds", "Only these, separated by commas", type="string", examples=[Kind.MUSIC_GENERATE.value]),
    ],
    responses={200: stream("Events, without an end", _streamed("1751328021000-0")), **problems(401, 422, 503)},
)

_READY = {
    "status": "ready",
    "redis": "ok",
    "objects": "ok",
    "lanes": {"delivery": {"workers": 1}, "engines": {"workers": 1}},
}
MEDIA = operation(
    parameters=[
        request_header("Range", "One range of bytes, such as `bytes=0-1023`"),
        query("format", "Of a transcript: written so, in the place of its JSON", type="string", enum=[*FORMATS]),
    ],
    responses={
        200: OpenAPIResponse("The file"),
        206: OpenAPIResponse("The part of it asked for"),
        304: OpenAPIResponse("The client's copy is still good"),
        416: OpenAPIResponse("The range lies outside the file"),
        **problems(404, 410, 422, 503),
    },
)
HEALTH = operation(responses={200: success("Alive", {"status": "ok"})})
READY = operation(
    responses={
        200: success("Redis and the object store answer; which lanes have workers", _READY),
        503: success("One of them is away", _READY | {"status": "unavailable", "objects": "away"}),
    }
)
