"""OpenAI's dialect, and that of the many servers that speak it: pictures, speech, transcripts, chat, answered at once.

Paths begin after `/v1`, which is a part of the account's address, as with the `base_url` of OpenAI's clients. Nothing
can be looked up later: a reply that is lost is lost. Source: shared/protocols/openai.md §1–§6; whisper-asr.md §5.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from storage.errors import InvalidRequest
from storage.job import Kind
from storage.wire.openai_errors import refused
from storage.wire.reply import Reply
from workers.adapters import openai_audio, openai_chat, openai_images
from workers.adapters.answering import Answering
from workers.adapters.base import Call, Taken, Task
from workers.adapters.openai_options import Options

_CALLS = {
    Kind.IMAGE_GENERATE: openai_images.generation,
    Kind.IMAGE_EDIT: openai_images.edit,
    Kind.SPEECH: openai_audio.speech,
    Kind.TRANSCRIPTION: openai_audio.transcription,
    Kind.CHAT: openai_chat.chat,
}


class OpenAI(Answering):
    """One account."""

    kinds = frozenset(_CALLS)
    auth: Literal["bearer", "basic", "header", "none"]
    at_once = 0

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not (`openai_options.py`)."""
        self.options = msgspec.convert(options or {}, Options)
        self.auth = self.options.auth

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest for what such a service cannot be asked for."""
        build = _CALLS.get(task.job.kind)
        if build is None:
            raise InvalidRequest(f"this upstream does not make {task.job.kind}", field="kind")
        call = build(task, self.options)
        if not self.options.idempotent:
            return call
        return msgspec.structs.replace(call, headers={"idempotency-key": task.job.id})

    def taken(self, task: Task, reply: Reply) -> Taken:
        """Raises UpstreamError."""
        risky = self.options.risky
        if reply.status not in (200, 201):
            raise refused(reply, risky=risky)
        if task.job.kind == Kind.SPEECH:
            items = openai_audio.sound(reply, risky=risky)
        elif task.job.kind == Kind.TRANSCRIPTION:
            items = openai_audio.heard(task, reply, risky=risky)
        elif task.job.kind == Kind.CHAT:
            items = openai_chat.answers(task, reply, risky=risky)
        else:
            items = openai_images.pictures(task, reply, self.options)
        return Taken(items=items)
