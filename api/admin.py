"""For whoever runs the gateway: how accounts fare, and jobs of which nobody knows whether an upstream took them."""

from litestar import Router, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api import admin_examples as examples
from api.openapi import KEYED
from api.operation import Caller, rendered
from api.reply import job_headers, json_reply
from api.services import Call, Services, authenticate
from storage.errors import Forbidden
from storage.job import Job
from storage.standing import Standing


@get("/accounts", summary="List accounts", operation_class=examples.ACCOUNTS)
async def accounts(request: Call) -> ASGIApp:
    """The accounts at upstreams, and how each fares."""
    return json_reply({"object": "list", "data": await _standing(request).accounts()})


@post("/accounts/{name:str}/pause", status_code=200, summary="Pause an account", operation_class=examples.PAUSE)
async def pause(request: Call, name: FromPath[str]) -> ASGIApp:
    """It is given no new jobs until it is resumed; those under way go on."""
    return json_reply(await _standing(request).pause(name))


@post("/accounts/{name:str}/resume", status_code=200, summary="Resume an account", operation_class=examples.RESUME)
async def resume(request: Call, name: FromPath[str]) -> ASGIApp:
    """It is used again, whatever was the matter with it; jobs that wait for it look at once."""
    return json_reply(await _standing(request).resume(name))


@get("/doubts", summary="List jobs in doubt", operation_class=examples.DOUBTS)
async def doubts(request: Call) -> ASGIApp:
    """Jobs that were sent and may or may not have been taken: everybody's, the longest first; then those that were
    taken by accounts that are in the file no more."""
    return json_reply({"object": "list", "data": await _standing(request).doubts()})


@post("/doubts/{job_id:str}/resubmit", status_code=200, summary="Send a job again", operation_class=examples.RESUBMIT)
async def resubmit(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """The upstream has not got it: say so only if you have looked, for what it has got is paid for twice."""
    return await _told(request, await _standing(request).resubmit(job_id))


@post("/doubts/{job_id:str}/fail", status_code=200, summary="Give a job up", operation_class=examples.FAIL)
async def fail(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """It ends as failed; what the upstream may have made of it is lost."""
    return await _told(request, await _standing(request).fail(job_id))


async def operators_only(request: Call) -> None:
    """Raises Unauthorized, Forbidden."""
    await authenticate(request)
    if not request.scope["user"].admin:
        raise Forbidden("this is for keys with the admin scope")


async def _told(request: Call, job: Job) -> ASGIApp:
    return json_reply(await rendered(Caller.of(request), job), headers=job_headers(job))


def _standing(request: Call) -> Standing:
    services = Services.of(request)
    return Standing(services.store, services.accounts)


router = Router(
    "/v1/admin",
    route_handlers=[accounts, pause, resume, doubts, resubmit, fail],
    before_request=operators_only,
    tags=["Operation"],
    security=KEYED,
)
