"""The operations on speech as the documentation shows them."""

from dataclasses import replace

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse

from api.dialects.speech import CONTENT_TYPES, Speech
from api.openapi import IDEMPOTENCY, WEBHOOK, openai_errors, operation, request_header, success

_PREFER = request_header(
    "Prefer", "`wait=N`: the job instead of its sound if none is there after so many seconds; `respond-async`: at once"
)
_EVENTS = (
    'data: {"type":"speech.audio.delta","audio":"SUQzBAAA…"}\n\ndata: {"type":"speech.audio.done","usage":{…}}\n\n'
)
_SOUND = OpenAPIResponse(
    "The sound, as it is made; with `stream_format: sse` in events",
    content={
        **{kind: OpenAPIMediaType() for kind in CONTENT_TYPES.values()},
        "text/event-stream": OpenAPIMediaType(example=_EVENTS),
    },
)
_LISTED = [
    {"id": "fable", "name": "fable", "language": None, "gender": "male", "stands_for": "bm_fable"},
    {"id": "ef_dora", "name": "ef_dora", "language": "es", "gender": "female", "stands_for": None},
]

SPEAK = operation(
    body=Speech,
    examples={
        "Create speech": {"model": "tts-1", "input": "The rain has stopped. We can go out now.", "voice": "nova"},
        "In Spanish, as pcm": {
            "model": "gpt-4o-mini-tts",
            "input": "Hola, ¿cómo estás?",
            "voice": {"id": "ef_dora"},
            "response_format": "pcm",
            "language": "es",
        },
        "In events": {"input": "One. Two. Three.", "voice": "alloy", "speed": 1.25, "stream_format": "sse"},
    },
    parameters=[IDEMPOTENCY, _PREFER, *WEBHOOK],
    responses={
        200: _SOUND,
        202: success(
            "Nothing to hear in time: the job, found at `Location`",
            {"id": "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000", "object": "job", "kind": "speech", "status": "running"},
        ),
        **openai_errors(400, 401, 404, 410, 413, 503),
        415: replace(openai_errors(400)[400], description="Not JSON"),
    },
)
VOICES = operation(responses={200: success("Who can speak", {"object": "list", "voices": _LISTED})})
