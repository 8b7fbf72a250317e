"""sunoapi.org, kie.ai and their clones. Source: shared/protocols/suno.md, family C.

A task makes exactly two tracks, the first often a minute before the second. What an answer means is in `code` of its
body, whatever HTTP says; 429 there is about money. Queries are written in camelCase, callbacks in snake_case.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from storage.errors import InvalidRequest, UpstreamMalformed
from storage.job import Kind
from storage.wire.reply import Reply
from workers.adapters import sunoapi_tracks
from workers.adapters.base import Call, Item, Taken, Task
from workers.adapters.suno_bodies import described, source
from workers.adapters.suno_clips import number, record, text
from workers.adapters.sunoapi_errors import code_of, refused

_TIMEOUT_S = 60.0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`callback_url`: what is named where nobody listens, for the upstream insists on one (the default leads nowhere,
    RFC 2606). `credits_path`: where the balance is asked for."""

    callback_url: str = "https://callback.invalid/"
    credits_path: str = "/api/v1/generate/credit"


class SunoApi:
    """One key. There is no concat: an extension is a whole track already."""

    kinds = frozenset({Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND})
    batch = 1
    auth: Literal["bearer"] = "bearer"
    at_once = 0

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError."""
        self.options = msgspec.convert(options or {}, Options)

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest for what this upstream cannot be asked."""
        extends = task.job.kind == Kind.MUSIC_EXTEND
        body = _extension(task) if extends else _song(task.job.request)
        if negative := text(task.job.request.get("negative_tags")):
            body["negativeTags"] = negative
        body |= {"model": task.model, "callBackUrl": task.callback_url or self.options.callback_url}
        path = "/api/v1/generate/extend" if extends else "/api/v1/generate"
        return Call(method="POST", path=path, json=body, pays=True, timeout_s=_TIMEOUT_S)

    def taken(self, task: Task, reply: Reply) -> Taken:  # noqa: ARG002
        """The task's id. Raises UpstreamError."""
        id = text(record(_data(reply, paid=True)).get("taskId"))
        if not id:
            raise UpstreamMalformed("the upstream took a song and gave its task no id", in_doubt=True)
        return Taken((id,))

    def poll(self, ids: Sequence[str]) -> Call:
        return Call(method="GET", path="/api/v1/generate/record-info", query={"taskId": ids[0]})

    def single(self, id: str) -> Call | None:  # noqa: ARG002 - polls are of one id as it is
        return None

    def read(self, reply: Reply) -> dict[str, tuple[Item, ...]]:
        """One task. Raises UpstreamError."""
        data = _data(reply, paid=False)
        if data is None:  # not there yet, or no more
            return {}
        id = text(record(data).get("taskId"))
        if not id:
            raise UpstreamMalformed("the upstream tells of a task and does not name it")
        return {id: sunoapi_tracks.stands(record(data))}

    def heard(self, body: bytes) -> dict[str, tuple[Item, ...]]:
        """A callback. There are several for a task, in any order, and some come twice or never."""
        told = record(Reply(200, {}, body).json)
        data = record(told.get("data"))
        id = text(data.get("task_id")) or text(data.get("taskId"))
        if not id:
            raise UpstreamMalformed("a callback names no task")
        return {id: sunoapi_tracks.called(data, code_of(told), text(told.get("msg")))}

    def cancel(self, ids: Sequence[str]) -> Call | None:  # noqa: ARG002 - there is no such call
        return None

    def recent(self) -> Call | None:
        return None

    def found(self, task: Task, since_ms: int, reply: Reply) -> Sequence[Taken]:  # noqa: ARG002 - never asked
        return ()

    def credits(self) -> Call:
        """Source of the path: docs.sunoapi.org, "Get Remaining Credits"."""
        return Call(method="GET", path=self.options.credits_path)

    def balance(self, reply: Reply) -> float:
        """Raises UpstreamError."""
        left = number(_data(reply, paid=False))
        if left is None:
            raise UpstreamMalformed("the upstream does not say how many credits are left")
        return left


def _data(reply: Reply, *, paid: bool) -> Any:
    """What is in the envelope of an answer that says yes. Raises UpstreamError."""
    if reply.status not in (200, 201):
        raise refused(reply, paid=paid)
    try:
        body = record(reply.json)
    except UpstreamMalformed as error:
        error.in_doubt = paid
        raise
    code = code_of(body)
    if code == 200:
        return body.get("data")
    if code is None or text(record(body.get("data")).get("taskId")):
        raise UpstreamMalformed(f"the upstream answered with a code of {str(body.get('code'))[:40]}", in_doubt=paid)
    raise refused(reply, paid=paid)


def _song(asked: Mapping[str, Any]) -> dict[str, Any]:
    """By description, where there is one, and where a song is to have words and none are given."""
    instrumental, lyrics, style = bool(asked.get("make_instrumental")), text(asked.get("prompt")), _style(asked)
    if described(asked):
        return {"customMode": False, "instrumental": instrumental, "prompt": text(asked["gpt_description_prompt"])}
    if not instrumental and not lyrics:
        return {"customMode": False, "instrumental": False, "prompt": style}
    body = {"customMode": True, "instrumental": instrumental, "style": style, "title": _title(asked)}
    return body if instrumental else {**body, "prompt": lyrics}


def _extension(task: Task) -> dict[str, Any]:
    """With parameters of its own, for without them it would start where the upstream thinks best."""
    asked = task.job.request
    return {
        "defaultParamFlag": True,
        "audioId": source(task).id,
        "prompt": text(asked.get("prompt")),
        "style": _style(asked),
        "title": _title(asked),
        "continueAt": asked.get("continue_at"),
    }


def _style(asked: Mapping[str, Any]) -> str:
    """The upstream insists on one, and would refuse the job only after it was sent. Raises InvalidRequest."""
    if style := text(asked.get("tags")):
        return style
    raise InvalidRequest("this upstream needs a style of music", field="tags")


def _title(asked: Mapping[str, Any]) -> str:
    return text(asked.get("title")) or "Untitled"
