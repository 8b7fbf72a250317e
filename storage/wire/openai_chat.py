"""Chat completions of OpenAI's, as upstreams say them: what a job keeps of one, and the events that it comes to.

Whatever a completion says goes through, also what nobody here knows. Source: shared/protocols/openai.md §2, §3.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storage.errors import UpstreamFailed, UpstreamMalformed
from storage.lines import json_line
from storage.wire.reading import words

DONE = b"data: [DONE]\n\n"
MOST_ANSWERS = 128
"""Of one request: OpenAI's limit."""

MOST_BYTES = 4_000_000
"""Of an answer that a job's record holds."""

COMPLETION = "completion"
"""What a job's first output has the whole under, in its metadata."""

ABOUT = ("id", "created", "model", "service_tier", "system_fingerprint", "provider")
_NUMBERED = "tool_calls"


def kept(answer: Mapping[str, Any], *, in_doubt: bool) -> list[dict[str, Any]]:
    """The metadata of a job's outputs, one for each choice (`storage/completions.py`). The tokens are those of all
    choices, and so the first one's; it has the whole answer too.

    Raises UpstreamMalformed for what is no completion, UpstreamFailed for an error with a good status.
    """
    if error := answer.get("error"):
        said = error.get("message") if isinstance(error, dict) else error
        told = words(said) if isinstance(said, str) else "it does not say why"
        raise UpstreamFailed(f"the upstream failed: {told}", in_doubt=in_doubt)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not all(_is_choice(choice) for choice in choices):
        raise UpstreamMalformed("the upstream answered 200 without choices", in_doubt=in_doubt)
    found = [{"text": _text(choice["message"]), "finish_reason": choice.get("finish_reason")} for choice in choices]
    match answer.get("usage"):
        case {"prompt_tokens": int(prompt), "completion_tokens": int(made)}:
            found[0]["usage"] = {"prompt_tokens": prompt, "completion_tokens": made}
        case _:
            pass
    found[0][COMPLETION] = answer
    return found


def events(completion: Mapping[str, Any], *, with_usage: bool) -> list[bytes]:
    """The completion as a stream of chunks. `with_usage`: the caller asked for a last one that tells the tokens."""
    head = {name: completion[name] for name in ABOUT if name in completion} | {"object": "chat.completion.chunk"}
    null = {"usage": None} if with_usage else {}
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [choice], **null}
        for place, said in enumerate(completion["choices"])
        for choice in _deltas(said, said.get("index", place))
    ]
    if with_usage and completion.get("usage"):
        chunks.append({**head, "choices": [], "usage": completion["usage"]})
    return [*(b"data: " + json_line(chunk) + b"\n\n" for chunk in chunks), DONE]


def _deltas(said: Mapping[str, Any], index: Any) -> Iterator[dict[str, Any]]:
    """A choice, a field of its message at a time; calls have numbers in streams."""
    message: Mapping[str, Any] = said["message"]
    content = "" if isinstance(message.get("content"), str) else None
    rest = {name: value for name, value in message.items() if name != "role" and value not in (None, "", [])}
    yield _delta(index, {"role": message.get("role", "assistant"), "content": content})
    for name, value in rest.items():
        told = _numbered(value) if name == _NUMBERED else value
        yield _delta(index, {name: told}, said.get("logprobs") if name == next(iter(rest)) else None)
    extra = {name: value for name, value in said.items() if name not in ("index", "message", "logprobs")}
    yield {**_delta(index, {}), "finish_reason": None, **extra}


def _delta(index: Any, delta: Mapping[str, Any], logprobs: Any = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}


def _numbered(calls: Any) -> Any:
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        return calls
    return [{"index": at, **call} if isinstance(call, dict) else call for at, call in enumerate(calls)]


def _is_choice(choice: Any) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("message"), dict)


def _text(message: Mapping[str, Any]) -> str:
    """What is said: words, or those of a refusal."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    said = content or message.get("refusal")
    return said if isinstance(said, str) else ""
