"""The API process: granian, our app, and nothing that outlives us."""

import multiprocessing
import os
import resource
import threading
from contextlib import suppress
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, RuntimeModes

from api.settings import ApiSettings
from cli.environment import check_accounts, check_catalog, read
from storage.settings import StorageSettings

_MOST_REQUESTS = 20_000  # at once, in one process: event streams stay for long; at granian's 1024 all others would wait
_MOST_FILES = 65_536
_PATIENCE_S = 5  # at a stop, for requests under way: some wait minutes for their job, and come again


def serve(host: str, port: int, processes: int) -> None:
    """Serve until SIGTERM or SIGINT. Every setting but the address comes from the environment. Raises Misconfigured."""
    for settings in (StorageSettings, ApiSettings):
        read(settings, os.environ)  # here, for the server's children would only be born again and again
    check_catalog(os.environ)
    check_accounts(os.environ)
    _allow_files()
    server = Granian(
        "api.main:app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        runtime_mode=RuntimeModes.st,
        websockets=False,
        workers=processes,
        backpressure=_MOST_REQUESTS,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_PATIENCE_S,
    )
    server.serve(target_loader=load_app, wrap_loader=False)


def _allow_files() -> None:
    """As many open files as we may have: each connection is one, and many systems begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # a system may have limits of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
