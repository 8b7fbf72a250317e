"""What all families of Suno's have in common: clips that become complete with time, or do not, and their files."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
from aiohttp import web

from cli.fakes import media
from cli.fakes.family import Asked, Family, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.media import Segment

CLIPS = 2
_LATER = 1.25  # how much longer the second clip takes than the first
_DECOY = (Segment("decoy", 1.0),)

FAULTS = {
    "never_finishes": FaultKind("the clips stay queued for ever"),
    "one_fails": FaultKind("the second clip fails"),
    "all_fail": FaultKind("both clips fail"),
    "moderated_late": FaultKind("both clips fail, for what they were to sing"),
    "none_mp3": FaultKind("complete clips have a link to None.mp3"),
    "forbidden": FaultKind("complete clips have a link to /api/forbidden"),
    "one_missing": FaultKind("so many polls do not list a job's last clip; without a number, none ever does"),
    "missing": FaultKind("so many polls do not list the job; without a number, none ever does"),
    "no_clips": FaultKind("200, and no clip or task is named"),
    "no_cover": FaultKind("404 for each cover", on="file"),
}
"""Of one job each: `times` counts jobs."""


class Clip(msgspec.Struct, kw_only=True):
    """A clip. `born`, `takes_s`: when it was asked for, and how long it takes, in the fake's own time."""

    id: str
    account: str
    asked: dict[str, Any]
    segments: tuple[Segment, ...]
    born: float
    takes_s: float
    history: list[dict[str, Any]] = []
    concat_history: list[dict[str, Any]] = []
    fails: str = ""
    never: bool = False
    link: str = ""
    absent: float = 0.0

    @property
    def finished(self) -> float:
        return self.born + self.takes_s

    def status(self, now: float) -> str:
        age = (now - self.born) / self.takes_s
        if self.never:
            return "submitted" if age < 0.1 else "queued"
        ages = (("submitted", 0.1), ("queued", 0.3), ("streaming", 1.0))
        return next((word for word, end in ages if age < end), "error" if self.fails else "complete")


