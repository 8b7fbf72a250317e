"""The HTTP server of a fake, on loopback only: it counts, logs and errs; what is answered is its family's business.

Admin, without a credential: GET /_fake (counts, faults, pace), GET /_fake/log (the last requests, and all accepts),
PUT /_fake/faults with a list of faults (`{"name", "value", "times", "on"}`) or of texts as on the command line,
POST /_fake/advance with `{"seconds"}`, POST /_fake/pace with `{"pace_s"}`, DELETE /_fake/counts.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from cli.embedded.ports import free_ports
from cli.fakes.family import Asked, Family, Refusal, Route, page
from cli.fakes.faults import Fault, UnknownFault, parse
from cli.fakes.ledger import Accepted, Ledger, Request, digest, fingerprint
from cli.fakes.streams import Stream, cut

LOOPBACK = "127.0.0.1"
_MOST_BYTES = 256 << 20


class Reset(Exception):
    """The connection is to be cut."""


class FakeUpstream:
    """One fake. `async with fake.serving(port):` listens; `url` says where."""

    def __init__(self, family: Family) -> None:
        self.family, self.world = family, family.world
        self.ledger = Ledger()

    @property
    def url(self) -> str:
        return self.world.url

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["FakeUpstream"]:
        """Listens until the end of the block. `port`: 0 takes one that is free."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, LOOPBACK, port or free_ports(1)[0])
            await site.start()
            self.world.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
            await self.family.open()
            yield self
        finally:
            await self.family.close()
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BYTES)
        for route in self.family.routes():
            app.router.add_route(route.method, route.path, self._handler(route))
        app.router.add_get("/_fake", self._shown)
        app.router.add_get("/_fake/log", self._logged)
        app.router.add_put("/_fake/faults", self._set_faults)
        app.router.add_post("/_fake/advance", self._advance)
        app.router.add_post("/_fake/pace", self._pace)
        app.router.add_delete("/_fake/counts", self._forget)
        return app

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await _read(request, route)
            try:
                response = await self._answer(route, asked)
            except Reset:
                self._log(asked, "reset")
                cut(request)
                return web.Response()  # of which nothing arrives
            self._log(asked, response.status)
            if isinstance(response, Stream):
                response.over = self.ledger.begin_stream()
            return response

        return handle

    async def _answer(self, route: Route, asked: Asked) -> web.StreamResponse:
        """The order in which an upstream can fail: before it has the request, by saying no, and after it has it."""
        try:
            self._refuse(route, asked)
            answer = await route.handler(asked)
        except Refusal as refusal:
            return _response(refusal.body, refusal.status, refusal.headers)
        response = answer if isinstance(answer, web.StreamResponse) else _response(answer)
        if route.pays:
            told = {"query": asked.query, "body": asked.form or _body(asked.body)}
            print_of_it = fingerprint(asked.method, asked.path, told, self.family.volatile)
            now = self.world.now()
            self.ledger.accept(Accepted(print_of_it, asked.operation, asked.path, asked.account, now))
        return await self._mishandled(asked, response)

    def _refuse(self, route: Route, asked: Asked) -> None:
        """Raises Reset or Refusal where a switch, or a missing credential, says so."""
        take, refusals = self.world.faults.take, self.family.refusals
        if take("reset_before", asked.operation):
            raise Reset
        if error := take("error", asked.operation):
            raise Refusal(int(error.number), {"detail": "Internal Server Error"})
        for name, refusal in refusals.items():
            if fault := take(name, asked.operation):
                asks = {"Retry-After": f"{fault.number:g}"} if name == "busy" and fault.value is not None else {}
                raise refusal.with_headers(**asks)
        if self.family.needs_key and not route.free and not asked.account:
            raise refusals["session_expired"].with_headers()

    async def _mishandled(self, asked: Asked, response: web.StreamResponse) -> web.StreamResponse:
        """The answer as it goes out, after all that can go wrong with it once the work is done. Raises Reset."""
        take = self.world.faults.take
        if slow := take("slow", asked.operation):
            await asyncio.sleep(slow.number)
        if take("reset_after", asked.operation):
            raise Reset
        if error := take("error_after", asked.operation):
            return web.Response(status=int(error.number), text="<html>Bad Gateway</html>", content_type="text/html")
        if take("html", asked.operation):
            return page()
        if (
            take("cut_json", asked.operation)
            and isinstance(response, web.Response)
            and isinstance(response.body, bytes)
        ):
            half = response.body[: len(response.body) // 2]
            return web.Response(status=response.status, body=half, content_type=response.content_type)
        return response

    def _log(self, asked: Asked, answer: int | str) -> None:
        now = self.world.now()
        self.ledger.log(Request(asked.method, asked.path, asked.operation, asked.account, answer, now))

    async def _shown(self, _request: web.Request) -> web.StreamResponse:
        shown = {"family": self.family.name, "url": self.url, "pace_s": self.world.pace_s, **self.ledger.counts()}
        return _response({**shown, "faults": self.world.faults.on})

    async def _logged(self, _request: web.Request) -> web.StreamResponse:
        return _response({"requests": [*self.ledger.requests], "accepts": self.ledger.accepts})

    async def _set_faults(self, request: web.Request) -> web.StreamResponse:
        try:
            given = msgspec.json.decode(await request.read(), type=list[Fault | str])
            self.world.faults.set(parse(fault) if isinstance(fault, str) else fault for fault in given)
        except (msgspec.DecodeError, UnknownFault) as error:
            return _response({"detail": str(error)}, 422)
        return _response(self.world.faults.on)

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        self.world.advance(msgspec.json.decode(await request.read(), type=dict[str, float])["seconds"])
        self.family.advanced()
        return _response({"now": self.world.now()})

    async def _pace(self, request: web.Request) -> web.StreamResponse:
        self.world.pace_s = msgspec.json.decode(await request.read(), type=dict[str, float])["pace_s"]
        self.family.advanced()
        return _response({"pace_s": self.world.pace_s})

    async def _forget(self, _request: web.Request) -> web.StreamResponse:
        self.ledger = Ledger()
        return _response(self.ledger.counts())


async def _read(request: web.Request, route: Route) -> Asked:
    form: dict[str, list[str | bytes]] = {}
    if request.content_type in ("multipart/form-data", "application/x-www-form-urlencoded"):
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                with value.file:  # aiohttp closes it only where the answer is not cut short
                    form.setdefault(name, []).append(value.file.read())
            else:
                form.setdefault(name, []).append(value if isinstance(value, str) else bytes(value))
    body = b"" if form else await request.read()
    credential = request.headers.get("Authorization") or request.headers.get("X-Api-Key") or ""
    return Asked(
        request.method,
        request.path,
        route.operation,
        digest(credential) if credential else "",
        dict(request.query),
        dict(request.match_info),
        {name.lower(): value for name, value in request.headers.items()},
        body,
        form,
    )


def _body(body: bytes) -> Any:
    """For the fingerprint: JSON as JSON, so that the order of its keys does not matter."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body


def _response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A text as it is, everything else as JSON."""
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers or {})
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers or {}
    )
