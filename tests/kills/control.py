"""The folder that a sketch of an engine is told by, piece by piece, what it may make."""

from pathlib import Path


def let(control: Path, *numbers: int) -> None:
    """It may make these pieces."""
    for number in numbers:
        (control / str(number)).touch()


def makings(control: Path) -> list[int]:
    return [int(text) for text in (control / "made").read_text().split()]
