"""Files that are opened off the event loop are closed, whatever becomes of who has asked."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from storage.disk import opened
from tests.waiting import until


class Slow:
    """A file that takes until `go` to be opened, as on a busy disk."""

    def __init__(self, path: Path) -> None:
        self.path, self.go = path, threading.Event()
        self.file: Any = None

    def open(self, mode: str) -> Any:
        assert self.go.wait(10)
        self.file = self.path.open(mode)
        return self.file


async def test_a_file_is_open_for_the_block(tmp_path: Path) -> None:
    async with opened(tmp_path / "a", "wb") as file:
        file.write(b"x")
    assert file.closed
    assert (tmp_path / "a").read_bytes() == b"x"


async def test_one_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await opened(tmp_path / "nothing", "rb").__aenter__()


async def test_one_that_is_opened_for_nobody_is_closed(tmp_path: Path) -> None:
    slow = Slow(tmp_path / "a")

    opening: Any = opened(slow, "wb")  # type: ignore[arg-type]
    task = asyncio.create_task(opening.__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    slow.go.set()
    await until(lambda: slow.file and slow.file.closed)
