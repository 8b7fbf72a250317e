"""What a task asks for: each field checked where it is read, and refused by its name and its limit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from storage.errors import InvalidRequest
from workers.engines.picture.reading import opened
from workers.engines.picture.writing import FORMATS

SMALLEST, LARGEST = 64, 2048
_LONGEST_PROMPT = 32_000


class Asked:
    """The request of a task, and the files that came with it (`inputs`: name → path)."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        request, inputs, seed = task.get("request"), task.get("inputs") or {}, task.get("seed", 0)
        if not isinstance(request, Mapping):
            raise InvalidRequest("the request must be an object", field="request")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidRequest("the seed must be a whole number", field="seed")
        self.request, self.inputs, self.seed = request, inputs, seed
        self.kind = str(task.get("kind"))

    def text(self, name: str) -> str:
        value = self.request.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"{name} must be a string", field=name)
        if value and len(value) > _LONGEST_PROMPT:
            raise InvalidRequest(f"{name} may have {_LONGEST_PROMPT} characters at most", field=name)
        return value or ""

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self.request.get(name)
        if value is None:
            return default
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or value != int(value)
            or not low <= value <= high
        ):
            raise InvalidRequest(f"{name} must be a whole number from {low} to {high}", field=name)
        return int(value)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self.request.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}", field=name)
        return float(value)

    def choice(self, name: str, default: str, among: tuple[str, ...]) -> str:
        value = self.request.get(name)
        if value is None:
            return default
        if value not in among:
            raise InvalidRequest(f"{name} must be one of {', '.join(among)}", field=name)
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        """A switch; 0 and 1 are as good as false and true."""
        value = self.request.get(name)
        if value is None:
            return default
        if value not in (0, 1):
            raise InvalidRequest(f"{name} must be true or false", field=name)
        return bool(value)

    def texts(self, name: str) -> list[str]:
        value = self.request.get(name) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidRequest(f"{name} must be a list of strings", field=name)
        return value

    def indices(self, name: str) -> list[int]:
        """Which faces, counted from 0; the first if none are named."""
        value = self.request.get(name)
        if value is None:
            return [0]
        good = isinstance(value, list) and value and all(type(one) is int and 0 <= one < 100 for one in value)
        if not good or len(set(value)) != len(value):
            raise InvalidRequest(f"{name} must be a list of different whole numbers from 0 to 99", field=name)
        return list(value)

    def within(self, name: str) -> "Asked | None":
        """A part of the request that is a request of its own, to the same inputs; None if it is not there."""
        value = self.request.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"{name} must be an object", field=name)
        return Asked({"kind": self.kind, "request": value, "inputs": self.inputs, "seed": self.seed})

    def picture(self, name: str) -> Image.Image:
        """An input. Raises InvalidRequest if it is missing or broken."""
        path = self.inputs.get(name)
        if not path:
            raise InvalidRequest(f"{name} is missing", field=name)
        return opened(Path(path), name)

    def size(self, default: tuple[int, int]) -> tuple[int, int]:
        width = self.whole("width", default[0], SMALLEST, LARGEST)
        return width, self.whole("height", default[1], SMALLEST, LARGEST)

    @property
    def format(self) -> str:
        return self.choice("format", "png", tuple(FORMATS))

    @property
    def quality(self) -> int:
        return self.whole("quality", 92, 1, 100)

    def model(self, default: str) -> str:
        return self.text("model") or default
