"""Whether a recording holds any sound at all: one that does not is a mistake of whoever made it, and is refused."""

from collections.abc import Iterable, Iterator

import numpy as np

from storage.errors import InvalidRequest
from workers.engines.transcription.asked import Asked
from workers.engines.transcription.splitting import Piece

SILENT_PEAK = 4 / 32768
"""Nothing above it: four steps of 16 bits, -78 dB of full scale. The dither of a muted track stays below, and the noise
of a quiet room does not."""


class Loudness:
    """The peak of what passes."""

    def __init__(self, want: Asked) -> None:
        self._want, self._peak = want, 0.0

    def watched(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            if self._peak <= SILENT_PEAK and len(piece.samples):
                self._peak = max(self._peak, float(np.abs(piece.samples).max()))
            yield piece

    def check(self) -> None:
        """Raises InvalidRequest if nothing was louder than silence, unless this is a part of a recording."""
        if self._peak <= SILENT_PEAK and not self._want.is_part:
            raise InvalidRequest("file is silent: nothing in it is louder than -78 dB of full scale", field="file")
