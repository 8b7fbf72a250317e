import asyncio
from pathlib import Path

from tests.waiting import until
from workers.engines.pool import EnginePool

SPEC = "tests.workers.sketch_engine:Sketch"


def task(**request: str) -> dict[str, object]:
    return {"kind": "music.generate", "request": request, "seed": 1}


async def test_as_many_items_are_made_at_once_as_there_are_hosts_and_the_rest_wait(tmp_path: Path) -> None:
    pool = EnginePool(SPEC, size=2, memory_mb=500, idle_s=60, stall_s=30)
    hold, begun = tmp_path / "hold", []
    calls = []
    for item in range(3):
        folder = tmp_path / str(item)
        folder.mkdir()
        making = pool.generate(task(hold=str(hold)), folder, lambda _, item=item: begun.append(item))  # type: ignore[misc]
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
    pool = EnginePool(SPEC, size=1, memory_mb=500, idle_s=60, stall_s=30)
    begun = asyncio.Event()
    try:
        stuck = asyncio.create_task(pool.generate(task(hold=str(tmp_path / "never")), tmp_path, lambda _: begun.set()))
        await begun.wait()
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        made = await pool.generate(task(), tmp_path, lambda _: None)
        assert made.metadata == {"seed": 1}
    finally:
        await pool.close()
