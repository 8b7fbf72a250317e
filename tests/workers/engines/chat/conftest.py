"""A way to talk to the real model, where the extra `chat` and its file are installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from storage.errors import EngineFailed
from workers.engines.base import Made
from workers.engines.chat.engine import Chat
from workers.engines.chat.weights import require
from workers.engines.pieces import piece


class Answered(NamedTuple):
    """What one call made, and the pieces that it left."""

    made: Made
    pieces: list[dict[str, Any]]

    @property
    def about(self) -> dict[str, Any]:
        return self.made.metadata

    @property
    def text(self) -> str:
        return str(self.about["text"])


Ask = Callable[..., Answered]


@pytest.fixture(scope="session")
def engine() -> Chat:
    """One for all tests: it takes a second to load."""
    try:
        require()
    except EngineFailed as error:
        pytest.skip(str(error))
    engine = Chat()
    engine.load()
    return engine


@pytest.fixture
def ask(engine: Chat, tmp_path: Path) -> Ask:
    """Ask a question; `said` is what was told of the answer before, and all else is the request."""

    def answered(question: str | list[dict[str, Any]], said: Any = None, seed: int = 3, **request: Any) -> Answered:
        folder = tmp_path / f"out {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
        task = {"kind": "chat", "request": {"messages": messages, **request}, "seed": seed, "said": said}
        made = engine.generate(task, folder, lambda _: None)
        pieces, number = list[dict[str, Any]](), 1
        while (data := piece(folder, number)) is not None:
            pieces.append(msgspec.json.decode(data))
            number += 1
        return Answered(made, pieces)

    return answered
