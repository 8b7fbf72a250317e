"""From the synthesizer's stems to the finished sound of a song, movement by movement.

Nothing here depends on how long a clip is: levels are fixed by the genre, effects look only backwards, and the last
step on the sum of all movements, a soft clip, looks at one sample alone.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workers.engines.music import effects, synth
from workers.engines.music.compose import score
from workers.engines.music.effects import Signal
from workers.engines.music.grooves import KEYS
from workers.engines.music.notes import Note
from workers.engines.music.plan import RATE, Movement, Plan
from workers.engines.music.styles import STYLES, Mix
from workers.engines.music.theory import rng
from workers.engines.music.vocals import track
from workers.engines.music.vocals.track import Recordings

CHUNK = 5 * RATE
FADE_S = 1.5
"""The fade at the end of a song, and that of a movement which another takes over from."""

ROOM = (
    ((11.3, 0.5), (19.7, -0.42), (31.1, 0.36), (47.3, -0.27), (61.0, 0.2), (83.9, 0.12)),
    ((13.7, 0.5), (23.3, 0.42), (29.9, -0.36), (43.1, 0.27), (67.3, -0.2), (79.1, 0.12)),
)
"""Reflections of the drum room, left and right: (ms, gain), spaced without a common factor."""


VOCAL_DB = 2.5
"""How loud the voice is, in every genre the same: what the genre's gain adds or takes is made up for."""

SUNG_DB = -1.0
"""What a song that is sung is softer by in the end: voice and band together are louder than the band."""

UNDER_DB = -38.0
UNDER, UNDER_MIDS = 1.25, 2.5
"""The band makes way for the voice: a compressor that hears only the voice, above UNDER_DB at these ratios, one for all
of the band and one for its middle, where words are made out."""


def render(
    font: bytes, plan: Plan, start: int, report: Callable[[float], None], recordings: Recordings | None = None
) -> Iterator[NDArray[np.int16]]:
    """The song from sample `start` to its end, in chunks of shape (n, 2). `report` gets the samples rendered, 0..1.

    `recordings` are those of all lines that have a singer, in every movement that still sounds at `start`. The same
    samples come out whatever `start` is. Movements that are silent by then are not rendered.
    """
    at = 0
    ringing = np.zeros((2, 0), np.float32)
    heard_from = first_heard(plan, start)
    for number, movement in enumerate(plan.movements):
        stop = at + movement.samples
        if number >= heard_from:
            done = max(0, at - start) / (plan.samples - start)
            share = max(0, stop - max(at, start)) / (plan.samples - start)
            sound = _added(_movement(font, movement, recordings or {}, partial(_part_of, report, done, share)), ringing)
            ringing = sound[:, movement.samples :].copy()
            yield from _chunks(sound[:, max(0, start - at) : movement.samples])
        at = stop


def _part_of(report: Callable[[float], None], done: float, share: float, part: float) -> None:
    report(done + share * part)


def _added(sound: NDArray[np.float32], ringing: NDArray[np.float32]) -> NDArray[np.float32]:
    size = min(sound.shape[1], ringing.shape[1])
    sound[:, :size] += ringing[:, :size]
    return sound


def _chunks(sound: NDArray[np.float32]) -> Iterator[NDArray[np.int16]]:
    for at in range(0, sound.shape[1], CHUNK):
        part = effects.soft_clip(sound[:, at : at + CHUNK]) * np.float32(31_500)
        yield np.ascontiguousarray(np.rint(part).astype(np.int16).T)


def first_heard(plan: Plan, start: int) -> int:
    """The number of the first movement that still sounds at sample `start`."""
    stop = 0
    for number, movement in enumerate(plan.movements):
        stop += movement.samples
        if stop + round(synth.TAIL_S * RATE) > start:
            return number
    return len(plan.movements)


def _movement(
    font: bytes, movement: Movement, recordings: Recordings, report: Callable[[float], None]
) -> NDArray[np.float32]:
    """One movement, mixed, with its tail: shape (2, n)."""
    mix = STYLES[movement.genre].mix
    notes = score(movement)
    report(0.05)
    drums, bass = synth.dry(font, movement, notes)
    report(0.3)
    left, right = synth.band(font, movement, notes)
    report(0.7)
    vocal = None
    if any(line.vocal for section in movement.sections for line in section.lines):
        lines = track.dry(movement, recordings, len(left), partial(_part_of, report, 0.7, 0.15))
        vocal = track.produced(lines, movement.bar_samples, 0.6 * mix.reverb / 127)
    sound = _balanced(movement, mix, notes, drums, bass, left, right, vocal)
    report(1.0)
    return sound


