"""Where upstreams tell that something has happened to a job. Nobody needs a key: the address itself is one."""

from litestar import Router, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.reply import json_reply
from api.services import Call, Services
from storage.errors import NotFound

MAX_BODY_BYTES = 1_000_000


@post("/{account:str}/{token:str}", status_code=200, request_max_body_size=MAX_BODY_BYTES)
async def heard(request: Call, account: FromPath[str], token: FromPath[str]) -> ASGIApp:
    """The job is asked after at once. What the body says is not believed, and not kept; lost calls do not matter."""
    services = Services.of(request)
    async for _ in request.stream():
        pass
    job = services.callbacks.read(account, token)
    if job is None:
        raise NotFound("there is nothing at this address")
    await services.store.upstreams.hurry(account, job)
    return json_reply({"status": "ok"})


router = Router("/v1/callbacks", route_handlers=[heard], include_in_schema=False)
