"""Which chord sounds when: every section's progression, its turnaround, and the cadence a song ends with."""

from workers.engines.music.plan import Movement, Section
from workers.engines.music.styles import STYLES, family
from workers.engines.music.theory import Chord, chord, rng

Changes = list[tuple[int, Chord]]
"""The chords of one bar: the step (0..15) at which each begins."""

_SHARED = {"chorus": "chorus", "bridge": "bridge", "prechorus": "bridge", "solo": "chorus"}


def changes(movement: Movement, section: Section, bar: int, following: str | None) -> Changes:
    """The chords of bar `bar` of a section; `following` is the kind of the section after it."""
    key = (movement.key + section.lift) % 12
    if section.kind == "end":
        return _at(_cadence(movement, section.bars), bar, key)
    loop = progression(movement, section.kind)
    last = bar == section.bars - 1
    ends_home = loop.split()[bar % len(loop.split())].rsplit("/")[-1].lower().rstrip("79maj") == "i"
    if last and (following == "end" or (following == "chorus" and ends_home)):
        return _at(_dominant(movement), 0, key)
    return _at(loop, bar, key)


def progression(movement: Movement, kind: str) -> str:
    """The loop a kind of section plays. The chorus keeps that of the song's theme, also in an extension."""
    part = _SHARED.get(kind, "verse")
    style = STYLES[movement.genre]
    loops = getattr(family(style, movement.mode, movement.dark), part)
    seed = movement.theme if part == "chorus" else movement.seed
    chosen: str = rng(seed, "progression", part).choice(loops)
    return chosen


def _cadence(movement: Movement, bars: int) -> str:
    """One bar that leads home, then home."""
    tonic = "i" if movement.dark else "I"
    return " ".join([_dominant(movement), *[tonic] * (bars - 1)])


def _dominant(movement: Movement) -> str:
    if movement.mode == "mixolydian":
        return "IV/V"
    if movement.mode in ("yu", "pentatonic"):
        return "iv/v" if movement.dark else "IV/V"
    return "iv/V7" if movement.dark else "IV/V7"


def _at(loop: str, bar: int, key: int) -> Changes:
    bars = loop.split()
    numerals = bars[bar % len(bars)].split("/")
    return [(16 * index // len(numerals), chord(numeral, key)) for index, numeral in enumerate(numerals)]
