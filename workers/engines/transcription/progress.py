"""How far a transcription has come. A recording's length is not known before its end: what its header declares is only
good enough to show progress by."""

from pathlib import Path

from workers.engines.base import Report
from workers.engines.transcription.asked import Asked
from workers.engines.transcription.reading import RATE, declared_s
from workers.engines.transcription.splitting import Piece

_MOST = 0.98


class Progress:
    """Reported at each window and each phrase: the worker ends an engine that is silent for long."""

    def __init__(self, want: Asked, report: Report) -> None:
        self._report, self._start_s = report, want.start_s
        end_s = want.end_s or _length(want.file, encode=want.encode)
        self._length_s = max(1.0, end_s - want.start_s)
        self._fraction = 0.0

    def piece(self, piece: Piece) -> None:
        self.reached(piece.start_s)

    def window(self) -> None:
        self._report(self._fraction)

    def reached(self, second: float) -> None:
        """`second` of the file has been heard."""
        self._fraction = max(self._fraction, min(_MOST, (second - self._start_s) / self._length_s))
        self._report(self._fraction)


def _length(path: Path, *, encode: bool) -> float:
    return declared_s(path) if encode else path.stat().st_size / 2 / RATE
