"""What the API's description says beyond paths and methods.

Operations read their requests themselves, for speed; here is what Litestar would have found in their signatures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar import MediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
)
from pydantic import BaseModel

VERSION = "0.1.0"
KEYED: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}, {"x-api-key": []}]
"""The three ways of sending a key, any of which will do."""

_DETAIL = {"detail": "an API key is needed: `Authorization: Bearer <key>`"}
_PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "input.tags: Input should be a valid string",
    "code": "invalid_request",
    "errors": [{"detail": "Input should be a valid string", "pointer": "#/input/tags"}],
    "request_id": "req_5f0c1e7a9b3d4c6e8f2a1b0d",
}
_OPENAI = {
    "error": {"message": "there is no such file", "type": "invalid_request_error", "param": None, "code": "not_found"}
}
_WHEN = {
    400: "The request does not fit; the parameter is named",
    401: "No API key, or not a good one",
    403: "The key has not the admin scope",
    404: "No such thing, or another caller's",
    409: "The job has ended otherwise, or something works with the file",
    410: "It was here, and is not any more; or will never be",
    413: "The body is too large; the limit is named",
    422: "The body does not fit; the field is named",
    503: "Redis or the object store is away, or the file is not ready; `Retry-After` says when to come again",
}


def _schema(plain: dict[str, Any]) -> Schema:
    """A JSON schema as it is: Litestar writes plain data unchanged, but asks for its own class."""
    return cast(Schema, plain)


def schema_of(body: type[BaseModel]) -> dict[str, Any]:
    """The schema of a body, without definitions apart: within the whole document, nobody would find those."""
    schema = body.model_json_schema()
    definitions = schema.pop("$defs", {})

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return plain(definitions[value["$ref"].rpartition("/")[2]])
            return {name: plain(each) for name, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list) else value

    found: dict[str, Any] = plain(schema)
    return found


def json_content(value: Any, media_type: str = "application/json") -> dict[str, OpenAPIMediaType]:
    """An example, encoded here: Litestar would leave its nulls out."""
    return {media_type: OpenAPIMediaType(example=msgspec.Raw(msgspec.json.encode(value)))}


def suno_errors(*statuses: int) -> dict[int, OpenAPIResponse]:
    return {status: OpenAPIResponse(_WHEN[status], content=json_content(_DETAIL)) for status in statuses}


def problems(*statuses: int) -> dict[int, OpenAPIResponse]:
    return {
        status: OpenAPIResponse(_WHEN[status], content=json_content(_PROBLEM, "application/problem+json"))
        for status in statuses
    }


def openai_errors(*statuses: int) -> dict[int, OpenAPIResponse]:
    return {status: OpenAPIResponse(_WHEN[status], content=json_content(_OPENAI)) for status in statuses}


def success(description: str, example: Any) -> OpenAPIResponse:
    return OpenAPIResponse(description, content=json_content(example))


def stream(description: str, example: str) -> OpenAPIResponse:
    return OpenAPIResponse(description, content={"text/event-stream": OpenAPIMediaType(example=example)})


def query(name: str, description: str, **schema: Any) -> Parameter:
    return Parameter(name=name, param_in="query", required=False, description=description, schema=_schema(schema))


def request_header(name: str, description: str) -> Parameter:
    return Parameter(name=name, param_in="header", description=description, schema=_schema({"type": "string"}))


IDEMPOTENCY = request_header(
    "Idempotency-Key", "1 to 255 visible ASCII characters. For 24 hours the same key and body answer with the same job."
)


WEBHOOK = [
    request_header("X-Webhook-Url", "Where this job's events are sent"),
    request_header("X-Webhook-Events", "Which ones, separated by commas; how it ends, if missing"),
]


def operation(
    *,
    responses: Mapping[int, OpenAPIResponse],
    body: type[BaseModel] | None = None,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
    content: Mapping[str, Mapping[str, Any]] | None = None,
    parameters: Sequence[Parameter] = (),
) -> type[Operation]:
    """The description of one operation; `examples` are of its body, by their titles.

    `content`: the schemas of a body that is not JSON, or not only, by media types.
    """

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.responses = {str(status): response for status, response in sorted(responses.items())}
            self.parameters = [*(self.parameters or []), *parameters] or None
            kinds = {kind: OpenAPIMediaType(schema=_schema(dict(schema))) for kind, schema in (content or {}).items()}
            if body:
                kinds["application/json"] = OpenAPIMediaType(
                    schema=_schema(schema_of(body)),
                    examples={
                        title: Example(summary=title, value=dict(value)) for title, value in (examples or {}).items()
                    },
                )
            if kinds:
                self.request_body = RequestBody(content=kinds, required=True)

    return Described


def config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="ai-gateway",
        version=VERSION,
        description=(
            "One key, one job contract, many generative models. Every path works with and without a slash at its end. "
            "Every answer carries `x-request-id`; answers about a job carry `x-job-id` and `x-gateway-engine`."
        ),
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json", media_type=MediaType.JSON)],
        use_handler_docstrings=True,
        tags=[
            Tag(name="Suno", description='Music, in Suno\'s own words. Errors are `{"detail": …}`.'),
            Tag(name="Images", description="Pictures, in OpenAI's words. Errors are OpenAI's."),
            Tag(
                name="Stable Diffusion",
                description="Pictures, in the words of Stable Diffusion WebUI and of ReActor. So are errors.",
            ),
            Tag(name="Audio", description="Speech and recordings, in OpenAI's words. Errors are OpenAI's."),
            Tag(name="ASR", description="Recordings, in the words of whisper-asr-webservice. Errors are FastAPI's."),
            Tag(name="Chat", description="Conversations, in OpenAI's words. Errors are OpenAI's."),
            Tag(name="Models", description="What may be named, whatever it makes. Errors are OpenAI's."),
            Tag(name="Jobs", description="Any job, whichever way it was submitted. Errors are problem details."),
            Tag(
                name="Events", description="Server-sent events, the same as webhooks carry. Errors are problem details."
            ),
            Tag(name="Files", description="What batches read and write. Errors are OpenAI's."),
            Tag(name="Batches", description="Many requests at once. Errors are OpenAI's, but for `/v1/jobs/batch`."),
            Tag(name="Webhooks", description="Events sent to you, signed. Errors are problem details."),
            Tag(name="Media", description="Results. Links need no key, and keep working."),
            Tag(name="Operation", description="For whoever runs the gateway."),
        ],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", description="`Authorization: Bearer sk-…`"),
                "basic": SecurityScheme(type="http", scheme="basic", description="The key as the password"),
                "x-api-key": SecurityScheme(type="apiKey", name="x-api-key", security_scheme_in="header"),
            }
        ),
    )
