"""SmolLM2 as an engine: one answer a call, left in pieces while it is being made.

A task holds `request` (as `api/dialects/chat.py` makes it), `seed`, and `said`: what of the answer has been told to
somebody already, by an attempt that did not live to its end. Each piece is JSON: `text`, and the `logprobs` of its
tokens, if they are wanted.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.errors import ContextTooLong, EngineFailed, EngineMisproduced, GatewayError, InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.chat import languages, schemas
from workers.engines.chat.prompting import prompt
from workers.engines.chat.weights import require
from workers.engines.chat.writing import Writing
from workers.engines.pieces import Pieces

CONTEXT = 8192
"""Tokens of question and answer together, as the model was trained."""

THREADS = 1
"""Those of llama.cpp wait for each other at each token, spinning: on a busy machine two are many times slower than one.
Fixed: so the same seed makes the same answer."""

_TEMPERATURE, _TOP_P = 0.2, 0.9
"""Where the request names none: what the model's makers advise. Source: its model card."""

_NOTHING_SAID: Mapping[str, Any] = {"text": "", "logprobs": []}


class Chat:
    name = "smollm2"

    def load(self) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(require())
        params.n_ctx, params.n_parallel = CONTEXT, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
        params.cache_ram_mib = 0  # the last conversation is remembered all the same
        params.verbosity = -1
        params.ui = params.endpoint_slots = False
        params.api_keys = [os.urandom(32).hex()]  # it listens on a port of this machine, which is nobody's business
        params.n_threads_http = 1
        self._server = xllamacpp.Server(params)

    def unload(self) -> None:
        del self._server

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        request, said = task["request"], task.get("said") or _NOTHING_SAID
        messages = request["messages"]
        report(0.0)
        excuse = languages.excuse(messages)
        grammar = None if excuse else self._grammar(request.get("response_format"))
        question = self._count(prompt(messages))
        if excuse:
            writing = Writing(Pieces(folder), said, report, most=1, again=True)
            return self._excused(excuse, question, writing, is_refusal=_wants_json(request))
        # what a grammar allows next is not known in the middle: such an answer is made again, and comes out the same
        begun = "" if grammar else said["text"]
        before = self._count(prompt(messages, begun)) - question if begun else 0
        most = min(request.get("max_tokens") or CONTEXT, CONTEXT - question) - before
        writing = Writing(Pieces(folder), said, report, most=most, again=grammar is not None)
        reason, tokens = "length", 0
        if most > 0:
            more = {"grammar": grammar} if grammar else {}
            asked = {**_sampling(request), "prompt": prompt(messages, begun), "n_predict": most, "seed": task["seed"]}
            reason, tokens = self._write({**asked, **more}, writing, top=request.get("top_logprobs", 0))
        if grammar and reason == "stop" and not schemas.is_whole(writing.text):
            raise EngineMisproduced("the answer does not keep to the format")
        return _made(writing, reason, question, before + tokens, logprobs=request.get("logprobs") is True)

    def _excused(self, text: str, question: int, writing: Writing, *, is_refusal: bool) -> Made:
        """An answer of our own. Where JSON was wanted it is a refusal, which is told apart from what was wanted."""
        if not is_refusal:
            writing.add(text, [])
            writing.flush()
        made = _made(writing, "stop", question, self._count(text), logprobs=False)
        return Made([], {**made.metadata, "text": text, "refusal": True}) if is_refusal else made

    def _grammar(self, wanted: Mapping[str, Any] | None) -> str | None:
        """Raises InvalidRequest for a schema that the library passes over in silence: then prose goes on as prose."""
        grammar = schemas.grammar(wanted)
        if grammar:
            probe = {"prompt": "Once upon a time", "grammar": grammar, "n_predict": 1, "temperature": 0.0}
            if not schemas.is_json_so_far(self._answer(probe)["choices"][0]["text"]):
                raise InvalidRequest("is no JSON schema that can be followed", field="response_format")
        return grammar

    def _count(self, text: str) -> int:
        """How many tokens a text has. Raises ContextTooLong. What was counted is what is read next, and read once."""
        return int(self._answer({"prompt": text, "n_predict": 0})["usage"]["prompt_tokens"])

    def _answer(self, asked: Mapping[str, Any]) -> Any:
        answer = self._server.handle_completions(dict(asked))
        if "error" in answer:
            raise _error(answer["error"])
        return answer

    def _write(self, asked: Mapping[str, Any], writing: Writing, *, top: int) -> tuple[str, int]:
        """Have the model write, and tell the `top` likeliest tokens. Returns why it ended, and after how many."""
        failed: list[Exception] = []
        end: list[tuple[str, int]] = []

        def hear(chunk: Any) -> bool:
            """Some more of it; True stops the model. The library swallows what is raised here."""
            try:
                if "error" in chunk:
                    raise _error(chunk["error"])
                (choice,) = chunk["choices"]
                writing.add(choice["text"], _tokens(choice["logprobs"], top))
                if choice["finish_reason"]:
                    end.append((choice["finish_reason"], chunk["usage"]["completion_tokens"]))
            except Exception as error:  # noqa: BLE001 - raised below
                failed.append(error)
            return bool(failed)

        self._server.handle_completions({**asked, "stream": True}, hear)
        if failed:
            raise failed[0]
        if not end:
            raise EngineFailed("the model ended without a word")
        writing.flush()
        return end[0]


def _wants_json(request: Mapping[str, Any]) -> bool:
    return bool((request.get("response_format") or {}).get("type", "text") != "text")


def _sampling(request: Mapping[str, Any]) -> dict[str, Any]:
    """The library's names for how a token is chosen."""
    return {
        "temperature": request.get("temperature", _TEMPERATURE),
        "top_p": request.get("top_p", _TOP_P),
        "presence_penalty": request.get("presence_penalty", 0.0),
        "frequency_penalty": request.get("frequency_penalty", 0.0),
        "stop": request.get("stop", []),
        "n_probs": max(1, request.get("top_logprobs", 0)) if request.get("logprobs") else 0,
    }


def _tokens(told: Mapping[str, Any] | None, top: int) -> list[dict[str, Any]]:
    """OpenAI's account of tokens. The library's has numbers besides, which mean nothing elsewhere."""

    def plain(token: Mapping[str, Any]) -> dict[str, Any]:
        return {name: token[name] for name in ("token", "logprob", "bytes")}

    return [
        {**plain(token), "top_logprobs": [plain(other) for other in token["top_logprobs"][:top]]}
        for token in (told or {}).get("content") or ()
    ]


def _made(writing: Writing, reason: str, question: int, tokens: int, *, logprobs: bool) -> Made:
    about = {
        "text": writing.text,
        "finish_reason": reason,
        "usage": {"prompt_tokens": question, "completion_tokens": tokens},
        "engine": "smollm2-135m-instruct",
        "embedded": True,
    }
    return Made([], {**about, "logprobs": writing.logprobs} if logprobs else about)


def _error(told: Mapping[str, Any]) -> GatewayError:
    """What the library says is wrong, in our words."""
    if told.get("type") == "exceed_context_size_error":
        return ContextTooLong(
            f"This model's maximum context length is {CONTEXT} tokens. However, your messages resulted in "
            f"{told['n_prompt_tokens']} tokens. Please reduce the length of the messages.",
            field="messages",
        )
    return EngineFailed(f"the model refused: {str(told.get('message'))[:200]}")
