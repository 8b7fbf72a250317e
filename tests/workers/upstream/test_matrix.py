"""Each fault at each kind of account ends as `matrix.py` says; then the fault is over, and the next job works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from api.settings import ApiSettings
from cli.embedded.ports import free_ports
from cli.fakes import FAMILIES, streams
from cli.fakes.command import family_of
from cli.fakes.family import Family
from cli.fakes.faults import ANYWHERE, COMMON, parse
from cli.fakes.server import LOOPBACK
from docs.faults import PAGE, render
from tests.api.gateway import serving
from tests.workers.upstream.bench import Bench
from tests.workers.upstream.matrix import COLUMNS, FREE, cells
from tests.workers.upstream.trial import Trial, prepared
from workers.adapters import ADAPTERS

_AT_ONCE = 12
_OPERATIONS = ("submit", "poll", "file")
_OF_FILES = {"wrong_file", "expired", "late"}
_NO_JOB = {*streams.FAULTS}
"""Faults of streams of chat, which jobs are not answered by: tests/api/test_chat_faults.py has them."""


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `hurried` leaves as it is. How long songs take says nothing here, for many wait for their turn."""
    for name, seconds in {
        "storage.capacity.LONGEST_REST_S": 0.4,
        "workers.upstream.collect._MOST_S": 0.1,
        "workers.upstream.poll._AT_LEAST_S": 0.1,
        "workers.upstream.progress.ABSENT_FROM_S": 0.2,
        "workers.upstream.spacing._EARLIEST": 0.0,
    }.items():
        monkeypatch.setattr(name, seconds)


@asynccontextmanager
async def called_back(bench: Bench) -> AsyncIterator[None]:
    """Upstreams may call back: the real app answers them, at an address that they can reach."""
    [port] = free_ports(1)
    bench.public_url = f"http://{LOOPBACK}:{port}"
    async with serving(bench.settings, ApiSettings()) as gateway:

        async def pass_on(request: web.Request) -> web.Response:
            answer = await gateway.nobody.post(request.path, content=await request.read())
            return web.Response(status=answer.status_code, body=answer.content)

        app = web.Application()
        app.router.add_post("/{path:.*}", pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
            yield
        finally:
            await runner.cleanup()


@pytest.mark.parametrize("column", COLUMNS)
async def test_each_fault_ends_as_it_should_and_the_next_job_works(bench: Bench, in_haste: None, column: str) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def tried(trial: Trial) -> str:
        async with turns:
            try:
                await trial.run()
            except AssertionError as wrong:
                return f"{trial.cell.fault} {trial.cell.asks}: {wrong}"
            return ""

    async with AsyncExitStack() as at_end:
        chosen = [cell for cell in cells() if cell.column == column]
        trials = [
            await at_end.enter_async_context(prepared(bench, cell, f"account-{number}"))
            for number, cell in enumerate(chosen)
        ]
        if column == "sunoapi":
            await at_end.enter_async_context(called_back(bench))
        await at_end.enter_async_context(bench.worker(slots=2 * _AT_ONCE))
        async with asyncio.TaskGroup() as together:
            said = [together.create_task(tried(trial)) for trial in trials]
        wrong = [task.result() for task in said if task.result()]
    assert not wrong, "\n".join(wrong)
    assert await bench.store.upstreams.doubts() == []


def can_err(family: Family) -> set[tuple[str, object, str]]:
    """All that a fake can be told to do wrong to a job: name, value if it is a word, operation."""
    faults, found = family.world.faults, set()
    for name, kind in faults.kinds.items():
        everywhere = name == "session_expired" or (name in COMMON and name not in _OF_FILES)
        operations = _OPERATIONS if everywhere else ("submit", "poll") if kind.on == ANYWHERE else (kind.on,)
        if name not in _NO_JOB:
            possible = faults.operations.intersection(operations)
            possible -= {"file"} if name == "session_expired" else set()  # files are had without a credential
            found |= {(name, word, at) for word in kind.words or (None,) for at in possible}
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_no_fault_is_left_out(name: str) -> None:
    family = family_of(name)()
    tried = set()
    for fault in (one for cell in cells() if COLUMNS[cell.column].adapter == name for one in cell.fault.split()):
        family.world.faults.set([parse(fault)])
        [on] = family.world.faults.on
        tried.add((on.name, on.value if family.world.faults.kinds[on.name].words else None, on.on))
    assert can_err(family) - tried == set()


def test_every_adapter_has_a_column() -> None:
    assert {column.adapter for column in COLUMNS.values()} == set(ADAPTERS) == set(FAMILIES)


def test_no_paid_call_is_taken_twice() -> None:
    assert {cell.column for cell in cells() if cell.ends.accepts > 1} <= set(FREE)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(), "run `python -m docs.faults`"
