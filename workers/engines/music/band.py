"""The accompaniment: bass, chords, broken chords and pads, bar by bar from their patterns."""

from collections.abc import Callable, Iterator

from workers.engines.music.notes import Bar, Note
from workers.engines.music.patterns import BASS, BROKEN, STRUCK
from workers.engines.music.theory import Chord

STRIKES = {"X": 98, "x": 78}


def bass(bar: Bar, pattern: str) -> Iterator[Note]:
    if bar.kind == "end":
        yield from _held(bar, "bass", lambda sounding: [sounding.bass(31)], 92)
        return
    low = 28 if pattern in ("sub", "offbeat", "octaves", "root16") else 31
    signs = BASS[pattern if bar.energy > 0.4 else "whole"]
    for step, sign in enumerate(signs):
        if sign in "-.":
            continue
        sounding = bar.chord_at(step)
        root = sounding.bass(low)
        pitch = root + _above(sounding, sign) if sign != "a" else _approach(bar, root, low)
        yield bar.note("bass", step, _length(signs, step) * 0.94, pitch, 100 if step == 0 else 88)


def _above(sounding: Chord, sign: str) -> int:
    third = next((tone for tone in sounding.tones if tone in (2, 3, 4, 5)), 7)
    fifth = next((tone for tone in sounding.tones if tone in (6, 7)), 7)
    return {"R": 0, "8": 12, "3": third, "5": fifth, "6": 9}[sign]


def _approach(bar: Bar, root: int, low: int) -> int:
    """A half step from the next bar's root, from the side that is nearer."""
    target = bar.following_chord.bass(low)
    if target == root:
        return root + 7
    return target + (1 if root > target else -1)


def chords(bar: Bar, part: str, pattern: str, center: int, velocity: float) -> Iterator[Note]:
    """Any accompanying part: struck or broken, by the name of its pattern."""
    if pattern == "none":
        return
    if bar.kind == "end":
        yield from _held(bar, part, lambda sounding: sounding.voiced(center), 80 * velocity)
    elif pattern in BROKEN:
        yield from _broken(bar, part, BROKEN[pattern], center, velocity)
    else:
        yield from _struck(bar, part, pattern, center, velocity)


def pad(bar: Bar, center: int, velocity: float) -> Iterator[Note]:
    yield from _held(bar, "pad", lambda sounding: sounding.voiced(center), 78 * velocity)


def _struck(bar: Bar, part: str, pattern: str, center: int, velocity: float) -> Iterator[Note]:
    how, signs = STRUCK[pattern]
    restruck = {start for start, _ in bar.changes}
    for step, sign in enumerate(signs):
        if sign not in STRIKES and not (step in restruck and pattern in ("swell", "sustain")):
            continue
        length: float = _length(signs, step)
        if pattern in ("swell", "sustain"):
            length = min([start for start in restruck if start > step], default=16) - step
        elif pattern in ("scratch", "skank", "bubble"):
            length = 0.6
        loud = STRIKES.get(sign, 78) * velocity
        sounding = bar.chord_at(step)
        if how == "power":
            root = sounding.bass(center - 20)
            steps = (0, 7, 12) if pattern != "shuffle" else (0, 9 if step % 8 in (4, 6) else 7)
            for above in steps:
                yield bar.note(part, step, length * 0.9, root + above, loud)
            continue
        pitches = sounding.voiced(center)
        if how == "strum":
            pitches = [sounding.bass(center - 18), *pitches]
            down = step % 4 == 0
            for order, pitch in enumerate(pitches if down else reversed(pitches)):
                yield bar.note(part, step + order * 0.07, length, pitch, loud - (0 if down else 8))
        else:
            for pitch in pitches:
                yield bar.note(part, step, length * 0.92, pitch, loud)


def _broken(bar: Bar, part: str, signs: str, center: int, velocity: float) -> Iterator[Note]:
    for step, sign in enumerate(signs):
        if not sign.isdigit() or (len(signs.replace("-", "").replace(".", "")) < 5 and bar.chance.random() < 0.2):
            continue
        pitches = bar.chord_at(step).voiced(center)
        octave, tone = divmod(int(sign), len(pitches))
        stress = 88 if step % 4 == 0 else 74
        yield bar.note(part, step, _length(signs, step) + 0.9, pitches[tone] + 12 * octave, stress * velocity)


def _held(bar: Bar, part: str, voicing: Callable[[Chord], list[int]], velocity: float) -> Iterator[Note]:
    """Each chord of the bar, sounding to the next; the last one of a song lets ring."""
    starts = [start for start, _ in bar.changes] + [16]
    if bar.kind == "end" and bar.within > 1:
        return
    for (start, sounding), stop in zip(bar.changes, starts[1:], strict=True):
        rings = bar.kind == "end" and bar.within == 1
        length = 16 * (bar.of - 1) - 2 if rings else stop - start
        for pitch in voicing(sounding):
            yield bar.note(part, start, length * 0.98, pitch, velocity)


def _length(signs: str, step: int) -> int:
    """The sixteenths a stroke lasts: its own and the `-` after it."""
    held = len(signs[step + 1 :]) - len(signs[step + 1 :].lstrip("-"))
    return 1 + held
