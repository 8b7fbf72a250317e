"""OpenAI's words about chats that accounts answer: kept as they come: their upstream knows what it can. No I/O.

Read here is only what says how the answer is wanted. A body that is long goes where media go, and not into the record.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.admission import NewJob
from api.dialects.chat import DIALECT
from api.inputs import Input
from storage.catalog import Model
from storage.completions import BODY, MOST_BODY_BYTES
from storage.errors import InvalidRequest, TooLarge
from storage.job import Kind
from storage.wire.openai_chat import MOST_ANSWERS

MAX_BYTES = 20_000_000


def converse(body: Mapping[str, Any], name: str, model: Model) -> NewJob:
    """A job of so many answers. Raises InvalidRequest, TooLarge."""
    messages, stream = body.get("messages"), body.get("stream")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("a list of messages is wanted", field="messages")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("is true or false", field="stream")
    try:
        text = msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # half a sign; a number beyond all
        raise InvalidRequest("holds what cannot be passed on as JSON") from error
    if len(text) > MAX_BYTES:
        raise TooLarge(f"a chat may have {MAX_BYTES} bytes at most")
    long = len(text) > MOST_BODY_BYTES
    request = {**({} if long else {BODY: dict(body)}), **_wanted(body, streams=stream is True)}
    inputs = {BODY: Input(BODY, text)} if long else {}
    return NewJob(Kind.CHAT, DIALECT, name, model, request, _answers(body), inputs=inputs)


def _wanted(body: Mapping[str, Any], *, streams: bool) -> dict[str, Any]:
    if not streams:
        return {}
    match body.get("stream_options"):
        case {"include_usage": True}:
            return {"streamed": True, "usage_wanted": True}
        case None | dict():
            return {"streamed": True}
        case _:
            raise InvalidRequest("an object is wanted", field="stream_options")


def _answers(body: Mapping[str, Any]) -> int:
    match body.get("n"):
        case None:
            return 1
        case int(n) if not isinstance(n, bool) and 1 <= n <= MOST_ANSWERS:
            return n
        case _:
            raise InvalidRequest(f"has to be a whole number from 1 to {MOST_ANSWERS}", field="n")
