"""Stable Diffusion WebUI, AUTOMATIC1111's and Forge: a call is answered with the pictures themselves, minutes later.

It works on one request at a time and never says how many wait, so `at_once` is 1; progress and interrupt are the whole
server's. Source: shared/protocols/stable-diffusion.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from storage.errors import UpstreamMalformed
from storage.job import IMAGES, Kind
from storage.wire.reading import json_of
from storage.wire.reply import Reply
from workers.adapters import webui_calls, webui_replies
from workers.adapters.answering import Answering
from workers.adapters.base import Call, Pending, Taken, Task
from workers.adapters.webui_errors import refused
from workers.adapters.webui_options import Options


class Webui(Answering):
    """One server. Its own account's name for a model is a checkpoint, an upscaler, or ReActor's swap model."""

    kinds = frozenset(IMAGES)
    at_once = 1
    auth: Literal["bearer", "basic", "header", "none"]

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError for options that there are not (`webui_options.py`)."""
        self.options = msgspec.convert(options or {}, Options)
        self.auth = self.options.auth

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest for what cannot be asked of such a server."""
        path, body = webui_calls.built(task, self.options)
        return Call(method="POST", path=path, json=body, pays=self.options.paid, timeout_s=self.options.timeout_s)

    def taken(self, task: Task, reply: Reply) -> Taken:
        """Raises UpstreamError."""
        if reply.status != 200:
            raise refused(reply, paid=self.options.paid)
        answer = json_of(reply, in_doubt=self.options.paid)
        if task.job.kind == Kind.IMAGE_UPSCALE or (
            task.job.kind == Kind.IMAGE_FACESWAP and self.options.swap == "reactor"
        ):
            return Taken(items=webui_replies.one(answer, self.options))
        return Taken(items=webui_replies.several(answer, task, self.options))

    def cancel(self, ids: Sequence[str]) -> Call | None:  # noqa: ARG002 - it has no ids
        """Ends what runs on the server just now, whosever it is; what waits in its queue is not touched."""
        return Call(method="POST", path="/sdapi/v1/interrupt")

    def watch(self) -> Call:
        """Without the picture as it is becoming, which would be large."""
        return Call(method="GET", path="/sdapi/v1/progress", query={"skip_current_image": "true"}, timeout_s=10.0)

    def watched(self, reply: Reply) -> Pending:
        """Of whatever runs now: there are no ids in the answer."""
        if reply.status != 200:
            raise refused(reply, paid=False)
        match json_of(reply, in_doubt=False):
            case {"progress": int() | float() as progress, "state": {"job_count": int(count)}}:
                begun = count != 0 and progress > 0
                return Pending(begun=begun, progress=min(1.0, max(0.0, float(progress))) if begun else None)
            case _:
                raise UpstreamMalformed("the upstream's progress is not one")
