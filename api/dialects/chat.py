"""OpenAI's words about chats, as far as the built-in model goes: requests in, jobs out. No I/O.

Null means missing. Fields nobody knows are kept with the job, and of no effect; what the model cannot do is refused, by
the field's name. Source: shared/protocols/openai.md §3.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.admission import NewJob
from api.dialects.body import Body
from storage.catalog import TALK, Catalog
from storage.errors import ContextTooLong, InvalidRequest, TooLarge
from storage.job import Kind

DIALECT = "openai"
MOST_ANSWERS = 8
CONTEXT = 8192
"""Tokens of question and answer together."""

MAX_REQUEST_BYTES = 1_000_000
"""Of a request as it is kept, which is text only."""

_WORDS = re.compile(r"[^\W\d_]+|\d|(?:[^\s\w]|_)+")
"""Each is one token at least: the model's tokenizer joins none of them. Source: GPT-2's pattern, digits apart."""

_ROLES = ("system", "developer", "user", "assistant")

_CANNOT: Mapping[str, str] = {
    "tools": "the built-in model knows no tools",
    "functions": "the built-in model knows no functions",
    "logit_bias": "the built-in model's tokens have other numbers than OpenAI's",
    "audio": "the built-in model does not speak: POST /v1/audio/speech does",
    "prediction": "the built-in model takes no predicted output",
    "web_search_options": "the built-in model cannot search",
}
"""What is refused, unless it is empty."""


class Message(BaseModel):
    """One turn. `content` may be a list of parts, all of them text."""

    model_config = ConfigDict(extra="allow")

    role: str = Field(description=f"One of {', '.join(_ROLES)}")
    content: Any = Field(default=None, json_schema_extra={"anyOf": [{"type": "string"}, {"type": "array"}]})


class JsonSchema(BaseModel):
    """A schema that the answer keeps to."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    name: str = "answer"
    wanted: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """What the answer is to be like."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(BaseModel):
    """What a stream says besides."""

    include_usage: bool | None = None


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Completion(Body):
    """The body of a chat request."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    messages: list[Message] = Field(min_length=1, max_length=2048)
    model: str | None = Field(default=None, max_length=200, description="The catalog's default for chat, if missing")
    stream: bool = Field(default=False, strict=True, description="The answer in server-sent events, as it is made")
    stream_options: StreamOptions | None = Field(default=None, description="`include_usage`: a last chunk of usage")
    max_tokens: int | None = Field(default=None, ge=1, strict=True)
    max_completion_tokens: int | None = Field(default=None, ge=1, strict=True, description="Goes before `max_tokens`")
    temperature: float | None = Field(default=None, ge=0, le=2, strict=True, description="0.2, if missing")
    top_p: float | None = Field(default=None, gt=0, le=1, strict=True, description="0.9, if missing")
    n: int = Field(default=1, ge=1, le=MOST_ANSWERS, strict=True, description="How many answers")
    stop: Annotated[list[str], BeforeValidator(_several, json_schema_input_type=str | list[str])] = Field(
        default=[], max_length=4
    )
    seed: int | None = Field(default=None, ge=-(1 << 63), lt=1 << 63, strict=True, description="Same seed, same answer")
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, strict=True)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2, strict=True)
    response_format: ResponseFormat | None = Field(default=None, description="Kept to, token by token")
    logprobs: bool = Field(default=False, strict=True)
    top_logprobs: int = Field(default=0, ge=0, le=20, strict=True, description="Wants `logprobs`")
    modalities: list[str] | None = Field(default=None, description='`["text"]` is all there is')
    tool_choice: Any = Field(default=None, description='Only "none": the built-in model knows no tools')


def converse(body: Completion, catalog: Catalog) -> NewJob:
    """A job of so many answers. Raises UnknownModel, InvalidRequest, ContextTooLong, TooLarge."""
    name, model = catalog.find(body.model, TALK)
    _check(body)
    messages = [_message(place, message) for place, message in enumerate(body.messages)]
    words = sum(len(_WORDS.findall(each["content"])) for each in messages)
    if words > CONTEXT:
        raise ContextTooLong(
            f"This model's maximum context length is {CONTEXT} tokens. However, your messages resulted in more than "
            f"{words} tokens. Please reduce the length of the messages.",
            field="messages",
        )
    request = {"messages": messages, **_asked(body), **({DIALECT: body.model_extra} if body.model_extra else {})}
    if len(msgspec.json.encode(request)) > MAX_REQUEST_BYTES:
        raise TooLarge(f"a chat may have {MAX_REQUEST_BYTES} bytes at most")
    return NewJob(Kind.CHAT, DIALECT, name, model, request, body.n)


def _asked(body: Completion) -> dict[str, Any]:
    """What the engine heeds, by its own names; only what is given."""
    format = body.response_format
    wish: dict[str, Any] = {
        "max_tokens": body.max_completion_tokens or body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stop": [each for each in body.stop if each] or None,
        "seed": body.seed,
        "presence_penalty": body.presence_penalty,
        "frequency_penalty": body.frequency_penalty,
        "response_format": format.model_dump(by_alias=True, exclude_none=True) if format else None,
        "logprobs": body.logprobs or None,
        "top_logprobs": body.top_logprobs or None,
        "streamed": body.stream or None,
        "usage_wanted": (body.stream and body.stream_options and body.stream_options.include_usage) or None,
    }
    return {name: value for name, value in wish.items() if value is not None}


def _check(body: Completion) -> None:
    """Raises InvalidRequest for what the built-in model cannot do."""
    given = body.model_extra or {}
    for field, reason in _CANNOT.items():
        if given.get(field) and not (field in ("tools", "functions") and body.tool_choice == "none"):
            raise InvalidRequest(reason, field=field)
    if body.tool_choice not in (None, "none", "auto"):
        raise InvalidRequest(_CANNOT["tools"], field="tool_choice")
    if body.modalities and set(body.modalities) != {"text"}:
        raise InvalidRequest("the built-in model writes text only", field="modalities")
    if body.top_logprobs and not body.logprobs:
        raise InvalidRequest("is of no use without logprobs: true", field="top_logprobs")
    format = body.response_format
    if format and format.type == "json_schema" and format.json_schema is None:
        raise InvalidRequest("a schema is wanted", field="response_format.json_schema")


def _message(place: int, message: Message) -> dict[str, str]:
    """A turn as plain text."""
    field = f"messages.{place}"
    if message.role not in _ROLES:
        known = message.role in ("tool", "function")
        reason = _CANNOT["tools"] if known else f"one of these is wanted: {', '.join(_ROLES)}"
        raise InvalidRequest(reason, field=f"{field}.role")
    if (message.model_extra or {}).get("tool_calls"):
        raise InvalidRequest(_CANNOT["tools"], field=f"{field}.tool_calls")
    return {"role": message.role, "content": _content(f"{field}.content", message.content)}


def _content(field: str, content: Any) -> str:
    """All the text of a turn."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return "\n".join(_text(f"{field}.{number}", part) for number, part in enumerate(content))
    raise InvalidRequest("a text, or a list of parts, is wanted", field=field)


def _text(field: str, part: Any) -> str:
    """The text of a part. Raises InvalidRequest, which names the part, for what is none."""
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return text
        case {"type": "text"}:
            raise InvalidRequest("a text is wanted", field=f"{field}.text")
        case {"type": ("image_url" | "input_audio" | "file") as kind}:
            raise InvalidRequest(f"the built-in model reads text only, and no {kind}", field=field)
        case _:
            raise InvalidRequest("a part of the type text is wanted", field=f"{field}.type")
