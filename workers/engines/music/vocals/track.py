"""The vocal track of a movement: its sung lines at their places, dry; then what makes it sit in the mix.

All lines are laid down, also those of bars that are not played: a line's first consonants sound before its bar, so
before a cut as well. Behind the cut the track is faded out.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec.structs import replace

from workers.engines.music import effects
from workers.engines.music.compose import Phrase, sung
from workers.engines.music.effects import Signal
from workers.engines.music.plan import RATE, Line, Movement, Plan
from workers.engines.music.vocals import voice
from workers.engines.music.vocals.laying import Sung, lay
from workers.engines.music.vocals.recordings import Recording
from workers.engines.music.vocals.speaking import Key
from workers.engines.music.vocals.syllables import FRAME_S, syllables

Recordings = Mapping[Key, Recording | None]

PREROLL_S = 0.3
"""The most by which a line's consonants come before its bar."""

_CUT_S = 0.12

_EARLY = (
    ((17.1, 0.22), (28.7, -0.18), (43.9, 0.15), (61.3, -0.12), (89.7, 0.1), (127.1, -0.08)),
    ((14.3, 0.22), (33.1, -0.18), (47.9, 0.15), (67.7, -0.12), (83.3, 0.1), (139.7, -0.08)),
)
_LATE = ((31.7, 0.45), (71.9, 0.35), (113.3, 0.25), (181.9, 0.18))
"""Reflections of the vocal's room, (ms, gain): the late ones of the early ones, so that there are thirty."""


def lines_of(plan: Plan, first: int) -> list[Key]:
    """What has to be spoken for the movements from number `first` on."""
    lines = [line for part in plan.movements[first:] for section in part.sections for line in section.lines]
    return [(line.vocal.symbols, line.vocal.voice) for line in lines if line.vocal]


def dry(movement: Movement, recordings: Recordings, samples: int, report: Callable[[float], None]) -> Signal:
    """The lines alone, mono, `samples` long. `report` gets the share that is done, at every line."""
    track = np.zeros(samples, np.float32)
    phrases = list(sung(movement))
    made: dict[tuple[object, ...], tuple[float, Signal]] = {}
    for number, phrase in enumerate(phrases):
        start = phrase.bars[0].number * movement.bar_samples
        if start - PREROLL_S * RATE < min(samples, movement.samples + _CUT_S * RATE):
            _lay_down(track, movement, phrase, recordings, made)
        report((number + 1) / len(phrases))
    return _cut(track, movement)


def _lay_down(
    track: Signal,
    movement: Movement,
    phrase: Phrase,
    recordings: Recordings,
    made: dict[tuple[object, ...], tuple[float, Signal]],
) -> None:
    """Add a line to the track. One that comes again on the same notes is made once."""
    vocal = phrase.line.vocal
    recording = recordings.get((vocal.symbols, vocal.voice)) if vocal else None
    if vocal is None or recording is None:
        return
    start = phrase.bars[0].number * movement.bar_samples
    notes = list(notes_of(movement, phrase))
    earliest = max(-PREROLL_S, -start / RATE)
    key = (vocal, *notes, earliest)
    if key not in made:
        made[key] = _sound(recording, notes, earliest, spoken=vocal.spoken)
    begins, sound = made[key]
    at = max(0, start + round(begins * RATE))
    part = sound[: len(track) - at]
    track[at : at + len(part)] += part


def _sound(recording: Recording, notes: list[Sung], earliest: float, *, spoken: bool) -> tuple[float, Signal]:
    found = syllables(recording.symbols, recording.frames)
    laid = lay(found, notes, earliest)
    samples = np.frombuffer(recording.pcm, "<i2")
    analysed = voice.analysed(samples, voice.sonorant(recording.symbols, recording.frames, FRAME_S))
    return voice.sung(analysed, laid, None if spoken else notes)


def notes_of(movement: Movement, phrase: Phrase) -> Iterator[Sung]:
    """The tones of a line in seconds from its bar line; each sounds until the next one, if that is near."""
    beat_s = movement.bar_samples / RATE / 4
    first = phrase.bars[0].number * 4
    for tone in phrase.tones:
        begin, end = (_beat(phrase, step) - first for step in (tone.at, tone.at + tone.length))
        yield Sung(begin * beat_s, (end - begin) * beat_s, tone.pitch)


def _beat(phrase: Phrase, step: int) -> float:
    bar = phrase.bars[min(step // 16, len(phrase.bars) - 1)]
    return bar.beat(step - (bar.number - phrase.bars[0].number) * 16)


def _cut(track: Signal, movement: Movement) -> Signal:
    if movement.play < movement.bars:
        stop, fade = movement.samples, round(_CUT_S * RATE)
        ramp = np.linspace(1, 0, fade, dtype=np.float32)
        part = track[stop : stop + fade]
        part *= ramp[: len(part)]
        track[stop + fade :] = 0
    return track


def produced(track: Signal, bar_samples: int, wet: float) -> tuple[Signal, Signal]:
    """Left and right: evened out, clear, in a room, with an echo on the beat. Looks only backwards."""
    clear = effects.shelf(effects.high_pass(track, 100), 3000, 4.0)
    clear *= effects.compressor(clear, clear, -20.0, 3.0)
    clear = effects.saturate(clear, 0.6)
    dull = effects.low_pass(effects.high_pass(clear, 250), 5000)
    beat_ms = bar_samples / RATE / 4 * 1000
    echo = effects.echoes(dull, ((beat_ms * 0.75, 0.16), (beat_ms * 1.5, 0.08)))
    sides = []
    for taps in _EARLY:
        early = effects.echoes(dull, taps)
        sides.append(clear + np.float32(wet) * (early + effects.echoes(early, _LATE)) + echo)
    return sides[0], sides[1]


def played(plan: Plan, first: int, recordings: Recordings, why: str) -> Plan:
    """The plan with the lead instrument for every line that has no recording, in its movements from `first` on."""

    def told(line: Line) -> Line:
        if line.vocal is None or recordings.get((line.vocal.symbols, line.vocal.voice)) is not None:
            return line
        return replace(line, vocal=None, unsung=why)

    movements = [
        replace(part, sections=[replace(one, lines=[told(line) for line in one.lines]) for one in part.sections])
        for part in plan.movements[first:]
    ]
    return replace(plan, movements=[*plan.movements[:first], *movements])
