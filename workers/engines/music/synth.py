"""Notes to sound: MIDI through a SoundFont, in two passes.

The dry pass packs two single-channel parts into one stereo file: the drums that sit in the middle hard left, the bass
hard right. The other pass is the band in stereo, with the synthesizer's reverb and chorus. Every instrument used for
drums and bass is single-channel in the default SoundFont (measured: under -44 dB on the far side). Two passes cost
half of what one per instrument would, as most of a pass is the reverb.
"""

import importlib.util
import io
import os
import wave
from collections.abc import Iterable
from pathlib import Path

import midirenderer
import mido
import numpy as np
from numpy.typing import NDArray

from storage.errors import EngineFailed
from workers.engines.music.notes import Note
from workers.engines.music.plan import RATE, Movement
from workers.engines.music.styles import STYLES

TICKS = 480
TAIL_S = 4.0
"""How long a movement may ring on after its last bar."""

LEVELS = {
    "lead": -3.0, "harmony": -9.0, "echo": -8.0, "comp": -6.0, "figure": -5.0, "pad": -9.0, "solo": -3.5,
    "bass": -2.0, "drums": 0.0, "cymbals": 1.0,
}  # fmt: skip
"""Fader positions in dB."""

PANS = {"lead": 64, "harmony": 84, "echo": 30, "comp": 46, "figure": 90, "pad": 64, "solo": 70, "cymbals": 64}
CHANNELS = {"lead": 0, "harmony": 1, "echo": 2, "comp": 3, "figure": 4, "pad": 5, "solo": 6, "cymbals": 9}
SENDS = {"lead": 1.0, "harmony": 1.2, "echo": 1.7, "comp": 0.8, "figure": 1.0, "pad": 1.3, "solo": 1.1, "cymbals": 0.5}
"""How much of the genre's reverb each part gets."""

TRIMS = {
    0: 2.5, 1: 2.5, 2: 1.0, 4: -2.0, 5: 2.0, 6: 2.0, 7: 1.0, 9: 1.0, 10: -1.0, 11: -3.5, 12: 2.5, 13: 3.0, 14: -1.0,
    15: 3.0, 16: -1.0, 18: 1.0, 20: -2.0, 22: -2.5, 24: -0.5, 25: 2.5, 26: -1.0, 27: 4.0, 28: 2.0, 29: 0.0, 30: -2.0,
    32: 0.0, 33: 0.0, 34: 1.5, 37: 3.0, 40: -3.5, 42: -4.0, 43: -2.0, 45: 3.0, 46: -4.0, 48: 0.5, 49: 2.0, 50: 2.0,
    52: -0.5, 53: -1.0, 56: 0.0, 57: 0.0, 59: 4.0, 60: -7.0, 61: 3.0, 62: -1.0, 65: -2.5, 66: -1.0, 68: -3.0, 71: -1.5,
    73: -2.5, 75: -0.5, 77: -1.5, 78: -6.0, 79: -5.5, 80: -4.0, 81: -2.0, 84: -2.5, 87: -3.0, 88: -2.0, 89: 4.0,
    90: 1.0, 91: -2.5, 92: -0.5, 94: 1.5, 95: 3.5, 98: -2.0, 99: -2.5, 104: 4.0, 105: 2.5, 106: 4.0, 107: 1.0,
    108: 1.0, 109: -1.5, 110: -2.5,
}  # fmt: skip
"""dB that bring the programs of TimGM6mb to about one loudness; measured on a triad of quarters at velocity 100."""


def soundfont() -> bytes:
    """The bytes of the SoundFont: `GATEWAY_SOUNDFONT`, or the one inside `pretty_midi`, which is not imported."""
    named = os.environ.get("GATEWAY_SOUNDFONT")
    if named:
        path = Path(named)
    else:
        spec = importlib.util.find_spec("pretty_midi")
        if spec is None or spec.origin is None:
            raise EngineFailed("No SoundFont: install pretty_midi, or set GATEWAY_SOUNDFONT to an .sf2 file.")
        path = Path(spec.origin).with_name("TimGM6mb.sf2")
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineFailed("The SoundFont cannot be read.") from error


