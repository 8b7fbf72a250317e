"""A recording sung: its spectrum and breath kept, its time and pitch replaced, by the vocoder WORLD.

Source: Morise, Yokomori and Ozawa, "WORLD", IEICE Transactions E99-D, 2016; its parts DIO, StoneMask, CheapTrick, D4C.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.engines.music.plan import RATE
from workers.engines.music.vocals.laying import Laid, Sung, spans
from workers.engines.music.vocals.syllables import VOWELS

Values = NDArray[np.float64]

VOICE_RATE = 24_000
PERIOD_S = 0.005
"""Between two frames of the vocoder."""

GLIDE_S = 0.07
VIBRATO_HZ, VIBRATO_SEMITONES = 5.4, 0.28
_VIBRATO_AFTER_S, _VIBRATO_GROWS_S = 0.28, 0.3
_SCOOP_SEMITONES = 0.7
"""How far below its note a line begins."""

_LOWEST_HZ, _HIGHEST_HZ = 60.0, 520.0
"""Of the speaker."""

_SONORANT = VOWELS | frozenset("mnŋɲɳɴlɹrɾɻjwɥʎɰʋʁ")
_EDGE_S = 0.012
_LOUDNESS = 0.1
"""The level of what sounds of a line, root of the mean square."""


class Analysed(NamedTuple):
    """A recording, frame by frame. `f0` is 0 where there is no voice; shapes (n,), (n, bins), (n, bins)."""

    f0: Values
    spectrum: Values
    breath: Values


def analysed(samples: NDArray[np.int16], voiced: Sequence[tuple[float, float]]) -> Analysed:
    """`voiced`: seconds in which there is voice, whatever the pitch detector thinks."""
    world: Any = import_module("pyworld")
    x = samples.astype(np.float64) / 32768
    period_ms = PERIOD_S * 1000
    f0, times = world.dio(x, VOICE_RATE, _LOWEST_HZ, _HIGHEST_HZ, frame_period=period_ms, allowed_range=0.2)
    f0 = world.stonemask(x, f0, times, VOICE_RATE)
    found = np.flatnonzero(f0)
    if found.size:
        forced = np.zeros(len(f0), bool)
        for start, stop in voiced:
            forced[round(start / PERIOD_S) : round(stop / PERIOD_S)] = True
        filled = np.interp(np.arange(len(f0)), found, f0[found])
        f0 = np.where(forced & (f0 == 0), filled, f0)
    spectrum = world.cheaptrick(x, f0, times, VOICE_RATE)
    breath = world.d4c(x, f0, times, VOICE_RATE)
    return Analysed(f0, spectrum, _with_voice(f0, breath))


def _with_voice(f0: Values, breath: Values) -> Values:
    """Frames that have a pitch and were yet taken for noise get the breath of the nearest that was not."""
    noise = breath[:, 0] > 0.99
    good = np.flatnonzero((f0 > 0) & ~noise)
    bad = np.flatnonzero((f0 > 0) & noise)
    if good.size and bad.size:
        right = np.clip(np.searchsorted(good, bad), 0, good.size - 1)
        left = np.clip(right - 1, 0, good.size - 1)
        nearer = np.where(abs(good[left] - bad) < abs(good[right] - bad), good[left], good[right])
        breath[bad] = breath[nearer]
    return breath


def sonorant(symbols: str, frames: Sequence[int], frame_s: float) -> list[tuple[float, float]]:
    """The seconds of the symbols that are always voiced, and of the signs that lean on them."""
    found, at, last = [], frames[0], False
    for symbol, length in zip(symbols, frames[1:-1], strict=True):
        last = symbol in _SONORANT or (last and symbol in "ː→↗↘↓\u0303")
        if last:
            found.append((at * frame_s, (at + length) * frame_s))
        at += length
    return found


def sung(recording: Analysed, laid: Laid, notes: Sequence[Sung] | None) -> tuple[float, NDArray[np.float32]]:
    """When the sound begins (seconds from the start of the line), and the sound: mono, 48 kHz, of one loudness.

    Without `notes` it keeps the speaker's own pitch: spoken in rhythm.
    """
    world: Any = import_module("pyworld")
    begins, ends = laid.knots[0].at, laid.knots[-1].at
    count = max(2, int((ends - begins + 0.04) / PERIOD_S))
    times: Values = np.asarray(begins + np.arange(count) * PERIOD_S, np.float64)
    source, gain = _sources(laid, times)
    f0 = _taken(recording.f0[:, None], source)[:, 0]
    voiced = recording.f0[np.clip(np.rint(source).astype(int), 0, len(recording.f0) - 1)] > 0
    if notes is not None:
        f0 = melody_hz(notes, times)
    spectrum = np.ascontiguousarray(np.exp(_taken(np.log(recording.spectrum + 1e-16), source)) * gain[:, None] ** 2)
    breath = np.ascontiguousarray(np.clip(_taken(recording.breath, source), 0.001, 1.0))
    y = world.synthesize(np.where(voiced, f0, 0.0), spectrum + 1e-16, breath, VOICE_RATE, PERIOD_S * 1000)
    return begins, doubled(_levelled(y))


def _sources(laid: Laid, times: Values) -> tuple[Values, Values]:
    """For each moment of the song the frame of the recording, and how much of it is heard: nothing in a rest."""
    source, gain = np.zeros(len(times)), np.zeros(len(times))
    for one, other in spans(laid):
        inside = (times >= one.at) & (times < other.at)
        share = (times[inside] - one.at) / (other.at - one.at)
        source[inside] = (one.source + share * (other.source - one.source)) / PERIOD_S
        gain[inside] = 1.0
    width = round(2 * _EDGE_S / PERIOD_S) | 1
    kernel = np.hanning(width + 2)[1:-1]
    smooth = np.convolve(gain, kernel / kernel.sum(), "same")
    held = np.maximum.accumulate(np.where(gain > 0, np.arange(len(gain)), 0))
    return source[held], smooth


def _taken(rows: Values, places: Values) -> Values:
    low = np.clip(np.floor(places).astype(int), 0, len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (places - low)[:, None]
    taken: Values = rows[low] * (1 - share) + rows[high] * share
    return taken


def melody_hz(notes: Sequence[Sung], times: Values) -> Values:
    """The pitch of a line at each moment: from note to note in a glide, the long ones with a little vibrato."""
    pitch = np.full(len(times), float(notes[0].pitch))
    wave = np.zeros(len(times))
    for before, note in zip([notes[0], *notes], notes, strict=False):
        share = np.clip((times - note.at + 0.7 * GLIDE_S) / GLIDE_S, 0, 1)
        pitch += (note.pitch - before.pitch) * share * share * (3 - 2 * share)
        inside = (times >= note.at) & (times < note.at + note.length)
        since = times[inside] - note.at
        grown = np.clip((since - _VIBRATO_AFTER_S) / _VIBRATO_GROWS_S, 0, 1)
        wave[inside] = grown * np.sin(2 * np.pi * VIBRATO_HZ * since)
    scoop = np.clip(1 - (times - notes[0].at) / GLIDE_S, 0, 1)
    hz: Values = 440 * 2 ** ((pitch + VIBRATO_SEMITONES * wave - _SCOOP_SEMITONES * scoop - 69) / 12)
    return hz


def _levelled(y: Values) -> Values:
    """One loudness for every line: that of its louder half."""
    frames = y[: len(y) // 240 * 240].reshape(-1, 240)
    power = np.sort((frames**2).mean(axis=1))
    heard = power[len(power) // 2 :]
    level = float(np.sqrt(heard.mean())) if heard.size else 0.0
    return y * (_LOUDNESS / level) if level > 1e-9 else y * 0


_TAPS = 31


def doubled(y: Values) -> NDArray[np.float32]:
    """At 48 kHz: a zero between any two samples, and a low-pass at half the old rate."""
    if RATE != 2 * VOICE_RATE:
        raise ValueError("the song's rate is twice the voice's")
    spread = np.zeros(2 * len(y))
    spread[::2] = y
    at = np.arange(-_TAPS, _TAPS + 1)
    kernel = np.sinc(at / 2) * np.hamming(2 * _TAPS + 1)
    out: NDArray[np.float32] = np.convolve(spread, kernel, "same").astype(np.float32)
    return out
