"""Answers of chat models in OpenAI's shapes: whole, and in the chunks of a stream.

A chat's job has one output for each answer wanted (`n`). Its metadata: `text`, `finish_reason`, `usage` (a dict of
prompt_tokens and completion_tokens), `logprobs` if they were asked for, and `refusal` if the text is one, where JSON
was wanted. What the request says of a stream is in `job.request`: `streamed`, and `usage_wanted`. An account is asked
in the caller's own words (`BODY`), and its answer is told as it was said (`storage/wire/openai_chat.py`). Source:
shared/protocols/openai.md §3.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from storage.job import Job, Output, OutputStatus
from storage.lines import json_line
from storage.wire import openai_chat
from storage.wire.openai_chat import COMPLETION, DONE

BODY = "body"
"""What a job for an account has the caller's own words under: in its request, or among its inputs if they are many."""

MOST_BODY_BYTES = 64_000
"""Of these words, if they are in the record."""

FINGERPRINT = "fp_smollm2-135m-q4_1"
"""Which model says it, whatever name it was asked for by."""

Logprobs = Sequence[Mapping[str, Any]]


class Said(NamedTuple):
    """How far an answer has got in a stream: its text, the tokens told with it, and whether its end was told."""

    text: str = ""
    logprobs: Logprobs = ()
    ended: bool = False


def completion_id(job: str) -> str:
    """What OpenAI's clients know the answer of a job as."""
    return f"chatcmpl-{job}"


def keep(output: Output, metadata: dict[str, Any]) -> None:
    """An answer, in its output."""
    output.metadata = metadata
    output.status, output.content_type = OutputStatus.STORED, "text/plain; charset=utf-8"
    output.size_bytes = len(metadata["text"].encode())


def completion(job: Job) -> dict[str, Any]:
    """The whole answer of a job that has succeeded."""
    if said := _said(job.outputs):
        return dict(said)
    return {
        "id": completion_id(job.id),
        "object": "chat.completion",
        "created": job.created // 1000,
        "model": job.model,
        "system_fingerprint": FINGERPRINT,
        "choices": [_choice(output) for output in job.outputs],
        "usage": usage(job.outputs),
    }


def usage(outputs: Sequence[Output]) -> dict[str, Any]:
    """The tokens of all answers; the question counts once."""
    counts = [output.metadata["usage"] for output in outputs]
    prompt, made = counts[0]["prompt_tokens"], sum(each["completion_tokens"] for each in counts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": made,
        "total_tokens": prompt + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


class Chunks:
    """The events of a job's stream, one after the other."""

    def __init__(self, job: Job) -> None:
        self._wants_usage = job.request.get("usage_wanted") is True
        self._head: dict[str, Any] = {
            "id": completion_id(job.id),
            "object": "chat.completion.chunk",
            "created": job.created // 1000,
            "model": job.model,
            "system_fingerprint": FINGERPRINT,
        }

    def role(self, index: int) -> bytes:
        """The first of an answer (counted from 0)."""
        return self._event(index, {"role": "assistant", "content": ""})

    def words(self, index: int, text: str, logprobs: Logprobs | None = None) -> bytes:
        """Some more of it."""
        return self._event(index, {"content": text}, logprobs=logprobs)

    def refusal(self, index: int, text: str) -> bytes:
        """All of it, where it is a refusal."""
        return self._event(index, {"refusal": text})

    def finish(self, index: int, reason: str) -> bytes:
        """Its end."""
        return self._event(index, {}, reason=reason)

    def end(self, outputs: Sequence[Output]) -> list[bytes]:
        """The end of the stream."""
        if not self._wants_usage:
            return [DONE]
        return [_framed({**self._head, "choices": [], "usage": usage(outputs)}), DONE]

    def whole(self, outputs: Sequence[Output]) -> list[bytes]:
        """All of it, for a stream that is kept no more, or never was."""
        if told := _said(outputs):
            return openai_chat.events(told, with_usage=self._wants_usage)
        events = []
        for index, output in enumerate(outputs):
            about = output.metadata
            said = self.words(index, about["text"], about.get("logprobs"))
            said = self.refusal(index, about["text"]) if about.get("refusal") else said
            events += [self.role(index), said, self.finish(index, about["finish_reason"])]
        return [*events, *self.end(outputs)]

    def _event(
        self, index: int, delta: dict[str, str], *, reason: str | None = None, logprobs: Logprobs | None = None
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
            "finish_reason": reason,
        }
        more = {"usage": None} if self._wants_usage else {}
        return _framed({**self._head, "choices": [choice], **more})


def is_told(job: Job) -> bool:
    """Whether an account has said a job's answer: its stream is the same whenever it is made of that."""
    return _said(job.outputs) is not None


def heard(events: Iterable[bytes]) -> dict[int, Said]:
    """What the events of a stream of ours have said of each answer (counted from 0) that has begun."""
    found: dict[int, Said] = {}
    for event in events:
        data = event.removeprefix(b"data: ").strip()
        for choice in msgspec.json.decode(data)["choices"] if data != b"[DONE]" else ():
            said = found.get(choice["index"], Said())
            found[choice["index"]] = Said(
                said.text + choice["delta"].get("content", ""),
                [*said.logprobs, *(choice["logprobs"] or {}).get("content", ())],
                ended=choice["finish_reason"] is not None,
            )
    return found


def _said(outputs: Sequence[Output]) -> Mapping[str, Any] | None:
    """The answer in the words of the account that gave it, if one did."""
    return next((output.metadata[COMPLETION] for output in outputs if COMPLETION in output.metadata), None)


def _choice(output: Output) -> dict[str, Any]:
    about = output.metadata
    logprobs, text, refused = about.get("logprobs"), about["text"], about.get("refusal")
    return {
        "index": output.item - 1,
        "message": {
            "role": "assistant",
            "content": None if refused else text,
            "refusal": text if refused else None,
        },
        "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
        "finish_reason": about["finish_reason"],
    }


def _framed(value: Mapping[str, Any]) -> bytes:
    return b"data: " + json_line(value) + b"\n\n"
