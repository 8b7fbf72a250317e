"""One answer as it grows: collected, and handed over in pieces."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from storage.errors import EngineMisproduced
from workers.engines.base import Report
from workers.engines.pieces import Pieces

_TOGETHER_S = 0.04
"""What comes faster than this is handed over together; the first token at once."""

_SOON = 0.95  # of the progress, which is a guess: nobody knows when an answer ends


class Writing:
    """`text` and `logprobs` are all of the answer; `said` is what somebody has been told of it already.

    With `again` the answer is made from its beginning once more, and what was said must come out of it.
    """

    def __init__(self, pieces: Pieces, said: Mapping[str, Any], report: Report, *, most: int, again: bool) -> None:
        self._pieces, self._report, self._most = pieces, report, max(1, most)
        self._said = str(said["text"])
        self.text = "" if again else self._said
        self.logprobs: list[Any] = [] if again else [*said["logprobs"]]
        self._told, self._told_logprobs = len(self._said), len(said["logprobs"])
        self._last_s = 0.0
        self._calls = 0

    def add(self, text: str, logprobs: list[Any]) -> None:
        """Some more. Raises EngineMisproduced if it is not what was said before."""
        self.text += text
        self.logprobs += logprobs
        self._calls += 1
        both = min(len(self.text), len(self._said))
        if self.text[:both] != self._said[:both]:
            raise EngineMisproduced("the answer had to be made again, and came out otherwise")
        if time.monotonic() - self._last_s >= _TOGETHER_S:
            self.flush()

    def flush(self) -> None:
        """Hand over what has not been."""
        text = self.text[self._told :]
        if not text:
            return
        logprobs = self.logprobs[self._told_logprobs :]
        self._pieces.leave(msgspec.json.encode({"text": text, "logprobs": logprobs}))
        self._told, self._told_logprobs = self._told + len(text), self._told_logprobs + len(logprobs)
        self._last_s = time.monotonic()
        self._report(min(_SOON, self._calls / self._most))
