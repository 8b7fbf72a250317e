"""The subprocess side of `workers/engines/host.py`: one engine, one call at a time, JSON lines over a socket.

In:  {"task": ..., "folder": ...}
Out: {"progress": 0..1}, any number of times, then {"made": ...} or {"error": {code, message, field}}.
"""

import ctypes
import importlib
import logging
import os
import resource
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, cast

import msgspec

from storage.errors import EngineFailed, EngineLost, EngineMisproduced, GatewayError, RequestError
from workers.engines.base import Engine, Made

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h
_NICENESS = 5  # the event loops beside us come first


def main(parent: int, fd: int, spec: str, memory_mb: int) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname).1s engine: %(message)s")
    os.dup2(2, 1)  # what native code prints is log, not protocol
    os.nice(_NICENESS)
    _die_with(parent)
    cap = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))  # and not RLIMIT_AS: weights mapped from files are free
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    channel = socket.socket(fileno=fd)
    threading.Thread(target=_watch, args=(channel,), daemon=True).start()
    serve(spec, memory_mb, channel)


def serve(spec: str, memory_mb: int, channel: socket.socket) -> None:
    """Answer calls until the other side is gone. The engine is loaded at the first."""
    engine: Engine | None = None

    def say(**message: Any) -> None:
        channel.sendall(msgspec.json.encode(message) + b"\n")

    for line in channel.makefile("rb"):
        call = msgspec.json.decode(line)
        folder = Path(call["folder"])
        try:
            engine = engine or _loaded(spec)
            made = engine.generate(call["task"], folder, lambda reached: say(progress=reached))
            say(made=_checked(made, folder))
        except MemoryError:
            say(error=_told(EngineLost(f"the engine ran out of the {memory_mb} MB it may use")))
            raise  # what it holds cannot be trusted, nor given back
        except GatewayError as error:
            say(error=_told(error))
        except Exception as error:
            log.exception("%s broke", spec)
            say(error=_told(EngineFailed(f"the engine broke: {type(error).__name__}")))


def _loaded(spec: str) -> Engine:
    module, _, name = spec.partition(":")
    engine = cast(Engine, getattr(importlib.import_module(module), name)())
    engine.load()
    return engine


def _checked(made: object, folder: Path) -> Made:
    """What the engine says it made, if it is there and where it belongs. Raises EngineMisproduced."""
    if not isinstance(made, Made):
        raise EngineMisproduced(f"the engine returned a {type(made).__name__}")
    for artifact in made.artifacts:
        path = Path(artifact.path).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file() or not path.stat().st_size:
            raise EngineMisproduced(f"the engine made no {artifact.part} file")
    return made


def _told(error: GatewayError) -> dict[str, str | None]:
    field = error.field if isinstance(error, RequestError) else None
    return {"code": error.code, "message": str(error), "field": field}


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _watch(channel: socket.socket) -> None:
    """End at once when the other side closes, even in the middle of native code (and where there is no prctl)."""
    poll = select.poll()
    poll.register(channel, getattr(select, "POLLRDHUP", select.POLLHUP))
    while not poll.poll():
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
