"""Every POST that makes a job, by its path: what a batch may be over. Other POSTs say here why they are none."""

from collections.abc import Mapping

from api import jobs, suno
from api.chat import completions
from api.images import surface as images
from api.operation import Operation
from api.recordings import asr, transcriptions
from api.speech import surface as speech
from api.webui import reactor
from api.webui import surface as webui
from storage.errors import InvalidRequest

ENDPOINTS: Mapping[str, Operation] = {
    operation.path: operation
    for operation in (
        suno.GENERATE,
        suno.CONCAT,
        *images.OPERATIONS,
        speech.SPEAK,
        completions.COMPLETE,
        *webui.OPERATIONS,
        *reactor.OPERATIONS,
        *transcriptions.OPERATIONS,
        *asr.OPERATIONS,
        jobs.SUBMIT,
    )
}

OTHERS: Mapping[str, str] = {
    "/v1/admin": "is an operator's",
    "/v1/batches": "makes or ends a batch",
    "/v1/callbacks": "is an upstream's",
    "/v1/files": "stores a file",
    "/v1/jobs/": "makes a batch, or ends a job",
    "/v1/webhooks": "says where to tell of jobs",
    **webui.OTHERS,
}
"""What the paths of other POSTs start with."""


def endpoint(path: str) -> Operation:
    """The operation at a path, with or without the slash at its end. Raises InvalidRequest."""
    found = ENDPOINTS.get(normal(path))
    if found is None:
        raise InvalidRequest(f"batches are over one of: {', '.join(ENDPOINTS)}", field="endpoint")
    return found


def normal(path: str) -> str:
    """A path as operations have it: `/v1/` first, no slash last."""
    bare = path.strip("/")
    return f"/{bare}" if bare.startswith("v1/") else f"/v1/{bare}"
