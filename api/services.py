"""What operations work with: one of each per process, opened at start and closed at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import uuid4

from litestar import Request
from litestar.datastructures import State

from api import upstreams
from api.auth import Authenticator
from api.chat.detached import Detacher
from api.chat.meter import Meter
from api.chat.recorder import Recorder
from api.chat.relay import Relay
from api.chat.routes import Routes
from api.chat.seats import Seats
from api.inputs import InputStore
from api.listeners import Listeners
from api.scope import base_url
from api.settings import ApiSettings
from api.stopping import at_stop
from api.wait import Waits
from storage.accounts import Accounts
from storage.addresses import Guard
from storage.apikeys import ApiKey, ApiKeys
from storage.callbacks import Callbacks
from storage.catalog import Catalog
from storage.links import Links
from storage.objects import Objects
from storage.outbound import Outbound
from storage.public import PublicJobs
from storage.sender import Sender
from storage.settings import StorageSettings
from storage.signing import Signer
from storage.store import Store

Call = Request[ApiKey, None, State]
"""A request whose caller is known (`user`)."""


@dataclass(frozen=True, slots=True)
class Services:
    settings: ApiSettings
    store: Store
    objects: Objects
    authenticator: Authenticator
    listeners: Listeners
    catalog: Catalog
    accounts: Accounts
    links: Links
    public: PublicJobs
    guard: Guard
    signer: Signer
    sender: Sender
    inputs: InputStore
    waits: Waits
    callbacks: Callbacks
    relay: Relay

    @staticmethod
    def of(request: Request[Any, Any, State]) -> "Services":
        return cast(Services, request.app.state["services"])

    def base_url(self, request: Request[Any, Any, State]) -> str:
        """What links in the answer to `request` start with."""
        return base_url(request.scope, self.settings.public_url)

    @classmethod
    @asynccontextmanager
    async def open(cls, storage: StorageSettings, settings: ApiSettings) -> AsyncIterator[Self]:
        """Redis and the object store may be away meanwhile: `/ready` says so."""
        store = Store.open(storage)
        objects = await asyncio.to_thread(Objects.open, storage)
        api_keys = ApiKeys(store.redis, storage.secret)
        authenticator, listeners = Authenticator(api_keys, store.signals), Listeners(store, api_keys)
        links, signer = Links(storage.secret), Signer(storage.secret)
        guard, waits = Guard(storage.outbound_allow), Waits(store)
        outbound = Outbound(guard)
        catalog, accounts = Catalog.load(storage.catalog), Accounts.load(storage.accounts, upstreams.check)
        routes = Routes(accounts, catalog, store.capacity)
        relay = Relay(
            routes,
            Seats(store.capacity),
            Recorder(store.chats),
            Meter(store.ledger),
            Detacher(store.queue, f"api-{uuid4().hex}"),
        )
        try:
            await store.start()
            await outbound.open()
            await authenticator.start()
            await listeners.start()
            await relay.start()
            with at_stop(listeners.close), at_stop(waits.end), at_stop(relay.close):
                yield cls(
                    settings=settings,
                    store=store,
                    objects=objects,
                    authenticator=authenticator,
                    listeners=listeners,
                    catalog=catalog,
                    accounts=accounts,
                    links=links,
                    public=PublicJobs(links, record_s=storage.record_s),
                    guard=guard,
                    signer=signer,
                    sender=Sender(outbound, signer),
                    inputs=InputStore(objects, outbound),
                    waits=waits,
                    callbacks=Callbacks(storage.secret),
                    relay=relay,
                )
        finally:
            await relay.stop()
            await listeners.stop()
            await authenticator.stop()
            await outbound.close()
            await store.close()
            await objects.close()


async def authenticate(request: Call) -> None:
    """Find out who is calling, before anything else is done. Raises Unauthorized."""
    request.scope["user"] = await Services.of(request).authenticator.caller(request.scope)
