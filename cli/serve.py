"""The API process: granian, our app, and nothing that outlives us."""

import ctypes
import signal
import sys
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h


def load_app() -> Any:
    """In the server's own child process: make the app, and die when the parent does, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    from api.main import app

    return app()


def serve(host: str, port: int, processes: int) -> None:
    """Serve until SIGTERM or SIGINT. Every setting but the address comes from the environment."""
    server = Granian(
        "api.main:app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        workers=processes,
        log_access=False,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=load_app, wrap_loader=False)
