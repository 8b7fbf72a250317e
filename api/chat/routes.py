"""Which accounts serve a chat model: looked up once a second, so that no request has to ask."""

import asyncio
import logging
import math
import random
import ssl
from typing import Any, NamedTuple
from weakref import WeakSet

from api.upstreams import DIALECTS, made
from api.upstreams.base import Dialect
from api.upstreams.client import SWEEP_S, Pool
from storage.accounts import Account, Accounts
from storage.capacity import AccountState, Capacity
from storage.catalog import TALK, Catalog
from storage.credentials import Credentials, credential
from storage.errors import RedisUnavailable, UpstreamError, UpstreamSessionExpired
from storage.tasks import end
from storage.verdict import blame

log = logging.getLogger(__name__)

_TRUSTED_S = 1.0
_NO_LIMIT = 0


class Route:
    """An account as chat is relayed to it."""

    def __init__(self, account: Account, dialect: Dialect, tls: ssl.SSLContext | None) -> None:
        self.account, self.dialect = account, dialect
        chat = account.chat
        self.pool = Pool(account.base_url, proxy=account.proxy, head_s=chat.head_s, idle_s=chat.idle_s, tls=tls)
        self.well = True
        """Whether it was in order when that was last looked up."""
        self.stained = False
        """Whether it has failed since it last did well."""
        self._headers: tuple[float, list[tuple[bytes, bytes]]] = (0.0, [])

    @property
    def at_ease(self) -> bool:
        """Whether a call may go there without asking for a slot."""
        return self.well and self.account.concurrent == self.account.per_minute == _NO_LIMIT

    async def authorization(self, credentials: Credentials) -> list[tuple[bytes, bytes]]:
        """The header of its credential, as of a second ago. Raises UpstreamSessionExpired."""
        until, headers = self._headers
        now = self.pool.clock()
        if now >= until:
            found = credential(self.dialect.auth, await credentials.of(self.account))
            headers = [(name.encode(), value.encode("latin-1")) for name, value in found.items()]
            self._headers = now + _TRUSTED_S, headers
        return headers

    def forget_credential(self) -> None:
        self._headers = (0.0, [])


class Offered(NamedTuple):
    """A route, and what its account calls the model that was asked for."""

    route: Route
    model: str


class Routes:
    """Use between `start` and `stop`."""

    def __init__(self, accounts: Accounts, catalog: Catalog, capacity: Capacity) -> None:
        self._accounts, self._catalog, self._capacity = accounts, catalog, capacity
        self.credentials = Credentials()
        self._routes: dict[str, Route] = {}
        self._pools: WeakSet[Pool] = WeakSet()
        """Of all routes there were, for as long as anything is under way there, or a connection is open."""
        self._by_model: dict[str, list[Offered]] = {}
        self._seen: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Redis may be away: then all accounts are taken to be well."""
        await self._safely_look()
        self._tasks.add(asyncio.create_task(self._forever()))

    async def stop(self) -> None:
        await end(*self._tasks)
        await asyncio.gather(*(pool.close() for pool in list(self._pools)))

    def serving(self, model: str) -> list[Offered]:
        """Those that serve a model, the first to try first: drawn by weight.

        Source of the draw: Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006.
        """
        found = self._by_model.get(model, [])
        if len(found) < 2:
            return found
        return sorted(found, key=lambda one: -math.log(1 - random.random()) / one.route.account.weight)

    def failed(self, route: Route, error: UpstreamError) -> None:
        """Write down what an error means for the account, while its caller is answered."""
        route.stained = True
        route.forget_credential()
        if isinstance(error, UpstreamSessionExpired):
            self.credentials.refused(route.account)
        self._note(self._blamed(route, error))

    def did_well(self, route: Route) -> None:
        if route.stained or not route.well:
            route.stained, route.well = False, True
            self._note(self._capacity.went_well(route.account.name))

    async def _blamed(self, route: Route, error: UpstreamError) -> None:
        verdict = await blame(self._capacity, route.account, error)
        if verdict.state is not None:
            await self._heed()

    def _note(self, work: Any) -> None:
        async def noted() -> None:
            try:
                await work
            except RedisUnavailable as error:
                log.warning("how an account fared could not be noted: %s", error)

        task = asyncio.create_task(noted())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for pool in list(self._pools):
                pool.sweep()
            await self._safely_look()

    async def _safely_look(self) -> None:
        try:
            await self._look()
        except RedisUnavailable as error:  # what was known holds
            log.warning("accounts of chat: %s", error)
        except Exception:
            log.exception("looking up the accounts of chat broke")

    async def _look(self) -> None:
        accounts = await asyncio.to_thread(self._accounts.all)
        if accounts is not self._seen:
            self._seen = accounts
            await self._arrange({name: one for name, one in accounts.items() if one.adapter in DIALECTS})
        await self._heed()

    async def _arrange(self, accounts: dict[str, Account]) -> None:
        """Routes for the accounts as they are now; those that have changed are made anew."""
        kept = {name: route for name, route in self._routes.items() if accounts.get(name) == route.account}
        made = dict[str, Route]()
        for name, account in accounts.items():
            if name not in kept:
                try:
                    made[name] = Route(account, *await asyncio.to_thread(_made, account))
                except Exception:
                    log.exception("account %s cannot be used for chat", name)
        self._routes = kept | made
        self._pools.update(route.pool for route in made.values())
        self._by_model = {}
        for route in self._routes.values():
            for public, model in route.account.models.items():
                if self._may_talk(public):
                    self._by_model.setdefault(public, []).append(Offered(route, model))

    def _may_talk(self, model: str) -> bool:
        """A name that the catalog has for pictures is not one of chat, whatever account serves it."""
        known = self._catalog.models.get(model)
        return known is None or known.family == TALK

    async def _heed(self) -> None:
        names = list(self._routes)
        if not names:
            return
        for name, fares in zip(names, await self._capacity.fares(*names), strict=True):
            if name in self._routes:
                self._routes[name].well = fares.state == AccountState.OK


def _made(account: Account) -> tuple[Dialect, ssl.SSLContext | None]:
    """What a route is made with. Blocks: a module may have to be read, and the system's certificates."""
    return made(account), ssl.create_default_context() if account.base_url.startswith("https:") else None
