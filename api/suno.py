"""The Suno surface: generate, extend, concat, feed. Litestar serves each path with and without the slash at its end."""

import math
import re
from typing import Any
from urllib.parse import parse_qs

from litestar import Router, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api import examples
from api.admission import NewJob, following
from api.dialects import suno
from api.dialects.suno_clips import Clips, billing
from api.openapi import KEYED
from api.operation import Caller, Operation, respond
from api.reply import job_headers, json_reply
from api.services import Call, Services, authenticate
from api.validation import parse_body
from storage.errors import InvalidRequest, NotFound
from storage.ids import split_output_id
from storage.job import Job, Kind

MAX_BODY_BYTES = 1_000_000
MAX_IDS = 200
PAGE_CLIPS = 20
MAX_PAGE = 49
"""The pages after it are empty: each page costs as much as all before it."""

MUSIC = [Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND, Kind.MUSIC_CONCAT]


@post(
    "/api/generate/v2",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Suno Generate · Suno Generate (Extend)",
    operation_class=examples.GENERATE,
)
async def generate(request: Call) -> ASGIApp:
    """A song in two versions, from lyrics or a description. With `continue_clip_id` it goes on from that clip."""
    return await respond(request, GENERATE)


@post(
    "/api/generate/concat/v2",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Suno Concat",
    operation_class=examples.CONCAT,
)
async def concat(request: Call) -> ASGIApp:
    """A song and its extensions, made one. `clip_id` is the last extension's."""
    return await respond(request, CONCAT)


async def _generation(caller: Caller, body: bytes) -> NewJob:
    return await generation(caller.services, caller.owner, parse_body(suno.Generate, body))


async def _submission(caller: Caller, job: Job, replayed: bool) -> dict[str, Any]:
    return _clips(caller).submission(job, replayed=replayed)


async def _concatenation(caller: Caller, body: bytes) -> NewJob:
    return await concatenation(caller.services, caller.owner, parse_body(suno.Concat, body))


async def _whole(caller: Caller, job: Job, replayed: bool) -> dict[str, Any]:
    (clip,) = _clips(caller).of(job, submitted=not replayed)
    return clip


GENERATE = Operation("/v1/suno/api/generate/v2", _generation, _submission)
CONCAT = Operation("/v1/suno/api/generate/concat/v2", _concatenation, _whole)


@get("/api/feed", summary="Suno Feed", operation_class=examples.FEED)
async def feed(request: Call) -> ASGIApp:
    """Clips by their ids, whatever their state: `submitted`, `queued`, `streaming`, `complete` or `error`."""
    clips, _ = await _feed(request, _query(request))
    return json_reply(clips)


@get("/api/feed/v2", summary="Suno Feed (v2)", operation_class=examples.FEED_V2)
async def feed_v2(request: Call) -> ASGIApp:
    """As the feed, in an envelope and with pages."""
    query = _query(request)
    clips, more = await _feed(request, query)
    return json_reply({"clips": clips, "num_total_results": None, "current_page": _page(query), "has_more": more})


@get("/api/clip/{clip_id:str}", summary="Suno Clip", operation_class=examples.CLIP)
async def clip(request: Call, clip_id: FromPath[str]) -> ASGIApp:
    """One clip."""
    services = Services.of(request)
    found = await find_clip(services, request.user.id, clip_id)
    if found is None:
        raise NotFound("there is no such clip")
    return json_reply(_clips(Caller.of(request)).render(found), headers=job_headers(found.job))


@get("/api/billing/info", summary="Suno Billing", operation_class=examples.BILLING)
async def billing_info(request: Call) -> ASGIApp:
    """The balance, and the models there are."""
    return json_reply(billing(Services.of(request).catalog))


async def generation(services: Services, owner: str, body: suno.Generate) -> NewJob:
    """What a body of `generate` asks for: a song, or one that goes on from a clip."""
    if not body.continue_clip_id:
        return suno.generate(body, services.catalog)
    source = await find_clip(services, owner, body.continue_clip_id)
    return _going_on(services, suno.extend(body, source, services.catalog), source, "continue_clip_id")


async def concatenation(services: Services, owner: str, body: suno.Concat) -> NewJob:
    """What a body of `concat` asks for."""
    source = await find_clip(services, owner, body.clip_id)
    return _going_on(services, suno.concat(body, source, services.catalog), source, "clip_id")


def _going_on(services: Services, new: NewJob, source: suno.Clip | None, field: str) -> NewJob:
    return following(new, source.job, services.accounts, field) if source else new


async def find_clip(services: Services, owner: str, id: str) -> suno.Clip | None:
    """One of the owner's clips; None for anyone else's, and for what is no clip."""
    parts = split_output_id(id)
    if parts is None:
        return None
    (job,) = await services.store.jobs.get(parts.job)
    return suno.clip_of(parts, job, owner)


def _clips(caller: Caller) -> Clips:
    return Clips(caller.services.public, caller.services.catalog, caller.base_url)


def _query(request: Call) -> dict[str, list[str]]:
    return parse_qs(request.scope["query_string"].decode("latin-1"))


async def _feed(request: Call, query: dict[str, list[str]]) -> tuple[list[dict[str, Any]], bool]:
    """The clips asked for by id, else the caller's newest; and whether there are more."""
    services = Services.of(request)
    clips = _clips(Caller.of(request))
    ids = [id for text in query.get("ids", ()) for part in text.split(",") if (id := part.strip())]
    if not ids:
        return await _recent(services, request.user.id, clips, _page(query))
    if len(ids) > MAX_IDS:
        raise InvalidRequest(f"at most {MAX_IDS} ids may be asked for at once, not {len(ids)}", field="ids")
    named = list(dict.fromkeys(parts for id in ids if (parts := split_output_id(id))))  # however each is spelled
    wanted = list(dict.fromkeys(parts.job for parts in named))
    jobs = dict(zip(wanted, await services.store.jobs.get(*wanted), strict=True))
    found = (suno.clip_of(parts, jobs[parts.job], request.user.id) for parts in named)
    return [clips.render(clip) for clip in found if clip], False


async def _recent(services: Services, owner: str, clips: Clips, page: int) -> tuple[list[dict[str, Any]], bool]:
    if page > MAX_PAGE:
        return [], False
    first, last = page * PAGE_CLIPS, (page + 1) * PAGE_CLIPS
    found: list[suno.Clip] = []
    cursor: str | None = ""
    while cursor is not None and len(found) <= last:
        fewest = math.ceil((last + 1 - len(found)) / suno.CLIPS)  # jobs that may hold what is still missing
        newest, cursor = await services.store.jobs.page(owner, cursor=cursor, limit=fewest, kinds=MUSIC)
        found += [suno.Clip(job, item) for job in newest for item in range(1, job.items + 1)]
    return [clips.render(clip) for clip in found[first:last]], len(found) > last


def _page(query: dict[str, list[str]]) -> int:
    text = query.get("page", ["0"])[-1]
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InvalidRequest("a page is a number, counted from 0", field="page")
    return int(text)


router = Router(
    "/v1/suno",
    route_handlers=[generate, concat, feed, feed_v2, clip, billing_info],
    before_request=authenticate,
    tags=["Suno"],
    security=KEYED,
)
