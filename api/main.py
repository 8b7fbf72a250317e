"""The API's wiring. `granian --interface asgi --factory api.main:app` runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from api import admin, callbacks, docs, errors, events, files, health, jobs, media, models, openapi, scope, suno
from api.batches import surface as batches
from api.batches.runner import BatchRunner
from api.chat import completions
from api.chat.front import Front
from api.images import surface as images
from api.recordings import asr, transcriptions
from api.services import Services
from api.settings import ApiSettings
from api.speech import surface as speech
from api.webhooks import deliveries
from api.webhooks import surface as webhooks
from api.webui import reactor
from api.webui import surface as webui
from storage.garbage import collect_seldom
from storage.settings import StorageSettings


def create_app(storage: StorageSettings, settings: ApiSettings) -> Litestar:
    """The whole API. Nothing is connected before it starts."""

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        async with Services.open(storage, settings) as services:
            app.state["services"] = services
            async with BatchRunner(services) as app.state["batches"]:
                yield

    return Litestar(
        [
            suno.router,
            images.router,
            speech.router,
            *webui.ROUTERS,
            *reactor.ROUTERS,
            transcriptions.router,
            *asr.ROUTERS,
            completions.router,
            models.router,
            jobs.router,
            events.router,
            webhooks.router,
            deliveries.router,
            files.router,
            batches.router,
            media.router,
            admin.router,
            callbacks.router,
            *health.OPERATIONS,
            docs.router,
        ],
        lifespan=[running],
        exception_handlers={Exception: errors.answer},
        before_send=[scope.stamp],
        request_max_body_size=settings.max_body_bytes,
        logging_config=None,
        openapi_config=openapi.config(),
    )


def app() -> Front:
    """The API as the environment describes it, for a process of its own."""
    created = create_app(StorageSettings(), ApiSettings())
    created.on_startup.append(collect_seldom)  # after the lifespan's own beginning
    return Front(created, completions.MAX_BODY_BYTES)
