"""The recordings that a song's lines are sung from: those that are kept, and the rest spoken now."""

import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from storage.errors import EngineMisproduced
from workers.engines.music.vocals import recordings
from workers.engines.music.vocals.recordings import Recording

SPEED = 0.85
"""A little slower than speech: there is more of each vowel to hold."""

WINDOW = 100
"""Symbols spoken in one go. Memory grows with them; a pause for progress comes behind each."""

Key = tuple[str, str]
"""Symbols and voice: all that a recording depends on."""


def missing() -> str | None:
    """Why nothing is sung here; None if all that singing needs is there."""
    if os.environ.get("GATEWAY_SINGING", "").strip().lower() in ("off", "0", "no", "false"):
        return "singing is switched off here"
    from workers.engines.speech import weights

    if find_spec("pyworld") is None:
        return "singing is not installed here: the operator installs ai-gateway[singing]"
    return weights.missing()


def recorded(wanted: Iterable[Key], report: Callable[[float], None]) -> dict[Key, Recording | None]:
    """A recording for each line, None for one that the voice could not say. Each is spoken once.

    `report` gets the share of them that is done, and is called at least once for every WINDOW symbols.
    """
    lines = list(dict.fromkeys(wanted))
    speaker = _Speaker()
    found: dict[Key, Recording | None] = {}
    for number, (symbols, voice) in enumerate(lines):
        made = recordings.kept(symbols, voice, SPEED)
        if made is None:
            made = speaker.speak(symbols, voice, lambda part, done=number: report((done + part) / len(lines)))  # type: ignore[misc]
            if made is not None:
                recordings.keep(made, symbols, voice, SPEED)
        found[symbols, voice] = made
        report((number + 1) / len(lines))
    return found


class _Speaker:
    """The voice, loaded when the first line needs it; it goes with this object."""

    def __init__(self) -> None:
        self._kokoro: Any = None

    def speak(self, symbols: str, voice: str, report: Callable[[float], None]) -> Recording | None:
        import numpy as np

        from workers.engines.speech import sound
        from workers.engines.speech.kokoro import Kokoro, windows
        from workers.engines.speech.phonemes import sounds

        if self._kokoro is None:
            self._kokoro = Kokoro()
        parts = windows(symbols, WINDOW)
        frames: list[int] = []
        samples: list[Any] = []
        for number, part in enumerate(parts):
            timed = self._kokoro.timed(part, voice, SPEED)
            try:
                sound.check(sound.trimmed(timed.samples), sounds(part), SPEED)
            except EngineMisproduced:
                return None
            frames = [*frames[:-1], frames[-1] + timed.frames[0], *timed.frames[1:]] if frames else timed.frames
            samples.append(sound.pcm(timed.samples))
            report((number + 1) / len(parts))
        joined = " ".join(parts)
        return Recording(joined, frames, np.concatenate(samples).tobytes())
