"""Scales, chords and seeded chance: the small arithmetic that the rest of the composer speaks in.

Pitches are MIDI note numbers (60 = middle C); pitch classes are 0..11 (0 = C).
"""

import hashlib
import random
import re

import msgspec

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "yu": (0, 3, 5, 7, 10),
}
"""Semitones above the tonic. `yu` is the minor-coloured Chinese pentatonic mode."""

DARK = frozenset({"minor", "dorian", "yu"})
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_NUMERAL = re.compile(r"(b|#)?(iii|ii|iv|i|vii|vi|v|III|II|IV|I|VII|VI|V)(.*)")
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_QUALITIES: dict[str, tuple[int, ...]] = {
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "add9": (0, 4, 7, 14),
    "m7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
    "5": (0, 7),
}


class Chord(msgspec.Struct, frozen=True):
    """`root` is a pitch class, `tones` semitones above it, the root first."""

    root: int
    tones: tuple[int, ...]

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple((self.root + tone) % 12 for tone in self.tones)

    def voiced(self, center: int, *, most: int = 4) -> list[int]:
        """The chord's tones, each in the octave around `center`: neighbouring chords then move by small steps."""
        return sorted(center - 6 + (pitch_class - center + 6) % 12 for pitch_class in self.classes[:most])

    def bass(self, low: int) -> int:
        """The root, in the octave from `low` up."""
        return low + (self.root - low) % 12


def rng(*names: object) -> random.Random:
    """Chance that depends on `names` alone: the same names give the same numbers on every machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, names)).encode(errors="replace"), digest_size=16).digest()
    return random.Random(int.from_bytes(digest))


def chord(numeral: str, key: int) -> Chord:
    """The chord a Roman numeral names in `key`: degrees count in the major scale, flats and sharps are written out.

    "vi7" is a minor seventh, "bVII" a major chord a whole tone below the tonic, "V7" a dominant seventh.
    """
    match = _NUMERAL.fullmatch(numeral)
    if match is None:
        raise ValueError(f"not a chord: {numeral}")
    accidental, degree, quality = match.groups()
    root = key + _DEGREES[degree.lower()] + {"b": -1, "#": 1, None: 0}[accidental]
    third = 3 if degree.islower() else 4
    by_case = {"": (0, third, 7), "7": (0, third, 7, 10), "9": (0, third, 7, 10, 14)}
    return Chord(root % 12, by_case.get(quality) or _QUALITIES[quality])


def pitches(key: int, mode: str, low: int, high: int) -> list[int]:
    """Every pitch of the scale from `low` to `high`, rising."""
    classes = {(key + step) % 12 for step in SCALES[mode]}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def key_name(key: int, mode: str) -> str:
    return f"{NAMES[key % 12]} {mode}"
