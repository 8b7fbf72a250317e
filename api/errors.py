"""What callers are told when something goes wrong: one table of HTTP statuses, one body function per dialect."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from api.scope import request_id
from api.validation import FieldError, InvalidFields
from storage import errors

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5

_LEFT = "client disconnected prematurely"  # Litestar's words, and all there is to know it by

_HEADERS = {"Idempotency-Key", "Last-Event-ID", "X-Webhook-Url", "X-Webhook-Events"}
_ASR_PARTS = {"audio_file", "files", "keys", "lang"}  # the other fields are in the query

STATUS: Mapping[type[errors.GatewayError], int] = {
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.InvalidRequest: 422,
    errors.UnknownModel: 422,
    errors.ContextTooLong: 422,
    errors.TooLarge: 413,
    errors.KeyReused: 422,
    errors.AlreadyEnded: 409,
    errors.Canceled: 409,
    errors.InUse: 409,
    errors.AddressRefused: 422,
    errors.UpstreamBusy: 503,
    errors.UpstreamTimedOut: 504,
    errors.UpstreamFailed: 502,
    errors.UpstreamRefused: 502,
    errors.UpstreamMalformed: 502,
    errors.UpstreamUnreachable: 502,
    errors.UpstreamUntrusted: 502,
    errors.UpstreamDisconnected: 502,
    errors.UpstreamSessionExpired: 502,
    errors.UpstreamOutOfCredits: 502,
    errors.UpstreamChallenged: 502,
    errors.UpstreamSuspended: 502,
    errors.ContentRefused: 422,
    errors.EngineFailed: 500,
    errors.EngineLost: 500,
    errors.EngineTimedOut: 504,
    errors.EngineMisproduced: 500,
    errors.RedisUnavailable: 503,
    errors.ObjectsUnavailable: 503,
    errors.ObjectMissing: 404,
    errors.NotDurable: 503,
    errors.WorkerLost: 500,
    errors.DeadlinePassed: 504,
}
"""A class that is not listed has the status of its nearest ancestor that is."""


class Fault(NamedTuple):
    """An error as far as callers may know it. `field` is None where `errors` say it better, or where there is none."""

    status: int
    code: str
    message: str
    field: str | None
    errors: Sequence[FieldError]
    headers: Mapping[str, str]
    method: str
    request_id: str
    retryable: bool


class Told(NamedTuple):
    """A fault in the words of one dialect, with the headers and the status that it alone would have."""

    media_type: str
    body: dict[str, Any] | str
    status: int | None = None
    headers: Mapping[str, str] = {}


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's handler for whatever an operation raises."""
    fault = _fault(request, error)
    if fault.status == HTTPStatus.INTERNAL_SERVER_ERROR and not _has_left(error):
        # the route, not the path: a media link's path is the right to its file
        route = request.scope.get("path_template", "an unknown route")
        log.error("request %s failed: %s %s", fault.request_id, request.method, route, exc_info=error)
    told = _dialect(request.scope["path"])(fault)
    content = told.body.encode() if isinstance(told.body, str) else msgspec.json.encode(told.body)
    content = b"" if request.method == "HEAD" else content
    headers = {**fault.headers, **told.headers}
    return Response(content, status_code=told.status or fault.status, media_type=told.media_type, headers=headers)


def _has_left(error: Exception) -> bool:
    """Whether this is no error of ours: whoever sent the request left in the midst of its body."""
    return isinstance(error, HTTPException) and error.detail == _LEFT


def _fault(request: Request[Any, Any, Any], error: Exception) -> Fault:
    status, code, message, headers = _told(request, error)
    field = error.field if isinstance(error, errors.RequestError) else None
    found = error.errors if isinstance(error, InvalidFields) else ()
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="ai-gateway"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Fault(
        status,
        code,
        message,
        None if found else field,
        found,
        headers,
        request.method,
        request_id(request.scope),
        retryable=not isinstance(error, errors.GatewayError) or error.retryable,
    )


def _told(request: Request[Any, Any, Any], error: Exception) -> tuple[int, str, str, dict[str, str]]:
    """Status, code, message and headers of an error. Those of one that nobody foresaw say nothing of it."""
    match error:
        case InvalidFields():
            return STATUS[errors.InvalidRequest], errors.InvalidRequest.code, str(error), {}
        case errors.GatewayError():
            return status_of(type(error)), error.code, str(error), {}
        case HTTPException(status_code=413):
            limit = request.route_handler.resolve_request_max_body_size()
            return 413, errors.TooLarge.code, f"the body is larger than the limit of {limit} bytes", {}
        case HTTPException(status_code=status) if status < 500 or status == HTTPStatus.SERVICE_UNAVAILABLE:
            phrase = HTTPStatus(status).phrase
            message = {404: "there is nothing at this address", 405: "this address takes other methods"}
            return status, phrase.lower().replace(" ", "_"), message.get(status, error.detail), _allow(error)
    return 500, "internal_error", "something went wrong here; quote the request id when you report it", {}


