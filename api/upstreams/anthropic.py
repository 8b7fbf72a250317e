"""Anthropic's messages, for callers who speak OpenAI's chat. Source: shared/protocols/anthropic.md.

The address is the one that Anthropic's own clients have, without `/v1`. What requests, answers and refusals mean
is in `storage/wire/anthropic_*.py`, since jobs go there too; here is what a relay needs besides.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from api.sse import line
from api.upstreams import anthropic_errors
from api.upstreams.anthropic_events import Events
from api.upstreams.base import Asked, Headers, Outgoing, Refused, Usage, Whole
from storage.errors import InvalidRequest
from storage.wire.anthropic_answer import completion
from storage.wire.anthropic_options import Options
from storage.wire.anthropic_request import request
from storage.wire.reading import UNREADABLE


class Anthropic:
    """One account."""

    auth: Literal["header", "bearer", "none"]

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not (`storage/wire/anthropic_options.py`)."""
        self.options = msgspec.convert(options or {}, Options)
        self.auth = self.options.auth
        headers = [
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"anthropic-version", self.options.version.encode()),
        ]
        if self.options.beta:
            headers.append((b"anthropic-beta", ",".join(self.options.beta).encode()))
        self._headers: Headers = headers

    def outgoing(self, asked: Asked, model: str) -> Outgoing:
        try:
            said = msgspec.json.decode(asked.body, type=dict[str, Any])
            body = msgspec.json.encode(request(said, model, self.options, stream=asked.stream))
        except UNREADABLE as error:
            raise InvalidRequest("the body cannot be read, or is nested too deeply", field="messages") from error
        return Outgoing("/v1/messages", self._headers, body)

    def whole(self, asked: Asked, body: bytes) -> Whole:
        answer, tokens = completion(body, asked.model)
        return Whole(line(answer), Usage(*tokens.counts) if tokens.counts else None)

    def passed(self, headers: Mapping[bytes, bytes]) -> Headers:
        return anthropic_errors.passed(headers)

    def turned(self, asked: Asked) -> Events:
        return Events(asked.model, with_usage=asked.usage)

    def refused(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
        return anthropic_errors.refused(status, headers, body)
