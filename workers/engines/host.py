"""Runs one engine in a subprocess: cancellable at once, capped in memory, started when needed, dropped when idle.

A subprocess, because engines are native code that holds the processor for seconds and cannot be interrupted; a fresh
interpreter and not a fork, because native thread pools do not survive one.
"""

import asyncio
import logging
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import SecretStr

from storage.errors import EngineLost, EngineTimedOut, GatewayError
from storage.job import Failure
from storage.settings import StorageSettings
from workers.engines.base import Made, Report
from workers.engines.limits import USUAL, Limits

log = logging.getLogger(__name__)

_LINE_BYTES = 64 << 20
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)
_SILENT = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Libraries that would tell their makers of us, or ask them, do not. ONNX Runtime's wheels do so from the moment they
are imported, unless this is set. Source: its Privacy.md, "Disabling Telemetry"."""

_LAST_BREATH_S = 5.0
_SECRETS = {"GATEWAY_API_KEY"} | {
    f"GATEWAY_{name.upper()}" for name, field in StorageSettings.model_fields.items() if field.annotation is SecretStr
}


class _Child(NamedTuple):
    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class EngineHost:
    """One engine at a time (`spec`: "module:Class"), one call at a time.

    `threads` is how many its libraries start; without work for `idle_s` the subprocess is ended.
    """

    def __init__(
        self,
        spec: str,
        *,
        limits: Limits = USUAL,
        threads: int = 1,
        idle_s: float = 300.0,
    ) -> None:
        self.spec, self.limits, self.threads, self.idle_s = spec, limits, threads, idle_s
        self._child: _Child | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._dropping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The subprocess, while there is one that lives."""
        return self._child.process.pid if self._child and self._child.process.returncode is None else None

    async def generate(self, task: Mapping[str, Any], folder: Path, on_progress: Report) -> Made:
        """Make one item. Raises what the engine raised, EngineLost if its process ended, EngineTimedOut if it stalled.

        Cancelled, it kills the subprocess; the next call starts another.
        """
        async with self._turn:
            self._stay()
            try:
                if not self.pid:  # it may have been killed while it had no work
                    await self._kill()
                self._child = self._child or await self._start()
                return await self._call(self._child, task, folder, on_progress)
            except GatewayError as error:
                if isinstance(error, (EngineLost, EngineTimedOut)):
                    await self._kill()
                raise
            except BaseException:
                await self._kill()
                raise
            finally:
                if self._child:
                    self._idle = asyncio.get_running_loop().call_later(self.idle_s, self._retire)

    async def serve(self, spec: str, limits: Limits) -> None:
        """Be the host of this engine from now on; another's subprocess is ended, once it has no work."""
        if (spec, limits) != (self.spec, self.limits):
            await self.drop()
            self.spec, self.limits = spec, limits

    async def drop(self) -> None:
        """End the subprocess, once it has no work. The next call starts another."""
        async with self._turn:
            await self._kill()

    async def close(self) -> None:
        """End the subprocess now, whatever it does."""
        self._stay()
        await self._kill()

    def _retire(self) -> None:
        self._dropping = asyncio.create_task(self.drop())

    def _stay(self) -> None:
        """Call off the end for want of work."""
        for planned in (self._idle, self._dropping):
            if planned:
                planned.cancel()

    async def _start(self) -> _Child:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                reader, writer = await asyncio.open_connection(sock=ours, limit=_LINE_BYTES)
            except BaseException:
                ours.close()
                raise
            try:
                return _Child(await self._spawn(theirs.fileno()), reader, writer)
            except BaseException:
                writer.close()
                raise

    async def _spawn(self, fd: int) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-X", "faulthandler", "-m", "workers.engines.child"),
            *(str(os.getpid()), str(fd), self.spec, str(self.limits.memory_mb)),
            pass_fds=[fd],
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment(),
            start_new_session=True,  # Ctrl-C is for us: the call may still end well
        )

    def _environment(self) -> dict[str, str]:
        """Ours, without the secrets; with our idea of where modules are, how many threads a library starts, and whom it
        tells."""
        kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - it is a string among strings
        threads = dict.fromkeys(_THREAD_VARIABLES, str(self.threads))
        return {**kept, **_SILENT, **threads, "PYTHONPATH": path}

    async def _call(self, child: _Child, task: Mapping[str, Any], folder: Path, on_progress: Report) -> Made:
        with suppress(ConnectionError):  # then reading tells what became of it
            child.writer.write(msgspec.json.encode({"task": task, "folder": str(folder)}) + b"\n")
            await child.writer.drain()
        reached = 0.0
        while True:
            match await self._next(child):
                case {"progress": float() | int() as progress}:
                    reached = max(reached, min(1.0, float(progress)))
                    on_progress(reached)
                case {"made": made}:
                    return msgspec.convert(made, Made)
                case {"error": {"code": str(code), "message": str(message), "field": field}}:
                    raise Failure(code, message, field=field).error()
                case other:
                    raise EngineLost(f"the engine said something unheard of: {str(other)[:100]}")

    async def _next(self, child: _Child) -> Any:
        try:
            async with asyncio.timeout(self.limits.stall_s):
                line = await child.reader.readline()
        except TimeoutError as error:
            raise EngineTimedOut(f"the engine made no progress for {self.limits.stall_s:g} s") from error
        except ConnectionError:
            line = b""
        if not line.endswith(b"\n"):
            code = await _exit_code(child.process)
            raise EngineLost(f"the engine's process ended ({_ending(code)}; it may use {self.limits.memory_mb} MB)")
        return msgspec.json.decode(line)

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.process.kill()
        child.writer.close()
        await asyncio.shield(child.process.wait())


async def _exit_code(process: Process) -> int:
    """Of a process that has closed its side, and ends now if it has any manners."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_BREATH_S):
            return await process.wait()
    process.kill()
    return await process.wait()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
