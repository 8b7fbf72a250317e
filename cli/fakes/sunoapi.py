"""A fake of sunoapi.org, whose callbacks are really sent, to loopback only. Source: shared/protocols/suno.md, C."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp
import msgspec
from yarl import URL

from cli.fakes.family import Asked, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.songs import FAULTS, Clip, Songs

_CREDITS, _PRICE = 500, 12
_PATIENCE_S = 15.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MODELS = {"V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5"}


def _no(code: int, message: str, status: int = 200) -> Refusal:
    return Refusal(status, {"code": code, "msg": message, "data": None})


class _Task(msgspec.Struct):
    id: str
    clips: list[Clip]
    model: str
    callback_url: str
    told: int = 0
    """How many of its callbacks have been sent, or are not to be."""


class SunoApi(Songs):
    name = "sunoapi"
    volatile = frozenset({"callBackUrl"})
    faults: ClassVar[Mapping[str, FaultKind]] = {
        **FAULTS,
        "callback_lost": FaultKind("the job's callbacks are not sent"),
        "callback_twice": FaultKind("the job's callbacks are sent twice"),
        "callback_exception": FaultKind("a finished task says that its callback failed", on="poll"),
    }
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "session_expired": _no(401, "You do not have access permissions"),
        "busy": _no(430, "Your call frequency is too high. Please try again later."),
        "no_credits": _no(429, "The current credits are insufficient. Please top up."),
        "moderated": _no(400, "The prompt contains a sensitive word"),
        "maintenance": _no(455, "The website is under maintenance"),
    }

    def __init__(self, *options: Any, **more: Any) -> None:
        super().__init__(*options, **more)
        self.tasks: dict[str, _Task] = {}
        self.calls: list[tuple[str, str]] = []
        """Callbacks that went out, heard or not: task, type."""
        self._twice: set[str] = set()
        self._leapt = asyncio.Event()
        self._calling: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/v1/generate", "submit", self.submit, pays=True),
            Route("POST", "/api/v1/generate/extend", "submit", self.extend, pays=True),
            Route("GET", "/api/v1/generate/record-info", "poll", self.record),
            Route("GET", "/api/v1/generate/credit", "credits", self.credit),
            *self.files(),
        ]

    async def open(self) -> None:
        self._calling = asyncio.create_task(self._call_back())

    async def close(self) -> None:
        if self._calling:
            self._calling.cancel()
            with suppress(asyncio.CancelledError):
                await self._calling

    def advanced(self) -> None:
        self._leapt.set()

    async def submit(self, asked: Asked) -> Any:
        body = asked.json
        if not isinstance(body.get("instrumental"), bool):
            raise _no(400, "instrumental cannot be null")
        needed = ["prompt"] if not body.get("customMode") else ["style", "title"]
        needed += ["prompt"] if body.get("customMode") and not body["instrumental"] else []
        if lacking := [name for name in needed if not body.get(name)]:
            raise _no(400, f"{lacking[0]} cannot be empty")
        song = {"prompt": body.get("prompt"), "tags": body.get("style"), "title": body.get("title")}
        return self._told(asked, body, song)

    async def extend(self, asked: Asked) -> Any:
        body = asked.json
        source = self.clips.get(str(body.get("audioId")))
        if source is None:
            raise _no(400, "audioId does not exist")
        made_by = next(task for task in self.tasks.values() if source in task.clips)
        if made_by.model != body.get("model"):
            raise _no(400, "the model must be that of the source audio")
        song = {**source.asked, "continue_clip_id": source.id}
        if body.get("defaultParamFlag"):
            own = {"prompt": body.get("prompt"), "tags": body.get("style"), "title": body.get("title")}
            song |= {**own, "continue_at": body.get("continueAt")}
        return self._told(asked, body, song)

    async def record(self, asked: Asked) -> Any:
        task = self.tasks.get(asked.query.get("taskId", ""))
        if task is None or not self.listed(task.clips[0]):
            return {"code": 200, "msg": "success", "data": None}
        status = self._status(task)
        if status == "SUCCESS" and self.world.faults.take("callback_exception", asked.operation):
            status = "CALLBACK_EXCEPTION"
        failed = status in ("GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR")
        early = status in ("PENDING", "TEXT_SUCCESS")
        tracks = {"taskId": task.id, "sunoData": [self._track(clip) for clip in task.clips]}
        data = {
            "taskId": task.id,
            "parentMusicId": "",
            "param": msgspec.json.encode(task.clips[0].asked).decode(),
            "response": None if early else tracks,
            "status": status,
            "type": task.model,
            "errorCode": 500 if failed else None,
            "errorMessage": self.failure(next(clip for clip in task.clips if clip.fails)) if failed else None,
        }
        return {"code": 200, "msg": "success", "data": data}

    async def credit(self, asked: Asked) -> Any:
        spent = _PRICE * sum(task.clips[0].account == asked.account for task in self.tasks.values())
        return {"code": 200, "msg": "success", "data": max(0, _CREDITS - spent)}

    def _told(self, asked: Asked, body: dict[str, Any], song: dict[str, Any]) -> Any:
        if not body.get("callBackUrl"):
            raise _no(400, "Please enter callBackUrl.")
        if body.get("model") not in _MODELS:
            raise _no(400, f"model is one of {', '.join(sorted(_MODELS))}")
        take = self.world.faults.take
        task = _Task(uuid4().hex, self.generate(asked, song), body["model"], body["callBackUrl"])
        lost = take("callback_lost", asked.operation) or URL(task.callback_url).host not in _LOOPBACK
        task.told = len(self._stages(task)) if lost else 0
        if take("callback_twice", asked.operation):
            self._twice.add(task.id)
        self.tasks[task.id] = task
        self._leapt.set()
        named = {} if take("no_clips", asked.operation) else {"taskId": task.id}
        return {"code": 200, "msg": "success", "data": named}

    def _status(self, task: _Task) -> str:
        words = [clip.status(self.world.now()) for clip in task.clips]
        if all(word in ("complete", "error") for word in words) and any(clip.fails for clip in task.clips):
            moderated = any(clip.fails == "moderated_late" for clip in task.clips)
            return "SENSITIVE_WORD_ERROR" if moderated else "GENERATE_AUDIO_FAILED"
        if all(word == "complete" for word in words):
            return "SUCCESS"
        if "complete" in words or "error" in words:
            return "FIRST_SUCCESS"
        return "TEXT_SUCCESS" if "streaming" in words else "PENDING"

    def _track(self, clip: Clip) -> dict[str, Any]:
        status, shown = clip.status(self.world.now()), self.render(clip)
        made = datetime.fromtimestamp(self.world.unix_s(clip.born), UTC)
        return {
            "id": clip.id,
            "audioUrl": shown["audio_url"] if status == "complete" else "",
            "streamAudioUrl": f"{self.world.url}/stream/?item_id={clip.id}",
            "imageUrl": shown["image_url"],
            "prompt": clip.asked.get("prompt") or "",
            "modelName": "chirp-v4-5",
            "title": clip.asked.get("title") or "Untitled",
            "tags": clip.asked.get("tags") or "made up",
            "createTime": f"{made:%Y-%m-%d %H:%M:%S}",
            "duration": shown["metadata"]["duration"],
        }

    def _stages(self, task: _Task) -> list[tuple[float, str]]:
        """Its callbacks: when each is due, and its type."""
        first, last = task.clips[0], task.clips[-1]
        if first.never:
            return []
        end = (last.finished, "error" if any(clip.fails for clip in task.clips) else "complete")
        heard = [(first.finished, "first")] if not first.fails else []
        return [(first.born + 0.3 * first.takes_s, "text"), *heard, end]

    async def _call_back(self) -> None:
        """Sends what is due, and sleeps until the next is."""
        limits = aiohttp.ClientTimeout(total=_PATIENCE_S)
        async with aiohttp.ClientSession(timeout=limits, trust_env=False) as session:
            while True:
                self._leapt.clear()
                dues = [stages[task.told] for task in self._open() if (stages := self._stages(task))]
                wait = min((due for due, _ in dues), default=None)
                with suppress(TimeoutError):
                    left = None if wait is None else max(0.0, wait - self.world.now())
                    await asyncio.wait_for(self._leapt.wait(), left)
                for task in self._open():
                    await self._send_due(session, task)

    def _open(self) -> list[_Task]:
        return [task for task in self.tasks.values() if task.told < len(self._stages(task))]

    async def _send_due(self, session: aiohttp.ClientSession, task: _Task) -> None:
        for due, kind in self._stages(task)[task.told :]:
            if due > self.world.now():
                return
            task.told += 1
            for _ in range(2 if task.id in self._twice else 1):
                self.calls.append((task.id, kind))
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(task.callback_url, json=self._call(task, kind)):
                        pass  # its answer is nobody's business

    def _call(self, task: _Task, kind: str) -> dict[str, Any]:
        tracks = [] if kind == "text" else [self._called(clip) for clip in task.clips]
        said = next((self.failure(clip) for clip in task.clips if clip.fails), "") if kind == "error" else "success"
        code = {"Generation failed": 501, "success": 200}.get(said, 400)
        return {"code": code, "msg": said, "data": {"callbackType": kind, "task_id": task.id, "data": tracks}}

    def _called(self, clip: Clip) -> dict[str, Any]:
        track = self._track(clip)
        names = {"audioUrl": "audio_url", "streamAudioUrl": "stream_audio_url", "imageUrl": "image_url"}
        return {names.get(name, "model_name" if name == "modelName" else name): told for name, told in track.items()}
