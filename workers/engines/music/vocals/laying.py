"""Where a line's syllables come to lie: each vowel begins on its note, its consonants before it, as singers do it.

The result is a map in knots, from seconds of the song to seconds of the recording. Consonants keep their length where
the notes leave room for it; vowels are held in their middle.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from workers.engines.music.vocals.syllables import Syllable

VOWEL_SHARE = 0.5
"""The part of the time between two vowels that the first of them keeps, whatever consonants stand between."""

_LONGEST_ONSET_S = 0.28
_GAP_S = 0.05
"""A rest between notes shorter than this is sung over."""


class Sung(NamedTuple):
    """A note as it is sung. Seconds from the start of the line."""

    at: float
    length: float
    pitch: float


class Knot(NamedTuple):
    """`at` of the song is `source` of the recording. `jumps`: silence from here to the next knot."""

    at: float
    source: float
    jumps: bool = False


class Laid(NamedTuple):
    """`knots` rise in both. `vowels`: when each syllable's vowel begins and ends in the song."""

    knots: list[Knot]
    vowels: list[tuple[float, float]]


def lay(syllables: Sequence[Syllable], notes: Sequence[Sung], earliest: float) -> Laid:
    """Both not empty. Nothing sounds before `earliest`, which may be negative."""
    places = fitted(notes, len(syllables))
    syllables = _joined(syllables)
    first = syllables[0]
    onset = min(first.vowel - first.starts, _LONGEST_ONSET_S, max(0.0, places[0][0] - earliest))
    knots = [Knot(places[0][0] - onset, first.starts)]
    vowels = []
    for order, (syllable, (at, stop)) in enumerate(zip(syllables, places, strict=True)):
        after = places[order + 1][0] if order + 1 < len(places) else None
        following = syllables[order + 1] if order + 1 < len(syllables) else None
        coda, onset = _room(syllable, following, at, after)
        rests = after is None or after - onset - stop > _GAP_S
        release = stop if rests or after is None else after - onset
        vowel_stop = max(at + 0.3 * (release - at), release - coda)
        knots += _vowel(syllable, at, vowel_stop)
        vowels.append((at, vowel_stop))
        knots.append(Knot(release, syllable.ends, jumps=rests or _parts(syllable, following)))
        if following is not None and after is not None and (rests or _parts(syllable, following)):
            knots.append(Knot(after - onset, following.starts))
    return Laid(_rising(knots), vowels)


def _joined(syllables: Sequence[Syllable]) -> list[Syllable]:
    """Each up to the next, unless the speaker made a pause between the two."""
    return [
        one if _parts(one, other) or other is None else one._replace(ends=other.starts)
        for one, other in zip(syllables, [*syllables[1:], None], strict=True)
    ]


def fitted(notes: Sequence[Sung], count: int) -> list[tuple[float, float]]:
    """When each of `count` syllables begins and ends: a note each; too few notes are parted, of too many the last
    ones are sung on the last syllable."""
    spans = [(note.at, note.at + note.length) for note in notes]
    while len(spans) < count:
        longest = max(range(len(spans)), key=lambda at: spans[at][1] - spans[at][0])
        start, stop = spans[longest]
        spans[longest : longest + 1] = [(start, (start + stop) / 2), ((start + stop) / 2, stop)]
    if len(spans) > count:
        spans[count - 1 :] = [(spans[count - 1][0], spans[-1][1])]
    return spans


def _room(syllable: Syllable, following: Syllable | None, at: float, after: float | None) -> tuple[float, float]:
    """Seconds for the consonants behind a vowel and for those before the next one."""
    coda = syllable.ends - syllable.coda
    onset = min(_LONGEST_ONSET_S, following.vowel - following.starts) if following else 0.0
    if after is None or coda + onset == 0:
        return coda, onset
    scale = min(1.0, (1 - VOWEL_SHARE) * (after - at) / (coda + onset))
    return coda * scale, onset * scale


def _parts(syllable: Syllable, following: Syllable | None) -> bool:
    """Whether the speaker made a pause between the two."""
    return following is not None and following.starts - syllable.ends > _GAP_S * 1.6


def _vowel(syllable: Syllable, at: float, stop: float) -> list[Knot]:
    """A vowel's beginning and end as they were spoken, its middle held; one that glides does so at its end."""
    begin, spoken, held = syllable.vowel, syllable.coda - syllable.vowel, stop - at
    if held <= spoken:
        return [Knot(at, begin), Knot(stop, syllable.coda)]
    early, late = (0.35, 0.55) if syllable.glides else (0.35, 0.3)
    return [
        Knot(at, begin),
        Knot(at + early * spoken, begin + early * spoken),
        Knot(stop - late * spoken, syllable.coda - late * spoken),
        Knot(stop, syllable.coda),
    ]


def _rising(knots: Sequence[Knot]) -> list[Knot]:
    """Without knots that fall together or fall back by a rounding."""
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot.at > kept[-1].at + 1e-6 and knot.source >= kept[-1].source - 1e-6:
            kept.append(knot)
        elif knot.jumps:
            kept[-1] = kept[-1]._replace(jumps=True)
    return kept


def spans(laid: Laid) -> list[tuple[Knot, Knot]]:
    """The stretches that sound, as pairs of knots."""
    return [(one, other) for one, other in pairwise(laid.knots) if not one.jumps]
