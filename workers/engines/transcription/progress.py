"""How far a transcription has come. A recording's length is not known before its end: what its header declares is only
good enough to show progress by."""

from workers.engines.base import Report
from workers.engines.transcription.asked import Asked
from workers.engines.transcription.reading import RATE, declared_s
from workers.engines.transcription.splitting import Piece

_MOST = 0.98
_LIKELY_BYTES_PER_S = 8_000  # Opus and MP3 of speech: 64 kbit/s


class Progress:
    """Reported at each window and each phrase: the worker ends an engine that is silent for long."""

    def __init__(self, want: Asked, report: Report) -> None:
        self._report, self._start_s = report, want.start_s
        self._length_s = max(1.0, length_s(want))
        self._fraction = 0.0

    def piece(self, piece: Piece) -> None:
        self.reached(piece.start_s)

    def window(self) -> None:
        self._report(self._fraction)

    def reached(self, second: float) -> None:
        """`second` of the file has been heard."""
        self._fraction = max(self._fraction, min(_MOST, (second - self._start_s) / self._length_s))
        self._report(self._fraction)


def length_s(want: Asked) -> float:
    """About how long what is to be heard lasts: as the file declares; if it does not, as its size makes likely."""
    size_bytes = want.file.stat().st_size
    declared = declared_s(want.file) if want.encode else size_bytes / 2 / RATE
    return (want.end_s or declared or size_bytes / _LIKELY_BYTES_PER_S) - want.start_s
