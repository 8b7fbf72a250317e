"""A small client of a gateway's HTTP surface, for the command line. Calls block, one connection each.

A proxy that the environment names is asked, but never for a gateway on this machine. The key goes to the gateway only,
wherever it may send us.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any, Self
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import click

from cli.exits import Exit

Body = bytes | Iterable[bytes] | None
"""An iterable is sent as it comes, and wants a Content-Length."""

TIMEOUT_S = 30.0
MEDIA_TIMEOUT_S = 90.0
"""Media links wait up to 60 s for a file that is being made."""

_LONGEST_ERROR = 1_000_000
_LONGEST_TEXT = 500
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_NEVER = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}


class Refused(click.ClickException):
    """What was asked for was not had; the message is for the caller."""

    exit_code = Exit.FAILED


class Rejected(Refused):
    """The gateway answered that the request is wrong. Asked again, it would say the same."""

    exit_code = Exit.MISUSED

    def __init__(self, message: str, status: int, headers: Message, said: Any) -> None:
        super().__init__(message)
        self.status, self.headers, self.said = status, headers, said


class Away(Refused):
    """No answer, or one that says to come again later."""

    exit_code = Exit.AWAY
    retry_after_s = 0.0


class Answer:
    """One that is being read; what breaks meanwhile raises Away."""

    def __init__(self, what: str, response: HTTPResponse) -> None:
        self._what, self._response = what, response
        self.status, self.headers = response.status, response.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; nothing at the end, which http.client does not check against the length told."""
        try:
            return self._response.read(None if size < 0 else size)
        except (OSError, HTTPException) as error:
            raise _away(self._what, error) from error

    def lines(self) -> Iterator[bytes]:
        try:
            yield from self._response
        except (OSError, HTTPException) as error:
            raise _away(self._what, error) from error


class Client:
    """One gateway and one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self._key = url, key
        self._opener = _opener(url)

    def get(self, path: str, timeout_s: float = TIMEOUT_S) -> Any:
        return self.call("GET", path, timeout_s=timeout_s)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        return self.send("POST", path, body, headers)

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """With a body of JSON, if there is one."""
        content = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self.call(method, path, data, {**content, **(headers or {})})

    def call(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """The answer's JSON; None if it has no content."""
        with self.open(method, path, body, headers, timeout_s) as answer:
            raw = answer.read()
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise Refused(f"{method} {path}: the answer is not JSON. Is there a gateway at {self.url}?") from None

    def open(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """An answer of the gateway's own, to be read and closed."""
        request = Request(self.url + path, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - the gateway
        request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        return self._open(f"{method} {path}", request, timeout_s)

    def media(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """What an absolute link leads to; media links need no key."""
        request = Request(url, headers=dict(headers or {}))  # noqa: S310 - a link of the gateway's
        return self._open(f"GET {url}", request, MEDIA_TIMEOUT_S)

    def download(self, url: str, to: Path) -> None:
        """Save what an absolute link leads to."""
        with self.media(url) as answer, to.open("wb") as file:
            shutil.copyfileobj(_Readable(answer), file)
        if to.stat().st_size != int(answer.headers["content-length"]):
            raise Refused(f"GET {url}: the answer ended too early")

    def _open(self, what: str, request: Request, timeout_s: float) -> Answer:
        try:
            return Answer(what, self._opener.open(request, timeout=timeout_s))
        except HTTPError as error:
            raise _refusal(what, error) from error
        except (OSError, HTTPException) as error:
            raise _away(what, error) from error
        except ValueError as error:
            raise Refused(f"{what}: {error}") from error


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200, within 2 s."""
    try:
        with _opener(url).open(url, timeout=2.0) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False


class _Readable:
    """An answer as shutil wants a file."""

    def __init__(self, answer: Answer) -> None:
        self.read = answer.read


class _Redirects(HTTPRedirectHandler):
    """A POST that is sent elsewhere must not become a GET there."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return super().redirect_request(req, fp, code, msg, headers, newurl) if req.get_method() == "GET" else None


def _opener(url: str) -> OpenerDirector:
    direct = urlsplit(url).hostname in _LOCAL
    return build_opener(ProxyHandler({}) if direct else ProxyHandler(), _Redirects)


def _away(what: str, error: OSError | HTTPException) -> Away:
    reason = getattr(error, "reason", error)  # urllib wraps what the system said
    return Away(f"{what}: {getattr(reason, 'strerror', None) or reason or type(reason).__name__}")


def _refusal(what: str, error: HTTPError) -> Refused:
    with error:
        try:
            text = error.read(_LONGEST_ERROR).decode(errors="replace")
        except (OSError, HTTPException):
            text = ""
    message = f"{what}: {error.code} {_told(text) or error.reason}"
    if error.code in _LATER or (error.code >= HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _NEVER):
        away = Away(message)
        wait = error.headers.get("retry-after", "")
        away.retry_after_s = float(wait) if wait.isdecimal() else 0.0
        return away
    return Rejected(message, error.code, error.headers, _parsed(text))


def _told(text: str) -> str:
    """The sentence in an error's body, whichever shape that has; the body itself, if we know none."""
    match _parsed(text):
        case {"error": {"message": str(message)}} | {"detail": str(message)}:
            return message
        case _:
            return text.strip()[:_LONGEST_TEXT]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
