"""Suno's own API, "studio". Source: shared/protocols/suno.md, family A.

One generate makes two clips, which are polled by their ids, many in one call, and may end differently. Nothing that is
sent twice is recognised as the same: a submission is never repeated blindly, but looked for in the account's feed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from storage.errors import UpstreamMalformed
from storage.job import Kind
from storage.wire.reply import Reply
from workers.adapters import suno_bodies, suno_found
from workers.adapters.base import Call, Item, Taken, Task
from workers.adapters.suno_clips import item, number, record, records, text
from workers.adapters.suno_errors import refused

_GENERATE_S = 30.0
_LISTED = 20


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`generate`, `feed`: which of Suno's versions of these calls. `user_tier`: the account's plan, told to v2-web."""

    generate: Literal["v2", "v2-web"] = "v2"
    feed: Literal["v1", "v2", "v3"] = "v1"
    user_tier: str | None = None


class Suno:
    """One account, with a short-lived token for its credential."""

    kinds = frozenset({Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND, Kind.MUSIC_CONCAT})
    batch = 20  # ours: no limit is documented
    auth: Literal["bearer"] = "bearer"
    at_once = 0

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Raises msgspec.ValidationError."""
        self.options = msgspec.convert(options or {}, Options)

    def submit(self, task: Task) -> Call:
        """Raises InvalidRequest if the clip to go on from is not the account's."""
        if task.job.kind == Kind.MUSIC_CONCAT:
            return _paid("/api/generate/concat/v2/", suno_bodies.concat(task))
        body = suno_bodies.generate(task)
        if self.options.generate == "v2-web":
            body = suno_bodies.for_web(body, task.job.id, self.options.user_tier)
        return _paid(f"/api/generate/{self.options.generate}/", body)

    def taken(self, task: Task, reply: Reply) -> Taken:
        """The clips' ids. The status beside them is the submission's. Raises UpstreamError."""
        if reply.status not in (200, 201):
            raise refused(reply, paid=True)
        clips = _clips(reply, in_doubt=True, bare=task.job.kind == Kind.MUSIC_CONCAT)
        ids = tuple(dict.fromkeys(id for clip in clips if (id := text(clip.get("id")))))
        if not ids:
            raise UpstreamMalformed("the upstream took a song and named no clip of it", in_doubt=True)
        return Taken(ids[: task.job.items])

    def poll(self, ids: Sequence[str]) -> Call:
        match self.options.feed:
            case "v1":
                return Call(method="GET", path="/api/feed/", query={"ids": ",".join(ids)})
            case "v2":
                return Call(method="GET", path="/api/feed/v2", query={"ids": ",".join(ids), "page": "0"})
            case "v3":
                wanted = {"ids": {"presence": "True", "clipIds": [*ids]}}
                return Call(method="POST", path="/api/feed/v3", json={"filters": wanted, "limit": len(ids)})

    def single(self, id: str) -> Call | None:
        """Failed clips have been missing from the feed, and are found here. (D.9)"""
        return Call(method="GET", path=f"/api/clip/{quote(id, safe='')}")

    def read(self, reply: Reply) -> dict[str, tuple[Item, ...]]:
        """A feed of any version, or a single clip. 404 is of a clip that is not there yet, or no more."""
        if reply.status == 404:
            return {}
        if reply.status != 200:
            raise refused(reply, paid=False)
        clips = _clips(reply, bare=True)
        found: dict[str, tuple[Item, ...]] = {id: (item(clip),) for clip in clips if (id := text(clip.get("id")))}
        if clips and not found:
            raise UpstreamMalformed("the upstream lists clips that have no ids")
        return found

    def cancel(self, ids: Sequence[str]) -> Call | None:  # noqa: ARG002 - Suno has no such call
        return None

    def recent(self) -> Call | None:
        """The feed without ids."""
        match self.options.feed:
            case "v1":
                return Call(method="GET", path="/api/feed/")
            case "v2":
                return Call(method="GET", path="/api/feed/v2", query={"page": "0"})
            case "v3":
                return Call(method="POST", path="/api/feed/v3", json={"filters": {}, "limit": _LISTED})

    def found(self, task: Task, since_ms: int, reply: Reply) -> Sequence[Taken]:
        """Raises UpstreamError."""
        if reply.status != 200:
            raise refused(reply, paid=False)
        return suno_found.found(task, since_ms, _clips(reply))

    def credits(self) -> Call:
        return Call(method="GET", path="/api/billing/info/")

    def balance(self, reply: Reply) -> float:
        """`total_credits_left`. (`credits_left`, which others read, is never there.) Raises UpstreamError."""
        if reply.status != 200:
            raise refused(reply, paid=False)
        left = number(record(reply.json).get("total_credits_left"))
        if left is None:
            raise UpstreamMalformed("the upstream does not say how many credits are left")
        return left


def _paid(path: str, body: dict[str, Any]) -> Call:
    return Call(method="POST", path=path, json=body, pays=True, timeout_s=_GENERATE_S)


def _clips(reply: Reply, *, in_doubt: bool = False, bare: bool = False) -> list[Mapping[str, Any]]:
    """The clips of a reply in any of its shapes: a list, an object with `clips`, and if it may be `bare`, one clip. (A
    submission has an id and a status as well.) Raises UpstreamMalformed, also where there are some and none is read."""
    try:
        body = reply.json
    except UpstreamMalformed as error:
        error.in_doubt = in_doubt
        raise
    if bare and isinstance(body, dict) and "clips" not in body and text(body.get("id")) and "status" in body:
        return [body]
    listed = body.get("clips") if isinstance(body, dict) else body
    clips = records(listed)
    if not isinstance(listed, list) or (listed and not clips):
        raise UpstreamMalformed("the upstream answered with something that lists no clips", in_doubt=in_doubt)
    return clips
