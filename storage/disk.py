"""Files of this machine, opened off the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast


@asynccontextmanager
async def opened(path: Path, mode: Literal["rb", "wb"]) -> AsyncIterator[BinaryIO]:
    """A file until the end of the block, also where its opening is cancelled. Raises OSError."""
    opening = asyncio.ensure_future(asyncio.to_thread(path.open, mode))
    try:
        file = cast(BinaryIO, await asyncio.shield(opening))
    except asyncio.CancelledError:
        opening.add_done_callback(_closed)
        raise
    try:
        yield file
    finally:
        file.close()


def _closed(opening: "asyncio.Future[BinaryIO]") -> None:
    """A thread cannot be called back: what it has opened for nobody is closed."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
