"""The image engine where it runs in earnest: in a subprocess that is capped, and killed at once when it must be."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from storage.errors import InvalidRequest
from tests.waiting import until
from tests.workers.engines.image.looking import picture
from workers.engines.base import Made
from workers.engines.host import EngineHost
from workers.engines.picture.engine import Pictures

SPEC = "workers.engines.picture.engine:Pictures"


@pytest.fixture
async def host() -> AsyncIterator[EngineHost]:
    host = EngineHost(SPEC)
    yield host
    await host.close()


def task(kind: str, inputs: dict[str, Path] | None = None, **request: Any) -> dict[str, Any]:
    paths = {name: str(path) for name, path in (inputs or {}).items()}
    return {"kind": kind, "request": request, "seed": 3, "inputs": paths}


def contents(made: Made) -> bytes:
    return Path(made.artifacts[0].path).read_bytes()


async def test_it_makes_there_what_it_makes_here(host: EngineHost, tmp_path: Path) -> None:
    asked = task("image.generate", prompt="a castle, mountains, watercolor", width=256, height=192)
    told: list[float] = []
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    there = await host.generate(asked, tmp_path / "there", told.append)
    here = Pictures().generate(asked, tmp_path / "here", lambda _: None)
    assert contents(there) == contents(here)
    assert len(told) >= 5
    assert told == sorted(told)


async def test_one_process_does_every_kind(host: EngineHost, tmp_path: Path, astronaut: Path) -> None:
    tasks = (
        task("image.generate", prompt="a cat", width=128, height=96),
        task("image.edit", {"image": astronaut}, prompt="van gogh"),
        task("image.upscale", {"image": astronaut}, scale=2),
    )
    assert [picture(await host.generate(asked, tmp_path, lambda _: None)).size for asked in tasks] == [
        (128, 96),
        (320, 330),
        (640, 660),
    ]


async def test_a_refusal_crosses_the_border_with_its_field(host: EngineHost, tmp_path: Path) -> None:
    (tmp_path / "torso.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InvalidRequest) as refused:
        await host.generate(task("image.edit", {"image": tmp_path / "torso.png"}), tmp_path, lambda _: None)
    assert refused.value.field == "image"
    assert picture(await host.generate(task("image.generate", width=64, height=64), tmp_path, lambda _: None))


async def test_a_large_picture_is_stopped_in_the_middle(host: EngineHost, tmp_path: Path) -> None:
    begun = asyncio.Event()
    large = task("image.generate", prompt="a forest in the snow, van gogh", width=2048, height=2048)
    making = asyncio.create_task(host.generate(large, tmp_path, lambda _: begun.set()))
    await begun.wait()
    pid = host.pid
    assert pid
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await until(lambda: not psutil.pid_exists(pid))
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names, not paths


async def test_the_largest_input_fits_into_its_memory(host: EngineHost, tmp_path: Path) -> None:
    Image.radial_gradient("L").resize((6300, 6300)).convert("RGB").save(tmp_path / "large.jpg")
    asked = task("image.edit", {"image": tmp_path / "large.jpg"}, width=512, height=512, prompt="blue")
    made = await host.generate(asked, tmp_path, lambda _: None)
    assert picture(made).size == (512, 512)
