"""The syllables of a line by its symbols: their nuclei (the vowels that take the notes) and what stands between them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

FRAME_S = 600 / 24_000
"""What one count of the voice's frames lasts. Source: `workers/engines/speech/kokoro.py`."""

VOWELS = frozenset("aeiouyøœɐɑɒæɔəɚɛɜɤɨɪɯʊʌᵊᵻAIOQWYɥ") - {"ɥ"}
GLIDING = frozenset("AIOQWY")
"""Symbols for two vowels in one syllable."""

_LEANS_BACK = frozenset("ːʰʲ→↗↘↓\u0303")
"""Signs that lengthen or colour what stands before them."""
_STRESS = frozenset("ˈˌ")
_GAPS = frozenset(';:,.!?—…"()“” ')


class Syllable(NamedTuple):
    """Seconds in the recording. `starts`: where its first consonant does; `vowel` to `coda`: what is held; to `ends`.

    `glides`: the vowel is two, and moves in its last part.
    """

    starts: float
    vowel: float
    coda: float
    ends: float
    glides: bool


class _Sound(NamedTuple):
    symbol: str
    start: int
    stop: int

    @property
    def is_vowel(self) -> bool:
        return self.symbol[0] in VOWELS

    @property
    def is_gap(self) -> bool:
        return self.symbol[0] in _GAPS


def count(symbols: str) -> int:
    """How many notes a line of these symbols takes."""
    return sum(sound.is_vowel for sound in _sounds(symbols, [0] * (len(symbols) + 2)))


def syllables(symbols: str, frames: Sequence[int]) -> list[Syllable]:
    """All syllables, in order. `frames` has one count for each symbol, one before and one behind them."""
    sounds = list(_sounds(symbols, frames))
    nuclei = [at for at, sound in enumerate(sounds) if sound.is_vowel]
    if not nuclei:
        return []
    cuts = [_first_heard(sounds)]
    for before, after in zip(nuclei, nuclei[1:], strict=False):
        cuts.append(_cut(sounds, before + 1, after))
    found = []
    for order, at in enumerate(nuclei):
        begin, vowel = cuts[order], sounds[at]
        stop = cuts[order + 1] if order + 1 < len(nuclei) else len(sounds)
        coda = [sound for sound in sounds[at + 1 : stop] if not sound.is_gap]
        found.append(
            Syllable(
                starts=sounds[begin].start * FRAME_S,
                vowel=vowel.start * FRAME_S,
                coda=vowel.stop * FRAME_S,
                ends=(coda[-1] if coda else vowel).stop * FRAME_S,
                glides=len([one for one in vowel.symbol if one in VOWELS]) > 1 or vowel.symbol[0] in GLIDING,
            )
        )
    return found


def _sounds(symbols: str, frames: Sequence[int]) -> Iterator[_Sound]:
    """Sounds and gaps. Marks of stress belong to what follows; length and tone, and in one word before a tone the
    vowels behind a vowel (Mandarin's diphthongs), to what stands before."""
    at = frames[0]
    held: _Sound | None = None
    early: int | None = None
    for place, (symbol, length) in enumerate(zip(symbols, frames[1:-1], strict=True)):
        start, at = at, at + length
        if symbol in _STRESS:
            early = start if early is None else early
            continue
        if held is not None and early is None and (symbol in _LEANS_BACK or _joins(symbols, place)):
            held = _Sound(held.symbol + symbol, held.start, at)
            continue
        if held is not None:
            yield held
        held = _Sound(symbol, start if early is None else early, at)
        early = None
    if held is not None:
        yield held


def _joins(symbols: str, place: int) -> bool:
    """Whether the vowel at `place` ends a diphthong written as two: "ai→"."""
    tone = symbols[place + 1 : place + 2]
    return place > 0 and symbols[place] in VOWELS and symbols[place - 1] in VOWELS and tone in _TONES


_TONES = frozenset("→↗↘↓")


def _first_heard(sounds: Sequence[_Sound]) -> int:
    return next(at for at, sound in enumerate(sounds) if not sound.is_gap)


def _cut(sounds: Sequence[_Sound], begin: int, vowel: int) -> int:
    """Where, between two vowels, the second one's syllable starts: at its word, else at the last consonant."""
    gaps = [at for at in range(begin, vowel) if sounds[at].is_gap]
    if gaps:
        return gaps[-1] + 1
    return max(begin, vowel - 1)
