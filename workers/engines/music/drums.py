"""The drummer: the groove of the genre, as strong as the section, with fills where a section leads into the next."""

from collections.abc import Iterator

from workers.engines.music.grooves import FILLS, GROOVES, KEYS, VELOCITY
from workers.engines.music.notes import Bar, Note

DRY = frozenset({"kick", "snare", "rim", "clap", "low", "mid", "high"})
"""Drums that sound in the middle and are mixed apart; the rest (hats, cymbals, shakers) spread with the band."""


def play(bar: Bar) -> Iterator[Note]:
    groove = GROOVES[bar.style.groove]
    if not groove["full"]:
        return
    if bar.kind == "end":
        if bar.within == 0:
            yield from _strokes(bar, groove["light"], 0, 8)
            yield from _strokes(bar, FILLS[0], 8, 16)
        elif bar.within == 1:
            yield from _strokes(bar, {"kick": "X", "crash": "X"}, 0, 1)
        return
    force = "soft" if bar.energy < 0.42 else "light" if bar.energy < 0.7 else "full"
    fill = bar.last and bar.rises
    half = fill or (bar.within % 4 == 3 and bar.energy > 0.6 and bar.chance.random() < 0.25)
    yield from _strokes(bar, groove[force], 0, 8 if half else 16)
    if half:
        chosen = bar.chance.choice(FILLS if fill else FILLS[2:3])
        yield from _strokes(bar, {drum: steps for drum, steps in groove[force].items() if drum == "hat"}, 8, 12)
        yield from _strokes(bar, chosen, 8, 16)
    if bar.within == 0 and bar.energy >= 0.7:
        yield from _strokes(bar, {"crash": "X"}, 0, 1)


def _strokes(bar: Bar, pattern: dict[str, str], start: int, stop: int) -> Iterator[Note]:
    for drum, steps in pattern.items():
        for step, sign in enumerate(steps[start:stop], start) if len(steps) > 1 else [(0, steps)]:
            if sign in VELOCITY and not (sign == "-" and bar.chance.random() < 0.3):
                yield bar.note("drums" if drum in DRY else "cymbals", step, 1, KEYS[drum], VELOCITY[sign])
