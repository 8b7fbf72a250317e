"""Chord progressions by colour of genre: Roman numerals, one a bar; "ii7/V7" puts two in a bar, `|` parts choices."""

import msgspec


class Harmony(msgspec.Struct, frozen=True):
    """Progressions to choose from, for the parts of a song that are told apart by their chords."""

    verse: tuple[str, ...]
    chorus: tuple[str, ...]
    bridge: tuple[str, ...]


def _harmony(verse: str, chorus: str, bridge: str) -> Harmony:
    return Harmony(*(tuple(part.strip() for part in text.split("|")) for text in (verse, chorus, bridge)))


POP_MAJOR = _harmony(
    "I V vi IV | I vi IV V | I iii IV V | vi IV I V",
    "IV I V vi | I V vi IV | vi IV I V | IV V iii vi",
    "vi iii IV V | ii IV vi V | IV V vi I",
)
POP_MINOR = _harmony(
    "i bVI bIII bVII | i iv bVI bVII | i bVII bVI V",
    "bVI bVII i bIII | i bVI bIII bVII | bVI bIII bVII i",
    "iv i bVI V | iv bVII bIII bVI",
)
ROCK_MAJOR = _harmony(
    "I bVII IV I | I IV I V | I V IV IV",
    "I V vi IV | IV V I I | I bVII IV V",
    "vi IV vi V | ii IV ii V",
)
ROCK_MINOR = _harmony(
    "i bVII bVI bVII | i i bVI bVII | i bIII bVII IV",
    "bVI bVII i i | i bVI bIII bVII | bVI bVII i V",
    "iv bVI iv V | bVI bVI bVII V",
)
JAZZ_MAJOR = _harmony(
    "ii7 V7 Imaj7 vi7 | Imaj7 vi7 ii7 V7 | iii7 vi7 ii7 V7",
    "IVmaj7 iv7 iii7 VI7 | ii7 V7 iii7/VI7 ii7/V7",
    "v7 I7 IVmaj7 bVII7 | iii7 VI7 ii7 V7",
)
JAZZ_MINOR = _harmony(
    "i7 iim7b5/V7 i7 bVI7 | i7 iv7 iim7b5 V7 | i7 bVI7 iim7b5 V7",
    "iv7 bVII7 bIIImaj7 bVImaj7 | iv7 V7 i7 i7",
    "bVImaj7 bVII7 i7 V7 | iv7 i7 iim7b5 V7",
)
SOUL_MAJOR = _harmony(
    "IVmaj7 iii7 ii7 Imaj7 | ii7 iii7 IVmaj7 V7 | Imaj7 iii7 vi7 IVmaj7",
    "IVmaj7 V7 iii7 vi7 | ii7 V7 Imaj7 vi7",
    "vi7 ii7 IVmaj7 V7 | iv7 bVII7 Imaj7 V7",
)
SOUL_MINOR = _harmony(
    "i7 iv7 bVImaj7 v7 | i9 bVImaj7 iv7 v7 | i7 v7 bVImaj7 bVII7",
    "bVImaj7 bVII7 i7 i7 | iv7 bVII7 bIIImaj7 bVImaj7",
    "iv7 v7 bVImaj7 V7 | bVImaj7 v7 iv7 V7",
)
DANCE_MAJOR = _harmony(
    "vi IV I V | I V ii IV | IV vi V I",
    "IV V vi iii | I V vi IV | vi IV I V",
    "ii vi IV V | IV IV V V",
)
DANCE_MINOR = _harmony(
    "i bVI bIII bVII | i i bVI bVII | i v bVI iv",
    "bVI bVII i bIII | i bVII bVI bVII | bVI bIII bVII i",
    "iv v bVI bVII | bVI bVI bVII bVII",
)
CALM_MAJOR = _harmony(
    "Imaj9 IVmaj9 vi7 IVmaj7 | Iadd9 iii7 IVmaj7 Isus2",
    "IVmaj9 Iadd9 vi7 Vsus4 | vi7 IVmaj7 Imaj7 Vsus4",
    "ii7 IVmaj7 vi7 Vsus4 | IVmaj7 iv7 Imaj7 Imaj7",
)
CALM_MINOR = _harmony(
    "i9 bVImaj7 bIIImaj7 bVII | i7 iv7 bVImaj7 isus2",
    "bVImaj7 bIIImaj7 iv7 i7 | bVImaj7 bVII i7 v7",
    "iv7 bVImaj7 i7 v7 | bVImaj7 iv7 i7 Vsus4",
)
CLASSICAL_MAJOR = _harmony(
    "I V7 vi iii | I IV V7 I | I vi ii V7",
    "IV I ii V7 | I V vi IV/V7 | IV V7 iii vi",
    "vi iii IV V7 | ii vi IV V7",
)
CLASSICAL_MINOR = _harmony(
    "i iv V7 i | i bVI iv V7 | i V7 i iv",
    "bVI bIII iv V7 | i bVII bVI V7 | iv bVII bIII bVI",
    "bVI iv iim7b5 V7 | iv i V7 i",
)
FOLK_MAJOR = _harmony(
    "I IV I V | I V vi IV | I IV V I",
    "IV I V vi | IV V I I | I V IV I",
    "vi IV I V | ii V vi IV",
)
FOLK_MINOR = _harmony(
    "i bVII i bVII | i bVI bVII i | i iv i bVII",
    "bIII bVII i bVI | bVI bVII i i | bIII bVII iv i",
    "iv i bVI bVII | bVI bIII iv V",
)
BLUES_MAJOR = _harmony(
    "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
    "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
    "IV7 IV7 I7 I7 IV7 IV7 V7 V7",
)
BLUES_MINOR = _harmony(
    "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7",
    "i7 iv7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7",
    "iv7 iv7 i7 i7 iv7 iv7 V7 V7",
)
REGGAE_MAJOR = _harmony(
    "I IV I V | I V vi IV | I ii IV V",
    "IV I IV V | I IV V IV",
    "vi ii vi V | ii V ii V",
)
REGGAE_MINOR = _harmony(
    "i iv i iv | i bVII i v | i bVI bVII i",
    "bVI bVII i i | iv bVII bIII i",
    "iv i iv V | bVI bVI bVII V",
)
FUNK_MAJOR = _harmony(
    "I9 I9 IV9 I9 | I7 IV7 I7 V9",
    "IV9 IV9 I9 I9 | ii7 V9 ii7 V9",
    "bVII9 IV9 I9 V9 | IV9 V9 IV9 V9",
)
FUNK_MINOR = _harmony(
    "i7 i7 IV9 IV9 | i9 i9 i9 bVII9 | i7 IV9 i7 IV9",
    "iv7 bVII9 i7 i7 | bVImaj7 bVII9 i9 i9",
    "iv7 v7 iv7 V7 | bVImaj7 bVImaj7 V7 V7",
)
EAST_MAJOR = _harmony(
    "I vi IV V | I V vi iii | IV V iii vi",
    "IV V iii vi | vi IV V I | I V vi IV",
    "vi iii IV V | ii V vi vi",
)
EAST_MINOR = _harmony(
    "i bVII bVI v | i bIII bVII i | i iv bVII bIII",
    "bVI bVII v i | iv bVII bIII bVI",
    "bVI v iv v | iv i bVII bVII",
)
