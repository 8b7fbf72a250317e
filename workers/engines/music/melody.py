"""Melodies that can be sung: one note per syllable, phrases that arch and close, chord tones where the beat is strong.

A phrase is drawn from the seed of its place (song, kind of section, which line), not from the clip, so every chorus
brings the same tune back and a line with as many syllables gets the very same notes.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from workers.engines.music.harmony import Changes
from workers.engines.music.plan import Line
from workers.engines.music.theory import Chord, pitches, rng

STEPS = 16


class Tone(msgspec.Struct, frozen=True):
    """`at` and `length` in sixteenths from the start of the phrase."""

    at: int
    length: int
    pitch: int
    stress: float


class Voice(msgspec.Struct, frozen=True):
    """What a phrase is sung in: the scale and the middle of the register."""

    key: int
    mode: str
    center: int


CONTOURS = {
    "arch": (-2.0, 2.5, -1.0),
    "rise": (-2.5, 0.0, 3.0),
    "fall": (3.0, 0.5, -2.5),
    "wave": (0.0, 2.5, 0.5),
    "valley": (2.0, -1.5, 1.0),
}
"""Scale steps from the middle of the register at the start, the middle and the end of a phrase."""


def phrase(line: Line, bars: Sequence[Changes], voice: Voice, names: Sequence[object], *, closes: bool) -> list[Tone]:
    """The tones of one line. `names` seed it; `closes` makes it end at rest, on the root or third of its chord."""
    motif = rng("motif", *names)
    contour = CONTOURS[motif.choice(sorted(CONTOURS))]
    times = rhythm(line.syllables, line.bars * STEPS, [*names, "rhythm"])
    scale = pitches(voice.key, voice.mode, voice.center - 9, voice.center + 10)
    tones: list[Tone] = []
    before: list[int] = []
    for index, (at, length) in enumerate(times):
        last = index == len(times) - 1
        sounding = chord_at(bars, at)
        strong = last or at % 4 == 0 or length >= 4
        aim = voice.center + 1.7 * _bent(contour, at / (line.bars * STEPS)) + motif.uniform(-1.2, 1.2)
        pitch = _best(scale, sounding, aim, before, strong=strong, close=last and closes)
        before.append(pitch)
        tones.append(Tone(at, length, pitch, 1.0 if at % 8 == 0 else 0.85 if at % 4 == 0 else 0.7))
    return tones


def rhythm(count: int, steps: int, names: Sequence[object]) -> list[tuple[int, int]]:
    """When `count` syllables come within `steps` sixteenths, and for how long: even, then bent, with room to breathe.

    Eighths where there is room, sixteenths where there is not. The last one is held.
    """
    chance = rng(*names)
    unit = 2 if count <= steps // 2 - 2 else 1
    slots = steps // unit
    count = min(count, slots)
    breath = min(slots - count, max(1, slots // 5)) if slots > count else 0
    lead_in = 1 if slots - count - breath > 2 and chance.random() < 0.35 else 0
    held = min(slots - count - lead_in + 1, max(1, slots // 4))
    body = slots - lead_in - max(held, breath)
    lengths = _spread(count - 1, max(count - 1, body))
    for at in range(0, len(lengths) - 1, 2):
        if chance.random() < 0.6:
            low = 1 if chance.random() < 0.5 else 0
            if lengths[at + low] > 1:
                lengths[at + low] -= 1
                lengths[at + 1 - low] += 1
    times = []
    at = lead_in
    for length in lengths:
        times.append((at * unit, length * unit))
        at += length
    times.append((at * unit, max(1, min(held, slots - at)) * unit))
    return times


def chord_at(bars: Sequence[Changes], step: int) -> Chord:
    bar = bars[min(step // STEPS, len(bars) - 1)]
    return [sounding for start, sounding in bar if start <= step % STEPS][-1]


def _spread(count: int, slots: int) -> list[int]:
    """`slots` in `count` whole parts, as even as can be, none longer than four: what is over stays silent."""
    edges = [min(slots, 4 * count) * index // count for index in range(count + 1)] if count else [0]
    return [after - before for before, after in pairwise(edges)]


def _bent(contour: tuple[float, float, float], x: float) -> float:
    start, middle, end = contour
    return start + (middle - start) * 2 * x if x < 0.5 else middle + (end - middle) * (2 * x - 1)


def _best(scale: Sequence[int], chord: Chord, aim: float, before: Sequence[int], *, strong: bool, close: bool) -> int:
    classes = chord.classes
    outside = {pitch_class for pitch_class in classes if pitch_class not in {pitch % 12 for pitch in scale}}
    fitting = [pitch for pitch in scale if pitch % 12 in classes or not {(pitch + 1) % 12, (pitch - 1) % 12} & outside]
    if strong:
        tones = classes[:2] if close else classes[:3]
        low, high = scale[0], scale[-1]
        fitting = [pitch for pitch in range(low, high + 1) if pitch % 12 in tones] or fitting

    def cost(pitch: int) -> float:
        far = abs(pitch - aim)
        if not before:
            return far
        leap = abs(pitch - before[-1])
        same = 1.6 if leap == 0 else 0.0
        stuck = 2.5 if len(before) > 1 and before[-1] == before[-2] == pitch else 0.0
        return far + max(0.0, leap - 2.0) * 1.1 + same + stuck + (4.0 if leap > 7 else 0.0)

    return min(fitting, key=cost)
