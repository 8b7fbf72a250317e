import asyncio
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from workers.engines.limits import Limits
from workers.engines.pool import EnginePool

SPEC = "tests.workers.sketch_engine:Sketch"
SAMPLE = "tests.workers.engines.sample_engines:Sample"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.mkdir()
    return path


async def drawn(pool: EnginePool, folder: Path) -> int:
    """Make something with the sample engine. Returns the id of the process that did."""
    made = await pool.generate(SAMPLE, {"do": "draw"}, folder, lambda _: None)
    return int(made.metadata["pid"])


def task(**request: str) -> dict[str, object]:
    return {"kind": "music.generate", "request": request, "seed": 1}


async def test_as_many_items_are_made_at_once_as_there_are_hosts_and_the_rest_wait(tmp_path: Path) -> None:
    pool = EnginePool(size=2, idle_s=60, limits=Limits(500, 30))
    hold, begun = tmp_path / "hold", []
    calls = []
    for item in range(3):
        folder = tmp_path / str(item)
        folder.mkdir()
        making = pool.generate(SPEC, task(hold=str(hold)), folder, lambda _, item=item: begun.append(item))  # type: ignore[misc]
        calls.append(asyncio.create_task(making))
    try:
        await until(lambda: len(set(begun)) == 2)
        assert set(begun) == {0, 1}
        hold.touch()
        await asyncio.gather(*calls)
        assert set(begun) == {0, 1, 2}
    finally:
        await pool.close()


async def test_a_host_whose_call_was_cancelled_serves_the_next(tmp_path: Path) -> None:
    pool = EnginePool(size=1, idle_s=60, limits=Limits(500, 30))
    begun = asyncio.Event()
    try:
        stuck = asyncio.create_task(
            pool.generate(SPEC, task(hold=str(tmp_path / "never")), tmp_path, lambda _: begun.set())
        )
        await begun.wait()
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        made = await pool.generate(SPEC, task(), tmp_path, lambda _: None)
        assert made.metadata == {"seed": 1}
    finally:
        await pool.close()


async def test_the_warm_host_is_preferred_and_closing_ends_them_all(folder: Path) -> None:
    pool = EnginePool(size=2, idle_s=60, limits=Limits(500, 30))
    one_by_one = {(await drawn(pool, folder)) for _ in range(3)}
    assert len(one_by_one) == 1
    at_once = await asyncio.gather(*(drawn(pool, folder) for _ in range(4)))
    assert len(set(at_once)) == 2
    await pool.close()
    assert not any(psutil.pid_exists(pid) for pid in at_once)


async def test_two_engines_share_the_processes_and_each_finds_its_own_warm(folder: Path) -> None:
    pool = EnginePool(size=2, idle_s=60, limits=Limits(500, 30))
    try:
        sample = await drawn(pool, folder)
        await pool.generate(SPEC, task(), folder, lambda _: None)
        assert await drawn(pool, folder) == sample
        assert psutil.pid_exists(sample)
    finally:
        await pool.close()


async def test_an_engine_that_finds_no_room_takes_the_place_of_one_that_is_idle(folder: Path) -> None:
    pool = EnginePool(size=1, idle_s=60, limits=Limits(500, 30))
    try:
        first = await drawn(pool, folder)
        made = await pool.generate(SPEC, task(), folder, lambda _: None)
        assert made.metadata == {"seed": 1}
        assert not psutil.pid_exists(first)
        assert await drawn(pool, folder) != first
    finally:
        await pool.close()


async def test_a_subprocess_that_was_killed_while_it_had_no_work_costs_no_call(folder: Path) -> None:
    pool = EnginePool(size=2, idle_s=60, limits=Limits(500, 30))
    try:
        first = await drawn(pool, folder)
        psutil.Process(first).kill()
        await until(lambda: not any(host.pid == first for host in pool._hosts))
        assert await drawn(pool, folder) != first
    finally:
        await pool.close()