def _balanced(
    movement: Movement,
    mix: Mix,
    notes: Sequence[Note],
    drums: NDArray[np.int16],
    bass: NDArray[np.int16],
    left: NDArray[np.int16],
    right: NDArray[np.int16],
    vocal: tuple[Signal, Signal] | None,
) -> NDArray[np.float32]:
    sides = [_coloured(_scaled(channel, mix.band), mix) for channel in (left, right)]
    _widen(sides, mix.width)
    if mix.duck:
        gain = effects.pump(len(left), _kicks(movement, notes), mix.duck)
        sides = [side * gain for side in sides]
    low = effects.saturate(effects.high_pass(_scaled(bass, mix.bass + 1.0), 32), 0.3 + 0.5 * mix.drive)
    crisp = effects.shelf(_scaled(drums, mix.drums + 1.0), 3000, 4.0 if mix.shelf > 0 else -3.0)
    beat = effects.saturate(crisp, mix.drive)
    dull = effects.low_pass(beat, 4500)
    for side, taps in zip(sides, ROOM, strict=True):
        side += low
        side += beat
        side += np.float32(mix.room) * effects.echoes(dull, taps)
    del low, beat, dull
    level_db = mix.gain + 9.0
    if vocal is not None:
        _sing(sides, vocal, VOCAL_DB - mix.gain)
        level_db += SUNG_DB
    gain = effects.compressor(sides[0], sides[1], -17.0, 2.5) * np.float32(10 ** (level_db / 20))
    gain *= _fade(movement, len(gain))
    if mix.crackle:
        _crackle(movement, sides, mix.crackle)
    return np.stack([side * gain for side in sides])


def _scaled(channel: NDArray[np.int16], level_db: float) -> Signal:
    return channel.astype(np.float32) * np.float32(10 ** (level_db / 20) / 32768)


def _coloured(side: Signal, mix: Mix) -> Signal:
    """The band: room for the bass below, and the treble that the SoundFont lacks."""
    clear = effects.shelf(effects.high_pass(side, 110), 2500, mix.shelf)
    if mix.air:
        edge = effects.high_pass(clear, 3500)
        clear += np.float32(mix.air * 0.35) * effects.soft_clip(edge * np.float32(9)) * np.float32(0.25)
    return effects.saturate(clear, mix.drive * 0.5)


def _sing(sides: list[Signal], vocal: tuple[Signal, Signal], level_db: float) -> None:
    """Add the voice; the band steps back under it."""
    under = effects.compressor(vocal[0], vocal[1], UNDER_DB, UNDER)
    mids = effects.compressor(vocal[0], vocal[1], UNDER_DB, UNDER_MIDS)
    for side, voice in zip(sides, vocal, strict=True):
        middle = effects.high_pass(effects.low_pass(side, 4500), 450)
        side -= middle
        side *= under
        side += middle * mids
        side += np.float32(10 ** (level_db / 20)) * voice


def _widen(sides: list[Signal], width: float) -> None:
    apart = (sides[0] - sides[1]) * np.float32(width / 2)
    sides[0] += apart
    sides[1] -= apart


def _kicks(movement: Movement, notes: Sequence[Note]) -> list[int]:
    beat = movement.bar_samples / 4
    return [round(note.at * beat) for note in notes if note.part == "drums" and note.pitch == KEYS["kick"]]


def _fade(movement: Movement, n: int) -> Signal:
    """Full until the end; then down. A cut movement fades under what follows it, a whole one ends in silence."""
    fade = round(FADE_S * RATE)
    last = movement.bars * movement.bar_samples
    gain = np.ones(n, np.float32)
    for stop in (last, movement.samples + fade):
        begin = stop - fade
        if begin < n:
            ramp = np.linspace(1, 0, fade, dtype=np.float32)[: n - begin]
            gain[begin : begin + fade] *= ramp * ramp * (3 - 2 * ramp)
            gain[begin + fade :] = 0
    return gain


def _crackle(movement: Movement, sides: list[Signal], amount: float) -> None:
    """The dust of an old record: clicks and a little hiss, each bar's from its own seed."""
    for bar in range(movement.play):
        noise = np.random.default_rng(rng(movement.seed, "dust", bar).getrandbits(64))
        begin = bar * movement.bar_samples
        for side in sides:
            part = side[begin : begin + movement.bar_samples]
            part += noise.standard_normal(len(part), np.float32) * np.float32(0.0006 * amount)
            clicks = noise.integers(0, len(part), 14)
            part[clicks] += (noise.random(14, np.float32) - np.float32(0.5)) * np.float32(0.06 * amount)
