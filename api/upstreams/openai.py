"""OpenAI's chat, as OpenAI and all that are compatible with it speak it: bytes go through, and each event is looked at.

Usage is always asked for, so that it is known; a caller that did not ask for it does not see it.
Sources: shared/protocols/openai.md §2, §3; `storage/wire/openai_errors.py`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.upstreams.base import Asked, Headers, Outgoing, Refused, Usage, Whole, doubtful
from api.upstreams.envelopes import envelope, event
from api.upstreams.events import Splitter
from storage.errors import UpstreamDisconnected, UpstreamError, UpstreamFailed, UpstreamMalformed
from storage.wire.openai_errors import refused
from storage.wire.reading import UNREADABLE, words
from storage.wire.reply import Reply

_HEADERS: Headers = [(b"content-type", b"application/json"), (b"accept-encoding", b"identity")]
_PASSED = (b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id")
_PASSED_FROM = b"x-ratelimit-"
_OUR_FAULT = {401, 402, 403}
_DONE = b"[DONE]"
_USAGE_NULL = (b',"usage":null', b', "usage": null')

Body = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(Body).decode
_encode = msgspec.json.Encoder().encode


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = msgspec.UNSET
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


def _chunk(body: bytes) -> _Chunk:
    """Raises UpstreamMalformed. What nobody looks at is read too: clients stumble over bytes that are no text."""
    try:
        if not body.isascii():
            body.decode()
        return _decode(body)
    except UNREADABLE as error:
        raise UpstreamMalformed("the upstream sent what is no answer of chat completions") from error


class OpenAI:
    """An account's dialect. `options` are those of its adapter (`workers/adapters/openai_options.py`)."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.auth: str = options.get("auth", "bearer")

    def outgoing(self, asked: Asked, model: str) -> Outgoing:
        body = asked.body
        if model != asked.model or (asked.stream and not asked.usage):
            fields = _fields(body)
            fields["model"] = msgspec.Raw(_encode(model))
            if asked.stream and not asked.usage:
                fields["stream_options"] = _with_usage(fields.get("stream_options"))
            body = _encode(fields)
        return Outgoing("/chat/completions", _HEADERS, body)

    def whole(self, asked: Asked, body: bytes) -> Whole:  # noqa: ARG002 - other dialects have to turn it
        said = _chunk(body)
        if said.error:
            raise UpstreamFailed(f"the upstream failed: {words(_message(said.error))}")
        if said.choices is None:
            raise UpstreamMalformed("the upstream answered 200 without choices")
        return Whole(body, _usage(said.usage))

    def passed(self, headers: Mapping[bytes, bytes]) -> Headers:
        return [
            (name, value)
            for name, value in headers.items()
            if name == b"x-request-id" or name.startswith((_PASSED_FROM, b"openai-"))
        ]

    def turned(self, asked: Asked) -> "Events":
        return Events(with_usage=asked.usage, choices=asked.choices)

    def refused(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
        """OpenAI's own envelope goes through, but where it is about the gateway's key, or a failure of theirs."""
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        named = _is_envelope(body)
        error = refused(Reply(status, said, body), risky=False)
        error.in_doubt = doubtful(status, named=named)
        if status in _OUR_FAULT or not 400 <= status < 500 or not named:
            ours = envelope(error, _status(status))
            return Refused(ours.status, [*ours.headers, *_passed(headers, ours.headers)], ours.body, error)
        passed = [(b"content-type", b"application/json"), *_passed(headers, ())]
        return Refused(status, passed, body, error)


class Events:
    """One stream, event by event. What is no event of chat completions ends it, and is said to the caller."""

    def __init__(self, *, with_usage: bool, choices: int) -> None:
        self.usage: Usage | None = None
        self.over = False
        self.failed: UpstreamError | None = None
        self._with_usage, self._choices = with_usage, choices
        self._split = Splitter()
        self._finished = set[int]()

    def feed(self, data: bytes) -> bytes:
        if self.over:
            return b""
        told, failure = list[bytes](), b""
        try:
            for payload in self._split.feed(data):
                if (said := self._told(payload)) is not None:
                    told.append(said)
                if said == _DONE:
                    break
        except UpstreamError as error:
            failure = self._fail(error)
        return b"data: %b\n\n%b" % (b"\n\ndata: ".join(told), failure) if told else failure

    def end(self) -> bytes:
        if self.over:
            return b""
        if len(self._finished) >= self._choices and not self._split.half:  # some servers never say [DONE]
            self.over = True
            return b"data: %b\n\n" % _DONE
        return self._fail(UpstreamDisconnected("the upstream ended its answer before it was complete"))

    def _told(self, payload: bytes) -> bytes | None:
        """What the caller is told of an event's data. Raises UpstreamFailed, UpstreamMalformed."""
        if payload.strip() == _DONE:
            self.over = True
            return _DONE
        chunk = _chunk(payload)
        if chunk.error:
            raise UpstreamFailed(f"the upstream failed: {words(_message(chunk.error))}")
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self._finished.add(choice.index)
        if chunk.usage is not msgspec.UNSET:
            self.usage = _usage(chunk.usage) or self.usage
            if not self._with_usage:
                if chunk.usage and not chunk.choices:
                    return None
                payload = _without_usage(payload)
        return payload.replace(b"\n", b" ")  # JSON has no line ends that mean anything

    def _fail(self, error: UpstreamError) -> bytes:
        self.over, self.failed = True, error
        return event(envelope(error).body)


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    given = msgspec.json.decode(options) if options else None
    return msgspec.Raw(_encode({**(given if isinstance(given, dict) else {}), "include_usage": True}))


def _without_usage(payload: bytes) -> bytes:
    """A chunk, less what the caller did not ask for. In a text these bytes would be escaped."""
    for null in _USAGE_NULL:
        if null in payload:
            return payload.replace(null, b"")
    fields = _fields(payload)
    fields.pop("usage", None)
    return _encode(fields)


def _usage(tokens: Any) -> Usage | None:
    match tokens:
        case {"prompt_tokens": int(prompt), "completion_tokens": int(completion)}:
            return Usage(prompt, completion)
        case _:
            return None


def _message(error: Any) -> str:
    said = error.get("message") if isinstance(error, dict) else error
    return said if isinstance(said, str) else "it does not say why"


def _is_envelope(body: bytes) -> bool:
    try:
        return isinstance(_chunk(body).error, dict)
    except UpstreamMalformed:
        return False


def _status(status: int) -> int:
    """What a caller is told instead: a refused key of ours is not their fault, and proxies do not know 529."""
    match status:
        case 529 | 503:
            return 503
        case 408 | 504 | 524:
            return 504
        case 400 | 404 | 409 | 413 | 422 | 429:
            return status
        case _:
            return 502


def _passed(headers: Mapping[bytes, bytes], ours: Headers) -> Headers:
    """What callers may know of an upstream's head. `ours`: what has been said already."""
    told = {name for name, _ in ours}
    return [
        (name, value)
        for name, value in headers.items()
        if (name in _PASSED or name.startswith(_PASSED_FROM)) and name not in told
    ]
