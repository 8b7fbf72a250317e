"""A small real engine for tests of speech: it speaks the `input`, which is a folder's path, in four pieces.

Piece n is spoken once `n` is in the folder; `made` there gets a line for each. With `fail` there, it fails at the end;
with `other`, it speaks otherwise, as another machine might.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.errors import EngineMisproduced
from workers.engines.base import Artifact, Made, Report
from workers.engines.pieces import Pieces

PIECES = 4
_GROWING, _WHOLE = b"RIFF????", b"RIFF1234"


class Speaker:
    name = "speaker"

    def load(self) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to drop."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        request = task["request"]
        control, pieces = Path(request["input"]), Pieces(folder)
        said = list[bytes]()
        for number in range(1, PIECES + 1):
            while not (control / str(number)).exists():
                report(0.1)
                time.sleep(0.01)
            said.append(spoken(number, other=(control / "other").exists()))
            with (control / "made").open("a") as made:
                made.write(f"{number}\n")
            if request.get("streamed"):
                pieces.leave(said[-1])
            report(number / PIECES)
        if (control / "fail").exists():
            raise EngineMisproduced("it is silent, as asked")
        path = folder / "speech.wav"
        path.write_bytes(_WHOLE + b"".join(said).removeprefix(_GROWING))
        return Made(
            [Artifact("main", str(path), "audio/wav", duration_s=1.0)], {"voice": "af_nova", "language": "en-us"}
        )


def spoken(number: int, *, other: bool = False) -> bytes:
    """A piece; the first has a header that does not tell how long the whole is."""
    word = f"{'anders' if other else 'piece'} {number}; ".encode()
    return (_GROWING if number == 1 else b"") + word * 1_000


HEARD = b"".join(spoken(number) for number in range(1, PIECES + 1))
STORED = _WHOLE + HEARD.removeprefix(_GROWING)
"""What a listener hears, and what is stored."""
