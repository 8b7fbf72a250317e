"""Relays that speak the protocol of the "Suno-API" server: new-api and many hosts. Source: shared/protocols/suno.md, B.

A submission answers with the id of a task, under which its clips are polled, in the shape of Suno's own. The task's
status is made of that of its clips, and says less: what is in `data` counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from storage.errors import UpstreamMalformed, UpstreamTimedOut
from storage.job import Kind
from storage.wire.reply import Reply
from workers.adapters import suno_bodies
from workers.adapters.base import Call, Done, Failed, Item, Pending, Taken, Task
from workers.adapters.suno_clips import LATER_S, Stand, item, number, record, records, refusal, text
from workers.adapters.suno_relay_errors import refused

_TIMEOUT_S = 60.0

TASK = {
    "NOT_START": Stand.WAITS,
    "SUBMITTED": Stand.WAITS,
    "QUEUED": Stand.WAITS,
    "IN_PROGRESS": Stand.BEGUN,
    "SUCCESS": Stand.OVER,
    "FAILURE": Stand.FAILED,
    "processing": Stand.BEGUN,
    "complete": Stand.OVER,
    "error": Stand.FAILED,
}
"""The words of all dialects: they do not clash. UNKNOWN is not among them: one server ends with it, another goes on."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`success`: what `code` says when all is well. `batch_path`: where several tasks are asked for. `concat`: whether
    the host has it; the open-source servers do not."""

    success: Literal["success", 0, 1, 200] = "success"
    batch_path: Literal["/suno/fetch", "/suno/submit/fetch"] = "/suno/fetch"
    concat: bool = False


class SunoRelay:
    """One key at a relay."""

    batch = 20  # ours: no limit is documented
    auth: Literal["bearer"] = "bearer"
    at_once = 0

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError."""
        self.options = msgspec.convert(options or {}, Options)
        extra = {Kind.MUSIC_CONCAT} if self.options.concat else set()
        self.kinds = frozenset({Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND} | extra)

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest if the clip to go on from is not the account's."""
        if task.job.kind == Kind.MUSIC_CONCAT:
            return _paid("/suno/submit/concat", suno_bodies.concat(task))
        body = suno_bodies.generate(task)
        if task.job.kind == Kind.MUSIC_EXTEND:  # by the task, the relay finds the account that made the clip
            body["task_id"] = suno_bodies.source(task).task_id
        return _paid("/suno/submit/music", body)

    def taken(self, task: Task, reply: Reply) -> Taken:  # noqa: ARG002
        """The task's id. Raises UpstreamError."""
        id = text(self._data(reply, paid=True))
        if not id:
            raise UpstreamMalformed("the relay took a song and gave its task no id", in_doubt=True)
        return Taken((id,))

    def poll(self, ids: Sequence[str]) -> Call:
        return Call(method="POST", path=self.options.batch_path, json={"ids": [*ids], "action": "MUSIC"})

    def single(self, id: str) -> Call | None:
        return Call(method="GET", path=f"/suno/fetch/{quote(id, safe='')}")

    def read(self, reply: Reply) -> dict[str, tuple[Item, ...]]:
        """A batch of tasks, or one. A task that does not exist is left out. Raises UpstreamError."""
        if _is_unknown(reply):
            return {}
        data = self._data(reply, paid=False)
        tasks = [record(data)] if isinstance(data, dict) else records(data)
        found = {id: stands(task) for task in tasks if (id := text(task.get("task_id")))}
        if not isinstance(data, dict | list) or (data and not found):
            raise UpstreamMalformed("the relay answered with something that lists no tasks")
        return found

    def cancel(self, ids: Sequence[str]) -> Call | None:  # noqa: ARG002 - relays have no such call
        return None

    def recent(self) -> Call | None:
        return None

    def found(self, task: Task, since_ms: int, reply: Reply) -> Sequence[Taken]:  # noqa: ARG002 - never asked
        return ()

    def _data(self, reply: Reply, *, paid: bool) -> Any:
        """What is in the envelope of an answer that says yes. Raises UpstreamError."""
        if reply.status not in (200, 201):
            raise refused(reply, paid=paid)
        try:
            body = record(reply.json)
        except UpstreamMalformed as error:
            error.in_doubt = paid
            raise
        code = body.get("code")
        if type(code) is type(self.options.success) and code == self.options.success:
            return body.get("data")
        if not body or code is None or body.get("data"):  # a yes of another dialect, for all we know
            raise UpstreamMalformed(f"the relay answered with a code of {str(code)[:40]}", in_doubt=paid)
        raise refused(reply, paid=paid)


def stands(task: Mapping[str, Any]) -> tuple[Item, ...]:
    """How the items of one task stand. Of a task that is over, what a clip in it has not become it never will."""
    stand = TASK.get(text(task.get("status")))
    clips = tuple(item(clip) for clip in records(task.get("data")))
    if stand is None and text(task.get("status")) == "UNKNOWN" and (number(task.get("finish_time")) or 0) > 0:
        stand = Stand.FAILED
    if stand == Stand.FAILED:
        why = _failure(text(task.get("fail_reason")))
        return tuple(why if isinstance(clip, Pending) else clip for clip in clips) or (why,)
    if stand == Stand.OVER:
        return clips or (Failed(UpstreamMalformed("the relay says that a task has succeeded, and lists no clips")),)
    rest = Pending(begun=stand == Stand.BEGUN, after_s=LATER_S if stand is None else None)
    return (*(clip if isinstance(clip, Done | Failed) else rest for clip in clips), rest)


def _failure(reason: str) -> Failed:
    """The relay's own time-out says nothing of Suno's: the clips may yet be made there, and paid for. (B.3)"""
    if reason.lower() in ("time out", "timeout", "task timeout"):
        return Failed(UpstreamTimedOut("the relay stopped waiting for this song", in_doubt=True))
    return Failed(refusal(reason))


def _is_unknown(reply: Reply) -> bool:
    try:
        return reply.status in (400, 404) and record(reply.json).get("code") == "task_not_exist"
    except UpstreamMalformed:
        return False


def _paid(path: str, body: dict[str, Any]) -> Call:
    return Call(method="POST", path=path, json=body, pays=True, timeout_s=_TIMEOUT_S)