def dry(font: bytes, movement: Movement, notes: Iterable[Note]) -> NDArray[np.int16]:
    """Shape (2, n): the middle drums, the bass."""
    track = _track(movement)
    kit = STYLES[movement.genre].kit
    _channel(track, 9, kit, LEVELS["drums"], 0, 0, 0)
    _channel(track, 0, movement.programs["bass"], LEVELS["bass"] + TRIMS.get(movement.programs["bass"], 0.0), 127, 0, 0)
    _fill(track, movement, [note for note in notes if note.part in ("drums", "bass")], {"drums": 9, "bass": 0})
    return _render(font, track, movement)


def band(font: bytes, movement: Movement, notes: Iterable[Note]) -> NDArray[np.int16]:
    """Shape (2, n): everything else, left and right."""
    style = STYLES[movement.genre]
    track = _track(movement)
    for part, channel in CHANNELS.items():
        role = {"harmony": "lead", "echo": "lead"}.get(part, part)
        program = style.kit if part == "cymbals" else movement.programs[role]
        trim = 0.0 if part == "cymbals" else TRIMS.get(program, 0.0)
        send = min(127, round(style.mix.reverb * SENDS[part]))
        chorus = style.mix.chorus if part in ("pad", "comp", "figure") else 0
        _channel(track, channel, program, LEVELS[part] + trim, PANS[part], send, chorus)
    _fill(track, movement, [note for note in notes if note.part in CHANNELS], CHANNELS)
    return _render(font, track, movement)


def _track(movement: Movement) -> mido.MidiTrack:
    tempo = round(movement.bar_samples / RATE / 4 * 1e6)
    return mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo)])


def _channel(
    track: mido.MidiTrack, channel: int, program: int, level_db: float, pan: int, reverb: int, chorus: int
) -> None:
    """A MIDI volume is squared by the synthesizer, so 40 log10 of it is dB."""
    volume = min(127, round(120 * 10 ** (level_db / 40)))
    track.append(mido.Message("program_change", channel=channel, program=program))
    for control, value in ((7, volume), (10, pan), (91, reverb), (93, chorus)):
        track.append(mido.Message("control_change", channel=channel, control=control, value=value))


def _fill(track: mido.MidiTrack, movement: Movement, notes: Iterable[Note], channels: dict[str, int]) -> None:
    """Append the notes. A pitch struck again before it ended is ended first, so that no note-off kills the new one."""
    events: list[tuple[int, int, int, int, int]] = []
    sounding: dict[tuple[int, int], int] = {}
    for note in sorted(notes, key=lambda note: (note.at, note.part, note.pitch)):
        channel = channels[note.part]
        start = round(note.at * TICKS)
        stop = max(start + 8, round((note.at + note.length) * TICKS))
        held = sounding.get((channel, note.pitch))
        if held is not None and events[held][0] > start:
            events[held] = (start, *events[held][1:])
        sounding[channel, note.pitch] = len(events)
        events.append((stop, 0, channel, note.pitch, 0))
        events.append((start, 1, channel, note.pitch, note.velocity))
    last = 0
    for at, on, channel, pitch, velocity in sorted(events):
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=at - last))
        last = at
    bar_s = movement.bar_samples / RATE
    end = movement.play * 4 * TICKS + round((TAIL_S + 0.1) / bar_s * 4 * TICKS)
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - last)))


def _render(font: bytes, track: mido.MidiTrack, movement: Movement) -> NDArray[np.int16]:
    """The track as sound, exactly as long as the movement and its tail."""
    file = mido.MidiFile(ticks_per_beat=TICKS, tracks=[track])
    midi = io.BytesIO()
    file.save(file=midi)
    with wave.open(io.BytesIO(midirenderer.render_wave_from(font, midi.getvalue()))) as reader:
        if reader.getframerate() != RATE or reader.getnchannels() != 2:
            raise EngineFailed("The synthesizer did not answer in stereo at 48 kHz.")
        rendered = np.frombuffer(reader.readframes(reader.getnframes()), np.int16).reshape(-1, 2).T
    samples = movement.samples + round(TAIL_S * RATE)
    out = np.zeros((2, samples), np.int16)
    size = min(samples, rendered.shape[1])
    out[:, :size] = rendered[:, :size]
    return out
