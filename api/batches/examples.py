"""Files and batches as the documentation shows them."""

from typing import Any

from litestar.openapi.spec import OpenAPIResponse

from api.batches.body import NewBatch
from api.openapi import IDEMPOTENCY, openai_errors, operation, problems, query, request_header, success

_FILE_ID = "file-0197e1f26c3a7b1d9e425f8a3c21b07e"
_BATCH_ID = "batch_0197e1f26c3a7b1d9e425f8000000000"

_FILE: dict[str, Any] = {
    "id": _FILE_ID,
    "object": "file",
    "bytes": 40_960,
    "created_at": 1_751_328_000,
    "expires_at": 1_753_920_000,
    "filename": "songs.jsonl",
    "purpose": "batch",
    "status": "processed",
    "status_details": None,
}
_BATCH: dict[str, Any] = {
    "id": _BATCH_ID,
    "object": "batch",
    "endpoint": "/v1/suno/api/generate/v2",
    "errors": None,
    "input_file_id": _FILE_ID,
    "completion_window": "24h",
    "status": "in_progress",
    "output_file_id": "file-0197e1f26c3a7b1d9e425f8a3c21c4d2",
    "error_file_id": None,
    "created_at": 1_751_328_000,
    "expires_at": 1_751_414_400,
    "in_progress_at": 1_751_328_002,
    "finalizing_at": None,
    "completed_at": None,
    "failed_at": None,
    "expired_at": None,
    "cancelling_at": None,
    "cancelled_at": None,
    "request_counts": {"total": 100, "completed": 37, "failed": 0},
    "metadata": {"night": "17"},
}
_LINES = """\
{"kind": "music.generate", "input": {"prompt": "a song of the sea"}, "custom_id": "sea"}
{"kind": "music.generate", "input": {"prompt": "a song of the hills"}, "custom_id": "hills"}
"""


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [item], "first_id": item["id"], "last_id": item["id"], "has_more": False}


_AFTER = query("after", "The last id of the page before", type="string")

UPLOAD = operation(
    content={
        "multipart/form-data": {
            "type": "object",
            "required": ["purpose", "file"],
            "properties": {
                "purpose": {"type": "string", "examples": ["batch"]},
                "file": {"type": "string", "format": "binary"},
                "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                "expires_after[seconds]": {"type": "integer", "minimum": 3_600, "maximum": 2_592_000},
            },
        }
    },
    parameters=[IDEMPOTENCY],
    responses={200: success("Stored", _FILE), **openai_errors(400, 401, 410, 413, 503)},
)
FILES = operation(
    parameters=[
        query("purpose", "Only files for this", type="string", examples=["batch_output"]),
        query("limit", "Files on a page", type="integer", minimum=1, maximum=10_000, default=10_000),
        query("order", "By age", type="string", enum=["asc", "desc"], default="desc"),
        _AFTER,
    ],
    responses={200: success("The caller's files", _page(_FILE)), **openai_errors(400, 401, 503)},
)
FILE = operation(responses={200: success("The file's record", _FILE), **openai_errors(401, 404, 503)})
DELETE = operation(
    responses={
        200: success("Deleted", {"id": _FILE_ID, "object": "file", "deleted": True}),
        **openai_errors(401, 404, 409, 503),
    }
)
CONTENT = operation(
    parameters=[request_header("Range", "One range of bytes, such as `bytes=4096-`")],
    responses={
        200: OpenAPIResponse("The file"),
        206: OpenAPIResponse("The part of it asked for"),
        304: OpenAPIResponse("The client's copy is still good"),
        416: OpenAPIResponse("The range lies outside the file: of one that still grows, there is nothing new yet"),
        **openai_errors(401, 404, 503),
    },
)

CREATE = operation(
    body=NewBatch,
    examples={
        "Songs": {
            "input_file_id": _FILE_ID,
            "endpoint": "/v1/suno/api/generate/v2",
            "completion_window": "24h",
            "metadata": {"night": "17"},
        },
        "Only judge the lines": {"input_file_id": _FILE_ID, "endpoint": "/v1/jobs", "dry_run": True},
    },
    parameters=[IDEMPOTENCY],
    responses={
        200: success("Accepted; its lines are judged next", _BATCH | {"status": "validating"}),
        **openai_errors(400, 401, 404, 410, 413, 503),
    },
)
SUBMIT_MANY = operation(
    content={
        "application/jsonl": {
            "type": "string",
            "examples": [_LINES],
        },
        "application/json": {
            "type": "object",
            "required": ["jobs"],
            "properties": {"jobs": {"type": "array", "items": {"type": "object"}}},
        },
    },
    parameters=[
        IDEMPOTENCY,
        query("dry_run", "Only judge the lines, and count them by kind", type="boolean", default=False),
        query("name", "What the lines are called", type="string"),
    ],
    responses={
        200: success(
            "A dry run", {"object": "batch.dry_run", "lines": 2, "kinds": {"music.generate": 2}, "errors": []}
        ),
        202: success("Accepted; its lines are judged next", _BATCH | {"endpoint": "/v1/jobs", "status": "validating"}),
        **problems(401, 410, 413, 422, 503),
    },
)
BATCHES = operation(
    parameters=[query("limit", "Batches on a page", type="integer", minimum=1, maximum=100, default=20), _AFTER],
    responses={200: success("The caller's batches, newest first", _page(_BATCH)), **openai_errors(400, 401, 503)},
)
BATCH = operation(responses={200: success("The batch as it stands", _BATCH), **openai_errors(401, 404, 503)})
CANCEL = operation(
    responses={
        200: success("It is being canceled", _BATCH | {"status": "cancelling", "cancelling_at": 1_751_329_000}),
        **openai_errors(401, 404, 409, 503),
    }
)
