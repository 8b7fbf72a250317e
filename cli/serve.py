"""The API process: granian, our app, and nothing that outlives us."""

import multiprocessing
import os
import threading
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from api.settings import ApiSettings
from cli.environment import check_catalog, read
from storage.settings import StorageSettings

_PATIENCE_S = 5  # at a stop, for requests under way: some wait minutes for their job, and come again


def serve(host: str, port: int, processes: int) -> None:
    """Serve until SIGTERM or SIGINT. Every setting but the address comes from the environment. Raises Misconfigured."""
    for settings in (StorageSettings, ApiSettings):
        read(settings, os.environ)  # here, for the server's children would only be born again and again
    check_catalog(os.environ)
    server = Granian(
        "api.main:app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        workers=processes,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_PATIENCE_S,
    )
    server.serve(target_loader=load_app, wrap_loader=False)


def load_app() -> Any:
    """In a child of the server: make the app, and end when the parent does, however it does."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    from api.main import app

    return app()


def _end_with_parent() -> None:
    """Returns at once if the parent is dead already."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
