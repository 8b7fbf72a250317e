"""What became of webhooks, attempt by attempt; and sending them again: one, or all that were missed since a time."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

from litestar import Router, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.jobs import own, page_limit
from api.openapi import KEYED
from api.reply import json_reply
from api.services import Call, Services, authenticate
from api.validation import parse_body
from api.webhooks import examples
from api.webhooks.body import Replay
from api.webhooks.surface import MAX_BODY_BYTES, own_endpoint
from api.webhooks.view import STATUSES, DeliveryStatus, shown_delivery
from storage.errors import InvalidRequest, NotFound
from storage.events import Event
from storage.feed import Gap, Place, Told
from storage.ids import is_job_id
from storage.job import PublicStatus
from storage.outbox import Posted
from storage.public import iso
from storage.webhooks import Endpoint

MOST_REPLAYED = 1000
"""About how many events one call for a replay looks at; its cursor leads to the rest."""

_AT_A_TIME = 250


@get("/webhooks/{endpoint_id:str}/deliveries", summary="List deliveries", operation_class=examples.DELIVERIES)
async def deliveries(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """What was and will be sent there, newest first, with each attempt's answer. Kept for three days after its end."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    endpoint = await own_endpoint(request, endpoint_id)
    page = await Services.of(request).store.jobs.page(
        endpoint.id, cursor=query.get("cursor", [None])[-1], limit=page_limit(query), statuses=_wanted(query)
    )
    return json_reply({"object": "list", "data": [*map(shown_delivery, page.jobs)], "next_cursor": page.cursor})


@get("/jobs/{job_id:str}/deliveries", summary="List deliveries about a job", operation_class=examples.ABOUT)
async def about(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """To every endpoint, and to the URL that came with it; newest first. They outlive a deleted job."""
    found = await Services.of(request).store.outbox.about(job_id, request.user.id) if is_job_id(job_id) else []
    if not found:
        await own(request, job_id)
    return json_reply({"object": "list", "data": [*map(shown_delivery, found)]})


@post(
    "/webhooks/{endpoint_id:str}/deliveries/{delivery_id:str}/redeliver",
    status_code=202,
    summary="Redeliver",
    operation_class=examples.REDELIVER,
)
async def redeliver(request: Call, endpoint_id: FromPath[str], delivery_id: FromPath[str]) -> ASGIApp:
    """The same event once more, byte for byte, as a new delivery; or the one that is under way already."""
    outbox, owner = Services.of(request).store.outbox, request.user.id
    if not is_job_id(delivery_id):
        raise NotFound("there is no such delivery")
    first = Posted.of(await outbox.find(endpoint_id, owner, delivery_id))
    if first.url is None:
        _must_be_on(await own_endpoint(request, endpoint_id))
    again = await outbox.again(endpoint_id, owner, first.told, even_delivered=True)
    if again.delivery is None:
        raise NotFound("there is no such delivery")
    return json_reply(shown_delivery(await outbox.find(endpoint_id, owner, again.delivery)), status=202)


@post("/webhooks/{endpoint_id:str}/replay", status_code=200, summary="Replay events", operation_class=examples.REPLAY)
async def replay(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """Events since a time, of the endpoint's types, that it was not sent or did not take. `all`: those it took, too.

    They show their jobs as they were when the event was sent first; where it never was, as they are now.
    """
    asked = parse_body(Replay, await request.body())
    endpoint = await own_endpoint(request, endpoint_id)
    _must_be_on(endpoint)
    ends = asked.until_ms
    counts, gap = dict.fromkeys(("posted", "waiting", "delivered", "gone"), 0), None
    place, seen, more = _start(asked), 0, True
    while more and seen < MOST_REPLAYED:
        stretch = await Services.of(request).store.feed.after(request.user.id, place, most=_AT_A_TIME)
        for outcome in await _send_again(request, endpoint, stretch.told, ends, even_delivered=asked.all):
            counts[outcome] += 1
        place, seen, gap = stretch.reached, seen + len(stretch.told), gap or stretch.gap
        more = stretch.more and (ends is None or place.ms < ends)
    body = {"object": "webhook.replay", "endpoint": endpoint.id, **counts, "missed": _missed(gap)}
    return json_reply(body | {"next_cursor": str(place) if more else None})


def _start(asked: Replay) -> Place:
    place = Place.read(asked.cursor) if asked.cursor else Place.before(asked.since_ms)
    if place is None:
        raise InvalidRequest("this is not a cursor that an earlier call gave", field="cursor")
    return place


async def _send_again(
    request: Call, endpoint: Endpoint, told: list[Told], ends: int | None, *, even_delivered: bool
) -> list[str]:
    """What came of each event that the endpoint wants."""

    def wanted(event: Event) -> bool:
        return event.type in endpoint.events and (ends is None or event.at < ends)

    outbox, owner = Services.of(request).store.outbox, request.user.id
    events = [one.event for one in told if wanted(one.event)]
    done = await asyncio.gather(
        *(outbox.again(endpoint.id, owner, event, even_delivered=even_delivered) for event in events)
    )
    return [again.outcome for again in done]


def _missed(gap: Gap | None) -> dict[str, Any] | None:
    """Where the feed does not reach back far enough."""
    return {"since": iso(gap.since), "until": iso(gap.until)} if gap else None


def _must_be_on(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise InvalidRequest("the webhook endpoint is switched off; PATCH it with `enabled`: true first")


def _wanted(query: dict[str, list[str]]) -> list[PublicStatus]:
    """What `?status=` asks for; it may be given more than once, or with commas."""
    words = [word for text in query.get("status", ()) for word in text.split(",") if word]
    try:
        return [status for word in words for status in STATUSES[DeliveryStatus(word)]]
    except ValueError:
        raise InvalidRequest(f"one of these is wanted: {', '.join(DeliveryStatus)}", field="status") from None


router = Router(
    "/v1",
    route_handlers=[deliveries, about, redeliver, replay],
    before_request=authenticate,
    request_max_body_size=MAX_BODY_BYTES,
    tags=["Webhooks"],
    security=KEYED,
)
