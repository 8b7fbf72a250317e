"""The syllables of a line by its symbols: the vowels, which take the notes, and what stands between them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

FRAME_S = 600 / 24_000
"""What one count of the voice's frames lasts. Source: `workers/engines/speech/kokoro.py`."""

LEAD_S = 0.05
"""By how much the sound comes before its count. Measured as the lag at which vowels fit loudness below 2.5 kHz, and
sibilants loudness above 4.5 kHz, best: 40 to 65 ms (six voices, four languages)."""

VOWELS = frozenset("aeiouyøœɐɑɒæɔəɚɛɜɤɨɪɯʊʌᵊᵻAIOQWYɥ") - {"ɥ"}
GLIDING = frozenset("AIOQWY")
"""Symbols for two vowels in one syllable."""

_LEANS_BACK = frozenset("ːʰʲ→↗↘↓\u0303")
"""Signs that lengthen or colour what stands before them."""
_TONES = frozenset("→↗↘↓")
_STRESS = frozenset("ˈˌ")
_GAPS = frozenset(';:,.!?—…"()“”')
"""A space is none: it belongs to the sound after it."""


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
    """`opens`: a word begins with it."""

    symbol: str
    start: int
    stop: int
    opens: bool

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
    for before, after in pairwise(nuclei):
        cuts.append(_cut(sounds, before + 1, after))
    found = []
    for order, at in enumerate(nuclei):
        begin, vowel = cuts[order], sounds[at]
        stop = cuts[order + 1] if order + 1 < len(nuclei) else len(sounds)
        coda = [sound for sound in sounds[at + 1 : stop] if not sound.is_gap]
        found.append(
            Syllable(
                starts=_heard_s(sounds[begin].start),
                vowel=_heard_s(vowel.start),
                coda=_heard_s(vowel.stop),
                ends=_heard_s((coda[-1] if coda else vowel).stop),
                glides=len([one for one in vowel.symbol if one in VOWELS]) > 1 or vowel.symbol[0] in GLIDING,
            )
        )
    return found


def _heard_s(frame: int) -> float:
    return max(0.0, frame * FRAME_S - LEAD_S)


def _sounds(symbols: str, frames: Sequence[int]) -> Iterator[_Sound]:
    """Sounds and gaps, with the counts of the signs between them.

    Stress belongs to what follows; length and tone to what stands before, and so do Mandarin's diphthongs, which are
    two vowels before a tone. The space before a word is heard as part of its first consonant.
    """
    at = frames[0]
    held: _Sound | None = None
    start, opens = at, True
    for place, (symbol, length) in enumerate(zip(symbols, frames[1:-1], strict=True)):
        at += length
        if symbol == " ":
            opens = True
        if symbol in _STRESS or symbol == " ":
            continue
        leans = symbol in _LEANS_BACK or _joins(symbols, place)
        if held is not None and leans:
            held = held._replace(symbol=held.symbol + symbol, stop=at)
        else:
            if held is not None:
                yield held
            begin = at - length if symbol in _GAPS or (symbol in VOWELS and opens) else start
            held = _Sound(symbol, begin, at, opens)
            opens = symbol in _GAPS
        start = at
    if held is not None:
        yield held


def _joins(symbols: str, place: int) -> bool:
    """Whether the vowel at `place` ends a diphthong written as two: "ai→"."""
    tone = symbols[place + 1 : place + 2]
    return place > 0 and symbols[place] in VOWELS and symbols[place - 1] in VOWELS and tone in _TONES


def _first_heard(sounds: Sequence[_Sound]) -> int:
    return next(at for at, sound in enumerate(sounds) if not sound.is_gap)


def _cut(sounds: Sequence[_Sound], begin: int, vowel: int) -> int:
    """Where, between two vowels, the second one's syllable starts: at its word, else at the last consonant."""
    opening = [at for at in range(begin, vowel + 1) if sounds[at].opens and not sounds[at].is_gap]
    return opening[-1] if opening else max(begin, vowel - 1)
