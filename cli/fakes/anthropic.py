"""A fake of Anthropic's messages. Source: shared/protocols/anthropic.md §0–§3.

As strict as the real one is said to be: `cli/fakes/anthropic_rules.py`. What it says: `cli/fakes/talk.py`, and in which
words: `cli/fakes/anthropic_words.py`.
"""

import asyncio
from typing import Any, ClassVar

from aiohttp import web

from cli.fakes import streams
from cli.fakes.anthropic_rules import MODELS, check
from cli.fakes.anthropic_words import Message, error, prompt_tokens
from cli.fakes.family import Asked, Family, Route
from cli.fakes.faults import FaultKind
from cli.fakes.streams import Stream
from cli.fakes.working import Work

_CREATED = "2025-10-01T00:00:00Z"


class Anthropic(Family):
    """`pace_s` is the time of a whole answer."""

    name = "anthropic"
    refusals: ClassVar = {
        "session_expired": error(401, "authentication_error", "invalid x-api-key"),
        "busy": error(
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit.",
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-28T21:00:00Z",
            },
        ),
        "no_credits": error(402, "billing_error", "Your credit balance is too low."),
        "no_balance": error(
            400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."
        ),
        "suspended": error(400, "invalid_request_error", "This organization has been disabled."),
        "forbidden": error(403, "permission_error", "Your API key does not have permission to use this model."),
        "overloaded": error(529, "overloaded_error", "Overloaded"),
        "failed": error(500, "api_error", "Internal server error"),
        "timed_out": error(504, "timeout_error", "The request timed out."),
        "no_model": error(404, "not_found_error", "model: claude-3-7-sonnet-20250219"),
        "too_long": error(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
        "too_large": error(413, "request_too_large", "Request exceeds the maximum allowed number of bytes."),
    }
    faults: ClassVar = {
        **streams.FAULTS,
        "cached": FaultKind("so many tokens of the prompt were read from its cache", 5.0),
        "stop_reason": FaultKind("why it ends", "refusal", ("refusal", "pause_turn", "model_context_window_exceeded")),
        "silent": FaultKind("it says nothing: no block at all"),
        "unheard": FaultKind("events, blocks and deltas among the others that nobody knows"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._work: set[Work] = set()
        self._asked = 0

    def advanced(self) -> None:
        self._stirring = asyncio.gather(*(work.stir() for work in self._work))

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/messages", "submit", self._messages, pays=True),
            Route("POST", "/v1/messages/count_tokens", "count", self._count),
            Route("GET", "/v1/models", "list", self._models),
            Route("GET", "/v1/models/{name}", "list", self._model),
        ]

    async def _messages(self, asked: Asked) -> web.StreamResponse:
        body, faults = asked.json, self.world.faults
        check(body, asked.headers)
        message = Message(body, {name: faults.take(name, "submit") for name in ("unfinished", *self._own())})
        headers = self._headers()
        if body.get("stream"):
            return Stream(message.events(self.refusals["overloaded"]), faults, self.world.pace_s, headers)
        work = Work(self.world)
        self._work.add(work)
        try:
            work.begin(self.world.pace_s)
            await work.end()
        finally:
            self._work.discard(work)
        return streams.packed(web.json_response(message.whole(), headers=headers), faults)

    async def _count(self, asked: Asked) -> Any:
        body = asked.json
        check({**body, "max_tokens": body.get("max_tokens", 1)}, asked.headers)
        return {"input_tokens": prompt_tokens(body)}

    async def _models(self, _asked: Asked) -> Any:
        return {
            "data": [_listed(name) for name in MODELS],
            "has_more": False,
            "first_id": MODELS[0],
            "last_id": MODELS[-1],
        }

    async def _model(self, asked: Asked) -> Any:
        name = asked.inside["name"]
        if name not in MODELS:
            raise error(404, "not_found_error", f"model: {name}")
        return _listed(name)

    def _own(self) -> list[str]:
        return [name for name in self.faults if name not in streams.FAULTS]

    def _headers(self) -> dict[str, str]:
        self._asked += 1
        return {
            "request-id": f"req_fake{self._asked:06d}",
            "anthropic-organization-id": "fake-organization",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2026-11-28T21:00:00Z",
        }


def _listed(name: str) -> dict[str, str]:
    return {"type": "model", "id": name, "display_name": name.replace("-", " ").title(), "created_at": _CREATED}
