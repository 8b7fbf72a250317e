"""Anthropic's messages, for chats that are jobs. Callers speak OpenAI's chat; the answer is kept in OpenAI's words.

The address is the one that Anthropic's own clients have, without `/v1`. What is said to it and by it:
`storage/wire/anthropic_*.py`, as where chat is relayed. Source: shared/protocols/anthropic.md §1, §2.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from storage.completions import BODY
from storage.errors import InvalidRequest, UpstreamError
from storage.job import Kind
from storage.wire.anthropic_answer import completion
from storage.wire.anthropic_errors import failure, refused
from storage.wire.anthropic_options import Options
from storage.wire.anthropic_request import request
from storage.wire.openai_chat import MOST_BYTES, kept
from storage.wire.reading import UNREADABLE
from storage.wire.reply import Reply
from workers.adapters.answering import Answering
from workers.adapters.base import Call, Done, Taken, Task
from workers.adapters.openai_chat import too_large


class Anthropic(Answering):
    """One account."""

    kinds = frozenset({Kind.CHAT})
    auth: Literal["bearer", "basic", "header", "none"]
    at_once = 0

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not."""
        self.options = msgspec.convert(options or {}, Options)
        self.auth = self.options.auth

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest for what cannot be said in this dialect."""
        options = self.options
        headers: dict[str, str] = {"anthropic-version": options.version}
        if options.beta:
            headers["anthropic-beta"] = ",".join(options.beta)
        try:
            body = msgspec.json.encode(request(task.job.request[BODY], task.model, options, stream=False))
            json = msgspec.json.decode(body)
        except UNREADABLE as error:
            raise InvalidRequest("the body is nested too deeply", field="messages") from error
        return Call(
            method="POST",
            path="/v1/messages",
            json=json,
            headers=headers,
            pays=options.paid,
            timeout_s=options.timeout_s,
        )

    def taken(self, task: Task, reply: Reply) -> Taken:
        """Raises UpstreamError."""
        risky = self.options.paid
        if reply.status != 200:
            raise refused(reply, failure(reply.body), risky=risky)
        if len(reply.body) > MOST_BYTES:
            return Taken(items=(too_large(),) * task.job.items)
        try:
            answer, _ = completion(reply.body, task.job.model)
            return Taken(items=tuple(Done((), metadata=metadata) for metadata in kept(answer, in_doubt=risky)))
        except UpstreamError as error:
            error.in_doubt = risky
            raise
