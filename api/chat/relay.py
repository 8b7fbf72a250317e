"""A chat request on its way to an account, and the answer on its way back, as it comes.

It goes to another account only while it is known that none has taken it: after a connection that did not come about,
or an answer that says no. Once it was sent, and no answer came, it is not sent again: it may be paid for.
"""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import uuid4

from litestar.types import Receive, Scope, Send

from api.chat.detached import Detached, Detacher, Heard
from api.chat.downstream import Downstream
from api.chat.meter import Meter
from api.chat.recorder import Recorder
from api.chat.routes import Offered, Route, Routes
from api.chat.seats import Seats
from api.upstreams.base import Asked, Headers, Refused, Turned, Whole
from api.upstreams.client import SWEEP_S, Connection
from api.upstreams.envelopes import Envelope, broken, envelope
from storage.accounts import Account
from storage.errors import (
    EngineFailed,
    GatewayError,
    RedisUnavailable,
    UpstreamBusy,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
)
from storage.ids import new_job_id
from storage.tasks import end
from storage.verdict import judged

log = logging.getLogger(__name__)

MOST_ANSWER_BYTES = 64 << 20
"""Of an answer that is not streamed, or says no."""

DRAIN_S = 900.0
"""How long an answer is read on whose caller has left."""

LAST_S = 3.0
"""How long answers may go on when the server is asked to stop: less than it waits for them (`cli/serve.py`)."""

_TOLD_S = 0.5
_OK = 200
_EVENTS = b"text/event-stream"


class Left(UpstreamError):
    """The caller has left, and the answer is not read to its end."""

    code = "caller_left"


class Relay:
    """What all relayed requests of a process have in common."""

    def __init__(self, routes: Routes, seats: Seats, recorder: Recorder, meter: Meter, detacher: Detacher) -> None:
        self.routes, self.seats, self.recorder, self.meter = routes, seats, recorder, meter
        self.detacher = detacher
        self.stopping = False
        self.calls = map(f"{uuid4().hex}_{{}}".format, itertools.count())
        """What each call is known by where its account counts how many it has."""
        self._under_way: dict[_Exchange, asyncio.Task[None]] = {}
        self._tending = set[asyncio.Task[None]]()

    async def start(self) -> None:
        await self.routes.start()
        await self.seats.start()
        await self.recorder.start()
        await self.meter.start()
        await self.detacher.start()
        self._tending.add(asyncio.create_task(self._tend()))

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for exchange, task in self._under_way.items():
                exchange.caller.give_up_if_stalled(task)

    def close(self) -> None:
        """The server is asked to stop: what is under way has LAST_S to come to its end."""
        asyncio.get_running_loop().call_later(LAST_S, self._cut)

    def _cut(self) -> None:
        self.stopping = True
        for exchange in self._under_way:
            exchange.cut()
        # a caller who takes nothing holds up what would end its recording
        asyncio.get_running_loop().call_later(_TOLD_S, self.recorder.break_off)

    async def stop(self) -> None:
        self.stopping = True
        await end(*self._tending)
        await self.recorder.stop()
        await self.detacher.stop()
        await self.routes.stop()
        await self.seats.stop()
        await self.meter.stop()

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, owner: str, asked: Asked, offered: Sequence[Offered]
    ) -> None:
        """All of it, until the caller has their answer, or has left and nobody needs it any more."""
        exchange = _Exchange(self, owner, asked, offered)
        recording = self.recorder.begin(owner, exchange.job) if asked.stream else None
        caller = exchange.caller = Downstream(scope, receive, send, recording, exchange.left)
        self._under_way[exchange] = cast(asyncio.Task[None], asyncio.current_task())
        try:
            await exchange.run()
        except Left:
            pass
        except GatewayError as error:
            await caller.refuse(envelope(error, 503 if self.stopping else None))
        except Exception:
            log.exception("relaying a chat request broke")
            await caller.refuse(broken())
        finally:
            caller.close()
            del self._under_way[exchange]
            self.seats.leave(exchange.id)


class _Said(NamedTuple):
    """A refusal, and whether another account might not refuse."""

    envelope: Envelope
    elsewhere: bool


