"""Texts to speak, and a way to speak them where the extra `speech` and the voices are installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.engines.base import Made
from workers.engines.speech import weights
from workers.engines.speech.engine import Speech

Speak = Callable[..., Made]


@pytest.fixture(scope="session")
def engine() -> Speech:
    """One for all tests: it takes seconds to load."""
    if told := weights.missing():
        pytest.skip(told)
    engine = Speech()
    engine.load()
    return engine


@pytest.fixture
def speak(engine: Speech, tmp_path: Path) -> Speak:
    """Speak a text into a folder of its own; all else is the request."""

    def spoken(input: str, report: Callable[[float], None] = lambda _: None, **request: Any) -> Made:
        folder = tmp_path / f"out {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return engine.generate({"kind": "speech", "request": {"input": input, **request}, "seed": 3}, folder, report)

    return spoken
