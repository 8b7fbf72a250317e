"""A fake of a relay in front of Suno. Source: shared/protocols/suno.md, family B.

Its task takes its status from its clips as the open-source server does: from the first, and from the second once the
first is complete. So a task may have failed with a good song in it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import uuid4

import msgspec

from cli.fakes.family import Asked, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.songs import FAULTS, Clip, Songs


def _no(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, {"code": code, "message": message, "data": None})


_WORDS = {
    "submitted": "SUBMITTED",
    "queued": "QUEUED",
    "streaming": "IN_PROGRESS",
    "complete": "SUCCESS",
    "error": "FAILURE",
}
_OTHER_WORDS = {"SUCCESS": "complete", "FAILURE": "error"}


class _Task(msgspec.Struct):
    id: str
    clips: list[Clip]
    end: float | None = None
    """When a poll first saw that it was over: from then on nothing in it changes."""


class SunoRelay(Songs):
    name = "suno_relay"
    faults: ClassVar[Mapping[str, FaultKind]] = {
        **FAULTS,
        "no_concat": FaultKind("there is no concat, as on the open-source servers"),
        "code": FaultKind("the dialect whose code of success is this number", 1.0, on="any"),
        "time_out": FaultKind("tasks fail after their time, whatever Suno is doing", on="poll"),
    }
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "session_expired": Refusal(401, {"error": {"message": "Invalid token", "type": "new_api_error", "code": ""}}),
        "busy": _no(429, "invalid_request", "Too many requests"),
        "no_credits": Refusal(403, {"error": {"message": "quota", "code": "insufficient_user_quota"}}),
        "challenge": _no(422, "invalid_request", "Token validation failed."),
        "moderated": _no(400, "invalid_request", "Song description contained an artist name"),
        "no_channel": _no(503, "channel_no_available_key", "no available key"),
    }

    def __init__(self, *options: Any, **more: Any) -> None:
        super().__init__(*options, **more)
        self.tasks: dict[str, _Task] = {}

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/suno/submit/music", "submit", self.submit, pays=True),
            Route("POST", "/suno/submit/concat", "submit", self.join, pays=True),
            Route("POST", "/suno/fetch", "poll", self.fetch),
            Route("POST", "/suno/submit/fetch", "poll", self.fetch),
            Route("GET", "/suno/fetch/{id}", "single", self.single),
            *self.files(),
        ]

    async def submit(self, asked: Asked) -> Any:
        body = asked.json
        if body.get("continue_clip_id"):
            if not body.get("task_id"):
                raise _no(400, "invalid_request", "task_id is empty")
            if body["task_id"] not in self.tasks:
                raise _no(400, "task_origin_not_exist", "task_origin_not_exist")
        if body.get("gpt_description_prompt"):
            body |= {"prompt": "", "title": "", "tags": ""}
        return self._answer(asked, self._told(asked, self.generate(asked, body)))

    async def join(self, asked: Asked) -> Any:
        if self.world.faults.take("no_concat", asked.operation):
            raise _no(400, "invalid_action", "invalid action")
        return self._answer(asked, self._told(asked, [self.concat(asked, asked.json)]))

    async def fetch(self, asked: Asked) -> Any:
        tasks = [self.tasks[id] for id in asked.json.get("ids", []) if id in self.tasks]
        seen = [task for task in tasks if self.listed(task.clips[0])]
        return self._answer(asked, [self._task(asked, task) for task in seen])

    async def single(self, asked: Asked) -> Any:
        task = self.tasks.get(asked.inside["id"])
        if task is None:
            raise _no(400, "task_not_exist", "task_not_exist")
        return self._answer(asked, self._task(asked, task))

    def _told(self, asked: Asked, clips: list[Clip]) -> str | None:
        task = _Task("task_" + uuid4().hex, clips)
        self.tasks[task.id] = task
        return None if self.world.faults.take("no_clips", asked.operation) else task.id

    def _task(self, asked: Asked, task: _Task) -> dict[str, Any]:
        now, words = self.world.now(), [clip.status(self.world.now()) for clip in task.clips]
        late = self.world.faults.take("time_out", asked.operation)
        status = "FAILURE" if late else _WORDS[words[1] if len(words) > 1 and words[0] == "complete" else words[0]]
        over = status in _OTHER_WORDS
        task.end = task.end or (now if over else None)
        failed = next((self.failure(clip) for clip in task.clips if clip.fails), "")
        born, code = task.clips[0].born, self._code(asked)
        return {
            "task_id": task.id,
            "action": "MUSIC",
            "status": status if code == "success" else _OTHER_WORDS.get(status, "processing"),
            "fail_reason": ("time out" if late else failed) if status == "FAILURE" else "",
            "submit_time": round(self.world.unix_s(born)),
            "start_time": round(self.world.unix_s(born)),
            "finish_time": round(self.world.unix_s(task.end)) if task.end is not None and over else 0,
            "progress": "100%" if over else "0%",
            "data": [self.render(clip) for clip in task.clips],
        }

    def _answer(self, asked: Asked, data: Any) -> Any:
        return {"code": self._code(asked), "message": "", "data": data}

    def _code(self, asked: Asked) -> str | int:
        fault = self.world.faults.take("code", asked.operation)
        return "success" if fault is None else int(fault.number)