def status_of(kind: type[errors.GatewayError]) -> int:
    """The HTTP status of a kind of error."""
    return next(STATUS[each] for each in kind.__mro__ if each in STATUS)


def _allow(error: HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["allow"]} if error.headers and "allow" in error.headers else {}


def _blaming(field: str | None, message: str) -> str:
    """What is wrong, and with which field: which is not said twice where the message begins with it."""
    return message if not field or message.startswith((f"{field} is ", f"{field} has ")) else f"{field}: {message}"


def _problem(fault: Fault) -> Told:
    """RFC 9457, with `code` to test for, and where each error is."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(fault.status).phrase,
        "status": fault.status,
        "detail": fault.message,
        "code": fault.code,
        "request_id": fault.request_id,
    }
    if fault.errors:
        body["errors"] = [{"detail": each.msg, "pointer": _pointer(each.loc[1:])} for each in fault.errors]
    elif fault.field:
        body["detail"] = _blaming(fault.field, fault.message)
        body["errors"] = [{"detail": fault.message, **_where(fault.method, fault.field)}]
    return Told("application/problem+json", body)


def _where(method: str, field: str) -> dict[str, str]:
    if field in _HEADERS:
        return {"header": field}
    return {"pointer": _pointer(field.split("."))} if method in ("POST", "PATCH") else {"parameter": field}


def _pointer(steps: Sequence[str | int]) -> str:
    """RFC 6901, as a URI fragment."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _suno(fault: Fault) -> Told:
    """Suno's own: a text, or FastAPI's list where the body does not fit."""
    detail: Any = _blaming(fault.field, fault.message)
    if fault.errors:
        detail = [each._asdict() for each in fault.errors]
    return Told("application/json", {"detail": detail})


def _webui(fault: Fault) -> Told:
    """Stable Diffusion WebUI's: FastAPI's list where the body does not fit, else its four words about an exception."""
    if fault.errors:
        return Told("application/json", {"detail": [each._asdict() for each in fault.errors]})
    text = _blaming(fault.field, fault.message)
    return Told("application/json", {"error": fault.code, "detail": text, "body": "", "errors": text})


def _asr(fault: Fault) -> Told:
    """whisper-asr-webservice's: FastAPI's list of what is wrong with a request; of our own failures the bare phrase.

    Bazarr keeps any body as subtitles, whatever its status: none of these reads as any.
    """
    if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Told("text/plain", HTTPStatus(fault.status).phrase)
    if fault.errors:
        return Told("application/json", {"detail": [each._asdict() for each in fault.errors]})
    if not fault.field or fault.field in _HEADERS:
        return Told("application/json", {"detail": _blaming(fault.field, fault.message)})
    part = "body" if fault.field in _ASR_PARTS else "query"
    detail = {"loc": (part, *fault.field.split(".")), "msg": fault.message, "type": fault.code}
    return Told("application/json", {"detail": [detail]})


def _openai(fault: Fault) -> Told:
    """OpenAI's envelope. Its clients repeat what was answered with 409 or 5xx, unless they are told not to."""
    param = ".".join(map(str, fault.errors[0].loc[1:])) if fault.errors else fault.field
    code, status = fault.code, fault.status
    if status == HTTPStatus.UNAUTHORIZED:
        code = "invalid_api_key"
    elif code == errors.UnknownModel.code:
        code, status = "model_not_found", HTTPStatus.NOT_FOUND
    found = "; ".join(f"{'.'.join(map(str, each.loc[1:]))}: {each.msg}".removeprefix(": ") for each in fault.errors)
    message = found or _blaming(param, fault.message)
    status, body = openai_error(status, code, message, param)
    in_vain = status == HTTPStatus.CONFLICT or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and not fault.retryable)
    return Told("application/json", body, status, {"x-should-retry": "false"} if in_vain else {})


def openai_error(status: int, code: str, message: str, param: str | None = None) -> tuple[int, dict[str, Any]]:
    """An error as OpenAI's clients read it: its status there, and the body."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "requests"
    else:
        kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    return status, {"error": {"message": message, "type": kind, "param": param, "code": code}}


_DIALECTS: Mapping[str, Callable[[Fault], Told]] = {
    "/v1/suno": _suno,
    "/v1/files": _openai,
    "/v1/batches": _openai,
    "/v1/images": _openai,
    "/v1/sdapi": _webui,
    "/sdapi": _webui,
    "/v1/reactor": _webui,
    "/reactor": _webui,
    "/internal": _webui,
    "/v1/audio": _openai,
    "/v1/chat": _openai,
    "/v1/models": _openai,
    "/v1/asr": _asr,
    "/asr": _asr,
    "/v1/detect-language": _asr,
    "/detect-language": _asr,
    "/v1/api/v1/asr": _asr,
    "/api/v1/asr": _asr,
}


def _dialect(path: str) -> Callable[[Fault], Told]:
    return next((body for prefix, body in _DIALECTS.items() if path.startswith(prefix)), _problem)
