"""whisper-asr-webservice with any of its three engines: one recording at a time, answered with the words.

There is no model to name, no progress, no cancelling. Source: shared/protocols/whisper-asr.md §1–§3.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from storage.errors import InvalidRequest, UpstreamError, UpstreamFailed, UpstreamMalformed
from storage.job import Kind
from storage.wire.reading import is_page, json_of, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply
from workers.adapters.answering import Answering
from workers.adapters.base import Call, Done, Failed, Field, Given, Taken, Task
from workers.adapters.heard import detected, stored, transcript

_UNSURE = "openai_whisper"
"""The engine whose confidence is that of another language (§3)."""

_ITS_OWN = b"Internal Server Error"
"""How the service itself says that it failed; all else comes from something in front of it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`engine`: the server's, where it does not say so itself. `vad_filter`: of recordings whose caller says nothing of
    it; the server's choice, if neither does."""

    auth: Literal["bearer", "basic", "header", "none"] = "none"
    paid: bool = False
    timeout_s: float = 6 * 3600.0
    engine: Literal["openai_whisper", "faster_whisper", "whisperx", ""] = ""
    vad_filter: bool | None = None


class WhisperAsr(Answering):
    """One server."""

    kinds = frozenset({Kind.TRANSCRIPTION})
    at_once = 1
    auth: Literal["bearer", "basic", "header", "none"]

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not."""
        self.options = msgspec.convert(options or {}, Options)
        self.auth = self.options.auth

    def submit(self, task: Task) -> Call:
        """Everything but the file goes into the query. Raises InvalidRequest."""
        if task.job.kind != Kind.TRANSCRIPTION:
            raise InvalidRequest(f"this upstream does not make {task.job.kind}", field="kind")
        request = task.job.request
        detects = request.get("task") == "detect"
        query = {"encode": _word(request.get("encode", True))} | ({} if detects else self._asked(request))
        file = Field("audio_file", Given("file"), "audio_file", "application/octet-stream")
        return Call(
            method="POST",
            path="/detect-language" if detects else "/asr",
            query=query,
            form=(file,),
            pays=self.options.paid,
            timeout_s=self.options.timeout_s,
        )

    def _asked(self, request: Mapping[str, Any]) -> dict[str, str]:
        query = {"task": request.get("task") or "transcribe", "output": "json"}
        query |= {"language": request["language"]} if request.get("language") else {}
        query |= {"initial_prompt": request["prompt"]} if request.get("prompt") else {}
        vad = request.get("vad_filter")
        vad = self.options.vad_filter if vad is None else vad
        query |= {} if vad is None else {"vad_filter": _word(vad)}
        return query | ({"word_timestamps": "true"} if request.get("word_timestamps") else {})

    def taken(self, task: Task, reply: Reply) -> Taken:
        """Raises UpstreamError."""
        paid = self.options.paid
        if reply.status != 200:
            raise _refused(reply, paid=paid)
        answer = json_of(reply, in_doubt=paid)
        if set(answer) == {"status", "message"}:  # Subgen's way to fail, with 200 (§4)
            failed = UpstreamFailed(f"the server failed: {words(answer['message'])}")
            if not paid:
                raise failed
            return Taken(items=(Failed(failed),))  # it took the recording, and may charge for it: not sent again
        engine = reply.headers.get("asr-engine") or reply.headers.get("source") or self.options.engine
        if task.job.request.get("task") == "detect":
            file, facts = detected(_spoken(answer, paid=paid), self._sure(answer, engine), in_doubt=paid)
        else:
            file, facts = stored(transcript(answer, task.job.request, in_doubt=paid))
        return Taken(items=(Done((file,), metadata=facts | ({"upstream_engine": words(engine)} if engine else {})),))

    def _sure(self, answer: Mapping[str, Any], engine: str) -> float | None:
        sure = answer.get("confidence")
        good = isinstance(sure, int | float) and 0 <= sure <= 1 and engine != _UNSURE
        return round(float(sure), 4) if good and sure is not None else None


def _word(switch: object) -> str:
    return "true" if switch else "false"


def _spoken(answer: Mapping[str, Any], *, paid: bool) -> str:
    """The code, under its right name or as it was misspelt until 2023; else the name."""
    for name in ("language_code", "langauge_code", "detected_language"):
        if isinstance(answer.get(name), str) and answer[name]:
            return str(answer[name])
    raise UpstreamMalformed("the upstream does not say which language is spoken", in_doubt=paid)


def _refused(reply: Reply, *, paid: bool) -> UpstreamError:
    """The server fails with a plain text, for a recording that it cannot read as for anything else."""
    if is_page(reply):
        return by_status(reply, "", in_doubt=paid)
    text = words(reply.body[:1000].decode(errors="replace"))
    try:
        detail = reply.json.get("detail") if isinstance(reply.json, dict) else None
    except UpstreamMalformed:
        detail = None
    if isinstance(detail, list):
        text = words("; ".join(str(one.get("msg")) if isinstance(one, dict) else str(one) for one in detail))
    elif isinstance(detail, str):
        text = words(detail)
    if reply.status == 500 and reply.body.strip() == _ITS_OWN:
        return UpstreamFailed("the server failed; it may not be able to read the recording")
    return by_status(reply, text, in_doubt=paid)
