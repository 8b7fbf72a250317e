"""Anthropic's messages, for callers who speak OpenAI's chat. Source: shared/protocols/anthropic.md.

The address is the one that Anthropic's own clients have, without `/v1`. Requests go out by `anthropic_request.py`;
answers come back by `anthropic_answer.py` and `anthropic_events.py`, refusals by `anthropic_errors.py`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from api.upstreams import anthropic_answer, anthropic_errors
from api.upstreams.anthropic_events import Events
from api.upstreams.anthropic_options import Options
from api.upstreams.anthropic_request import request
from api.upstreams.base import UNREADABLE, Asked, Headers, Outgoing, Refused, Whole
from storage.errors import InvalidRequest


class Anthropic:
    """One account."""

    auth: Literal["header", "bearer", "none"]

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not (`anthropic_options.py`)."""
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
            body = msgspec.json.encode(request(asked, model, self.options))
        except UNREADABLE as error:
            raise InvalidRequest("the body cannot be read, or is nested too deeply", field="messages") from error
        return Outgoing("/v1/messages", self._headers, body)

    def whole(self, asked: Asked, body: bytes) -> Whole:
        return anthropic_answer.whole(asked, body)

    def passed(self, headers: Mapping[bytes, bytes]) -> Headers:
        return anthropic_errors.passed(headers)

    def turned(self, asked: Asked) -> Events:
        return Events(asked.model, with_usage=asked.usage)

    def refused(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
        return anthropic_errors.refused(status, headers, body)