class Songs(Family):
    """A family that makes clips. A subclass adds its calls to `files()`, its refusals, and its words."""

    seconds = 3.0
    """How long a clip is, about."""

    faults: ClassVar[Mapping[str, FaultKind]] = FAULTS

    def __init__(self, *options: Any, **more: Any) -> None:
        super().__init__(*options, **more)
        self.clips: dict[str, Clip] = {}

    def files(self) -> list[Route]:
        return [
            Route("GET", "/files/{name}", "file", self.serve, free=True),
            Route("GET", "/stream/", "stream", self.stream, free=True),
            Route("GET", "/api/forbidden", "file", self.forbid, free=True),
        ]

    def generate(self, asked: Asked, body: dict[str, Any]) -> list[Clip]:
        """Two clips; an extension, if `body` names a clip to go on from. Raises Refusal."""
        before, history = str(body.get("continue_clip_id") or ""), []
        if before:
            source = self.own(asked, before)
            at = min(float(body.get("continue_at") or media.seconds(source.segments)), media.seconds(source.segments))
            history = [*source.history, _step(source.id, at)]
        ids = [str(uuid4()) for _ in range(CLIPS)]
        lengths = [self.seconds, self.seconds + 0.5]
        made = [((Segment(id, length),), history) for id, length in zip(ids, lengths, strict=True)]
        return self._born(asked, body, ids, made)

    def concat(self, asked: Asked, body: dict[str, Any]) -> Clip:
        """The song that ends with this clip, as one. Raises Refusal if it extends nothing."""
        last = self.own(asked, str(body.get("clip_id") or ""))
        if not last.history:
            raise Refusal(400, {"detail": "Bad history."})
        whole: tuple[Segment, ...] = ()
        for step in last.history:
            whole += _until(self.clips[step["id"]].segments, step["continue_at"])
        id = str(uuid4())
        [clip] = self._born(asked, last.asked, [id], [(whole + last.segments, [])])
        clip.concat_history = [*last.history, _step(last.id, None)]
        return clip

    def own(self, asked: Asked, id: str) -> Clip:
        """A complete clip of the account that asks. Raises Refusal."""
        clip = self.clips.get(id)
        if clip is None or clip.account != asked.account or clip.status(self.world.now()) != "complete":
            raise Refusal(400, {"detail": "Clip not found or not ready."})
        return clip

    def listed(self, clip: Clip) -> bool:
        """Whether a poll that asks for it sees it. Counts a poll."""
        if clip.absent > 0:
            clip.absent -= 1
            return False
        return True

    def url(self, clip: Clip) -> str:
        """The link that goes with a clip's status."""
        status, files = clip.status(self.world.now()), f"{self.world.url}/files"
        if status == "streaming":
            return f"{self.world.url}/stream/?item_id={clip.id}"
        return {"complete": clip.link or f"{files}/{clip.id}.mp3", "error": f"{files}/None.mp3"}.get(status, "")

    def render(self, clip: Clip) -> dict[str, Any]:
        """A clip in Suno's own shape."""
        status, asked = clip.status(self.world.now()), clip.asked
        art = None if status in ("submitted", "queued") else f"{self.world.url}/files/image_{clip.id}.jpeg"
        return {
            "id": clip.id,
            "video_url": "",
            "audio_url": self.url(clip),
            "image_url": art,
            "image_large_url": art and art.replace("image_", "image_large_"),
            "is_video_pending": False,
            "major_model_version": "v3",
            "model_name": "chirp-v3",
            "metadata": {
                "tags": asked.get("tags") or "made up",
                "prompt": asked.get("prompt") or "",
                "gpt_description_prompt": asked.get("gpt_description_prompt"),
                "audio_prompt_id": asked.get("continue_clip_id"),
                "history": clip.history or None,
                "concat_history": clip.concat_history or None,
                "type": "concat" if clip.concat_history else "gen",
                "duration": media.seconds(clip.segments) if status == "complete" else None,
                "error_type": "moderation_failure" if clip.fails == "moderated_late" else None,
                "error_message": self.failure(clip) if status == "error" else None,
            },
            "user_id": clip.account,
            "created_at": datetime.fromtimestamp(self.world.unix_s(clip.born), UTC).isoformat(),
            "status": status,
            "title": asked.get("title") or "Untitled",
        }

    def failure(self, clip: Clip) -> str:
        """What is said of a clip that fails."""
        return "Song description contained an artist name" if clip.fails == "moderated_late" else "Generation failed"

    async def serve(self, asked: Asked) -> Any:
        """A file of a complete clip; covers are there earlier."""
        name, _, kind = asked.inside["name"].rpartition(".")
        clip = self.clips.get(name.rpartition("_")[2])
        if clip is None:
            return web.Response(status=403, text="Access Denied")
        if kind == "jpeg":
            if self.world.faults.take("no_cover", "file"):
                return web.Response(status=404)
            side = 512 if "large" in name else 256
            picture = await asyncio.to_thread(media.cover, clip.id, side)
            return self.file(picture, "image/jpeg", clip.finished, media.cover("decoy"))
        if clip.status(self.world.now()) != "complete":
            return web.Response(status=403, text="Access Denied")
        sound = await asyncio.to_thread(media.song, clip.segments, str(clip.asked.get("title") or ""))
        return self.file(sound, "audio/mpeg", clip.finished, media.song(_DECOY))

    async def stream(self, asked: Asked) -> Any:
        """What can be heard of a clip that is being made."""
        clip = self.clips.get(asked.query.get("item_id", ""))
        if clip is None or clip.status(self.world.now()) != "streaming":
            return web.Response(status=404)
        sound = await asyncio.to_thread(media.song, clip.segments)
        return web.Response(body=sound[: len(sound) // 3], content_type="audio/mpeg")

    async def forbid(self, asked: Asked) -> Any:  # noqa: ARG002
        return web.json_response({"detail": "Forbidden"}, status=403)

    def _born(
        self,
        asked: Asked,
        body: dict[str, Any],
        ids: list[str],
        made: Sequence[tuple[tuple[Segment, ...], list[dict[str, Any]]]],
    ) -> list[Clip]:
        """Clips as the switches want them."""
        now, take = self.world.now(), self.world.faults.take
        clips = [
            Clip(
                id=id,
                account=asked.account,
                asked=body,
                segments=segments,
                history=history,
                born=now,
                takes_s=self.world.pace_s * _LATER**place,
            )
            for place, (id, (segments, history)) in enumerate(zip(ids, made, strict=True))
        ]
        links = {"none_mp3": f"{self.world.url}/files/None.mp3", "forbidden": f"{self.world.url}/api/forbidden"}
        broken = next((url for name, url in links.items() if take(name, asked.operation)), "")
        fate = next((name for name in ("all_fail", "moderated_late") if take(name, asked.operation)), "")
        never, missing = take("never_finishes", asked.operation), take("missing", asked.operation)
        for clip in clips:
            clip.link, clip.fails, clip.never = broken, fate, never is not None
            clip.absent = 0.0 if missing is None else missing.number or float("inf")
        if one := take("one_missing", asked.operation):
            clips[-1].absent = one.number or float("inf")
        if take("one_fails", asked.operation):
            clips[-1].fails = "one_fails"
        self.clips |= {clip.id: clip for clip in clips}
        return clips


def _step(id: str, at: float | None) -> dict[str, Any]:
    return {"id": id, "continue_at": at, "type": "gen", "source": "web", "infill": False}


def _until(segments: tuple[Segment, ...], at: float) -> tuple[Segment, ...]:
    """The first `at` seconds."""
    kept: list[Segment] = []
    for segment in segments:
        if at <= 0:
            break
        kept.append(segment._replace(seconds=min(segment.seconds, at)))
        at -= segment.seconds
    return tuple(kept)