class _Exchange:
    caller: Downstream

    def __init__(self, relay: Relay, owner: str, asked: Asked, offered: Sequence[Offered]) -> None:
        self.id = next(relay.calls)
        self._relay, self._owner, self._asked, self._offered = relay, owner, asked, list(offered)
        self._connection: Connection | None = None
        self._answer: Whole | Turned | None = None
        self._cancels = self._is_sent = False
        detaches = any(each.route.account.chat.detaches(asked.model) for each in offered)
        self.job = new_job_id() if detaches else ""
        self._heard = Heard()
        self._detaches: Account | None = None
        self._detached: Detached | None = None
        self._failed: UpstreamError | None = None

    def left(self) -> None:
        """The caller has left."""
        if self._cancels:
            self.lost()
        elif self._detaches and self._connection:
            self._detached = self._relay.detacher.begin(
                self.job, self._owner, self._asked, self._detaches, self.lost, self.caller.written
            )

    def lost(self) -> None:
        """Nobody needs the answer."""
        if self._connection:
            self._connection.fail(Left())

    def cut(self) -> None:
        """The server stops."""
        if self._connection:
            self._connection.fail(_stopped())

    async def run(self) -> None:
        """Raises Left, or a GatewayError that is to be said."""
        error: GatewayError | None = EngineFailed("the gateway broke; quote the job's id")
        try:
            await self._run()
            error = self._failed
        except GatewayError as wrong:
            error = wrong
            raise
        finally:
            if self._detached:
                if isinstance(error, Left):
                    error = self._failed or UpstreamTimedOut(f"it was not answered {DRAIN_S:g} s after its caller left")
                self._detached.ended(error or self._heard.completion(self._answer))

    async def _run(self) -> None:
        refusal: _Said | None = None
        while self._offered:
            try:
                offered = await self._relay.seats.take(self.id, self._offered)
            except (UpstreamBusy, RedisUnavailable):
                if refusal is None:
                    raise
                break
            self._offered.remove(offered)
            refusal = await self._tried(offered)
            self._relay.seats.leave(self.id)
            if refusal is None:
                return
            if not refusal.elsewhere or self._detached:
                break
        if refusal:
            await self.caller.refuse(refusal.envelope)

    async def _tried(self, offered: Offered) -> _Said | None:
        """One account: None if the caller has its answer. Raises what went wrong once it was sent."""
        route = offered.route
        self._cancels = route.account.chat.cancels(self._asked.model)
        self._detaches = route.account if route.account.chat.detaches(self._asked.model) else None
        self._failed, self.caller.job = None, self.job if self._detaches else ""
        self._is_sent = False
        try:
            refused = await self._sent(offered)
        except Left:
            raise
        except UpstreamError as error:
            if self._relay.stopping:
                raise
            self._relay.routes.failed(route, error)
            if self._is_sent:
                raise
            self._failed = error
            return _Said(envelope(error), elsewhere=True)
        if refused is None:
            return None
        self._failed = refused.error
        self._relay.routes.failed(route, refused.error)
        return _Said(Envelope(*refused[:3]), judged(refused.error).elsewhere and not refused.error.in_doubt)

    async def _sent(self, offered: Offered) -> Refused | None:
        route, asked = offered.route, self._asked
        outgoing = route.dialect.outgoing(asked, offered.model)
        secret = await route.authorization(self._relay.routes.credentials)
        head = route.pool.head(outgoing.path, [*outgoing.headers, *secret])
        connection = self._connection = await route.pool.open()
        try:
            if self.caller.gone:  # before anything was sent that may cost something
                raise Left
            if self._relay.stopping:
                raise _stopped()
            connection.send(b"%b%d\r\n\r\n%b" % (head, len(outgoing.body), outgoing.body))
            self._is_sent = True
            while not connection.headed:
                await self._more(connection)
            if connection.status != _OK:
                return route.dialect.refused(connection.status, connection.headers, await self._rest(connection))
            if connection.headers.get(b"content-encoding", b"identity") != b"identity":
                raise UpstreamMalformed("the upstream answered in an encoding that was not asked for")
            if asked.stream:
                await self._streamed(route, connection)
            else:
                self._answer = whole = route.dialect.whole(asked, await self._rest(connection))
                self._relay.routes.did_well(route)
                self._detaches = None  # who leaves now has it
                headers = [(b"content-type", b"application/json"), *_passed(route, connection)]
                await self.caller.answer(_OK, headers, whole.body)
            return None
        finally:
            self._connection = None
            connection.release()
            if self._is_sent and connection.status == _OK:
                self._relay.meter.count(route.account.name, self._owner, self._answer.usage if self._answer else None)

    async def _more(self, connection: Connection) -> None:
        """Wait for news from the upstream, and see to the caller."""
        await connection.more()
        caller = self.caller
        if caller.gone:
            if self._cancels or connection.heard - caller.gone_at > DRAIN_S:
                raise Left
        elif self._asked.stream:
            await caller.beat()

    async def _rest(self, connection: Connection) -> bytes:
        body = bytearray()
        while True:
            body += connection.take()
            if len(body) > MOST_ANSWER_BYTES:
                raise UpstreamMalformed(f"the upstream answered with more than {MOST_ANSWER_BYTES} bytes")
            if connection.done:
                return bytes(body)
            await self._more(connection)

    async def _turned(self, turned: Turned, connection: Connection) -> bytes:
        """What the caller gets next; perhaps nothing."""
        if data := connection.take():
            return turned.feed(data)
        if connection.done:
            return turned.end()
        await self._more(connection)
        return b""

    async def _streamed(self, route: Route, connection: Connection) -> None:
        if not connection.headers.get(b"content-type", b"").startswith(_EVENTS):
            route.dialect.whole(self._asked, await self._rest(connection))  # which may say what is wrong
            raise UpstreamMalformed("the upstream answered in one piece where events are due")
        await self.caller.start(_passed(route, connection))
        self._answer = turned = route.dialect.turned(self._asked)
        said = b""
        while not turned.over:
            if said:
                await self.caller.say(said)
            said = await self._turned(turned, connection)
            if said and self._detaches:
                self._heard.add(said)
        self._failed, self._detaches = turned.failed, None  # who leaves now has it
        if turned.failed:
            self._relay.routes.failed(route, turned.failed)
        else:
            self._relay.routes.did_well(route)
        await self.caller.end(said)
        if not connection.done and not turned.failed:  # the end of the message, behind the last event
            await _ended(connection)


async def _ended(connection: Connection) -> None:
    """A connection whose exchange has been read to its end can be used again."""
    try:
        await connection.more()
    except UpstreamError:  # the caller has all of it
        return


def _stopped() -> UpstreamDisconnected:
    return UpstreamDisconnected("the gateway stops; ask again")


def _passed(route: Route, connection: Connection) -> Headers:
    """What callers may know of a good answer's head."""
    return [(b"x-gateway-engine", route.account.adapter.encode()), *route.dialect.passed(connection.headers)]
