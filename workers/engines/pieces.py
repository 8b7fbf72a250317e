"""A file handed over while it is made: an engine leaves what is done of it in its folder, piece by piece."""

from pathlib import Path


class Pieces:
    """The pieces in a folder, counted from 1. Each appears under its name only when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = 0

    def leave(self, data: bytes) -> None:
        """Another piece, unless it is empty."""
        if data:
            self._left += 1
            draft = self._folder / f".{_name(self._left)}.part"
            draft.write_bytes(data)
            draft.rename(self._folder / _name(self._left))


def piece(folder: Path, number: int) -> bytes | None:
    """A piece; None if it is not there yet."""
    try:
        return (folder / _name(number)).read_bytes()
    except FileNotFoundError:
        return None


def _name(number: int) -> str:
    return f"piece-{number:04}"
