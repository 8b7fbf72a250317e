"""The speech engine as the worker sees it: the kind `speech`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.errors import EngineMisproduced, InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.pieces import Pieces
from workers.engines.speech import asked, encoding, sound, weights
from workers.engines.speech.asked import Wish
from workers.engines.speech.kokoro import RATE, Kokoro
from workers.engines.speech.phonemes import phonemes, sounds
from workers.engines.speech.sentences import Piece, pieces
from workers.engines.speech.tongue import HAS_HAN

_LOADED, _SPOKEN = 0.02, 0.96


class Speech:
    """Speaks one text per call. The network stays loaded between calls."""

    name = "speech"

    def __init__(self) -> None:
        self._kokoro: Kokoro | None = None

    def load(self) -> None:
        """Load the network. Raises EngineFailed, which says what to install."""
        weights.require()
        self._kokoro = Kokoro()

    def unload(self) -> None:
        self._kokoro = None

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Speak the `input` of the request.

        `task` has "kind" ("speech") and "request": input, voice, response_format, speed, language, and `streamed` if
        somebody listens: then what the file gains with each sentence comes to lie in `folder` as a piece of its own
        (`workers/engines/pieces.py`), the last one when the whole has been found good.
        """
        wish = asked.read(task)
        if self._kokoro is None:
            self.load()
        report(_LOADED)
        cut = pieces(wish.text)
        total, done, heard = sum(piece.weight for piece in cut), 0.0, 0
        recording, sentences = encoding.Recording(folder, wish.format), 0
        passed_on = Pieces(folder) if wish.streamed else None
        for piece in cut:
            said, count = self._said(piece, wish)
            heard += count
            if len(said):
                recording.add(said)
                sentences += 1
                if passed_on:
                    passed_on.leave(recording.gained())
            done += piece.weight
            report(_LOADED + (_SPOKEN - _LOADED) * done / total)
        if not sentences:
            raise InvalidRequest("there is nothing to say in input", field="input")
        _check_words(wish.text, heard)
        artifact = recording.end()
        if passed_on:
            passed_on.leave(recording.gained())
        report(1.0)
        return Made([artifact], _facts(wish, sentences))

    def _said(self, piece: Piece, wish: Wish) -> tuple[Any, int]:
        """The samples of a piece and the pause behind it, and how many sounds of speech are in it."""
        import numpy as np

        symbols = phonemes(piece.text, wish.speaker.language)
        count = sounds(symbols)
        if not count or self._kokoro is None:
            return np.zeros(0, np.int16), 0
        own, stretch = sound.shared(wish.speed)
        spoken = sound.trimmed(self._kokoro.speak(symbols, wish.speaker.voice, own))
        spoken = sound.hastened(spoken, stretch)
        sound.check(spoken, count, wish.speed)
        pause = np.zeros(round(piece.pause_s / wish.speed * RATE), np.float32)
        return sound.pcm(np.concatenate([spoken, pause])), count


def _check_words(text: str, sounds: int) -> None:
    """Raises EngineMisproduced if far fewer sounds were spoken than the letters of `text` ask for."""
    han = len(HAS_HAN.findall(text))
    letters = sum(character.isalpha() for character in text) - han
    if sounds < 0.3 * letters + 1.2 * han - 3:
        raise EngineMisproduced(f"only {sounds} sounds were spoken for {letters + han} letters")


def _facts(wish: Wish, sentences: int) -> dict[str, Any]:
    voice, language = wish.speaker
    return {
        "engine": "kokoro",
        "embedded": True,
        "voice": voice,
        "voice_asked": wish.asked_for,
        "language": language,
        "sentences": sentences,
        "characters": len(wish.text),
        "speed": wish.speed,
    }
