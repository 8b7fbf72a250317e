"""A fake of Suno's own API. Source: shared/protocols/suno.md, family A."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

from cli.fakes.family import Asked, Refusal, Route
from cli.fakes.songs import CLIPS, Songs

_WEB_KEYS = ("override_fields", "cover_clip_id", "persona_id", "artist_clip_id", "transaction_uuid", "metadata")
_CREDITS, _PRICE = 500, 5
_PAGE = 20


class Suno(Songs):
    name = "suno"
    volatile = frozenset({"transaction_uuid", "create_session_token", "token"})
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "session_expired": Refusal(401, {"detail": "Unauthorized"}),
        "busy": Refusal(429, {"detail": "Too many requests"}),
        "no_credits": Refusal(402, {"detail": "Insufficient credits."}),
        "challenge": Refusal(422, {"detail": "Token validation failed."}),
        "moderated": Refusal(400, {"detail": "Song description contained an artist name"}),
    }

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/generate/v2/", "submit", self.submit, pays=True),
            Route("POST", "/api/generate/v2-web/", "submit", self.submit_web, pays=True),
            Route("POST", "/api/generate/concat/v2/", "submit", self.join, pays=True),
            Route("GET", "/api/feed/", "poll", self.feed_v1),
            Route("GET", "/api/feed/v2", "poll", self.feed_v2),
            Route("POST", "/api/feed/v3", "poll", self.feed_v3),
            Route("GET", "/api/clip/{id}", "single", self.clip),
            Route("GET", "/api/billing/info/", "credits", self.billing),
            *self.files(),
        ]

    async def submit(self, asked: Asked) -> Any:
        body = asked.json
        if not isinstance(body.get("mv"), str) or ("title" in body and not isinstance(body["title"], str)):
            said = {"loc": ["body", "params", "title"], "msg": "Input should be a valid string", "type": "string_type"}
            raise Refusal(422, {"detail": [said]})
        if body.get("continue_clip_id") and body.get("task") != "extend":
            raise Refusal(400, {"detail": "Inconsistent task and generation params"})
        clips = self.generate(asked, body)
        shown = [] if self.world.faults.take("no_clips", asked.operation) else [self.render(clip) for clip in clips]
        return {
            "id": clips[0].id,
            "clips": shown,
            "metadata": self.render(clips[0])["metadata"],
            "major_model_version": "v3",
            "status": "complete",
            "batch_size": CLIPS,
        }

    async def submit_web(self, asked: Asked) -> Any:
        if lacking := [key for key in _WEB_KEYS if key not in asked.json]:
            raise Refusal(422, {"detail": [{"loc": ["body", key], "msg": "Field required"} for key in lacking]})
        return await self.submit(asked)

    async def join(self, asked: Asked) -> Any:
        return self.render(self.concat(asked, asked.json))

    async def feed_v1(self, asked: Asked) -> Any:
        return self._feed(asked, _ids(asked))

    async def feed_v2(self, asked: Asked) -> Any:
        return {"clips": self._feed(asked, _ids(asked))}

    async def feed_v3(self, asked: Asked) -> Any:
        body = asked.json
        wanted = body.get("filters", {}).get("ids", {}).get("clipIds")
        return {"clips": self._feed(asked, wanted)[: body.get("limit", _PAGE)], "next_cursor": None, "has_more": False}

    async def clip(self, asked: Asked) -> Any:
        clip = self.clips.get(asked.inside["id"])
        if clip is None or clip.account != asked.account:
            raise Refusal(404, {"detail": "Not found."})
        return self.render(clip)

    async def billing(self, asked: Asked) -> Any:
        spent = _PRICE * sum(clip.account == asked.account for clip in self.clips.values())
        left = max(0, _CREDITS - spent)
        return {"credits": 0, "total_credits_left": left, "monthly_usage": spent, "monthly_limit": _CREDITS}

    def _feed(self, asked: Asked, ids: list[str] | None) -> list[dict[str, Any]]:
        """The clips with these ids; without any, those made last, the newest first."""
        chosen = reversed(self.clips.values()) if ids is None else (self.clips[id] for id in ids if id in self.clips)
        mine = (clip for clip in chosen if clip.account == asked.account and self.listed(clip))
        return [self.render(clip) for clip in (mine if ids else islice(mine, _PAGE))]


def _ids(asked: Asked) -> list[str] | None:
    ids = asked.query.get("ids")
    return ids.split(",") if ids else None
