"""From a movement to its notes: each bar from the seed and its own place, so that a cut changes nothing before it."""

from collections.abc import Iterator
from typing import NamedTuple

from workers.engines.music import band, drums, melody
from workers.engines.music.harmony import changes
from workers.engines.music.melody import Tone, Voice
from workers.engines.music.notes import Bar, Note
from workers.engines.music.plan import Line, Movement, Section, Vocal
from workers.engines.music.styles import STYLES, Style
from workers.engines.music.theory import rng

PLAYING = {
    "intro": {"comp", "pad", "solo", "drums"},
    "verse": {"comp", "bass", "drums", "lead"},
    "prechorus": {"comp", "bass", "drums", "pad", "figure", "lead"},
    "chorus": {"comp", "bass", "drums", "pad", "figure", "lead", "harmony"},
    "bridge": {"pad", "figure", "bass", "drums", "lead"},
    "solo": {"comp", "bass", "drums", "pad", "solo"},
    "break": {"figure", "pad", "bass", "drums", "solo"},
    "outro": {"comp", "pad", "bass", "drums", "solo"},
    "end": {"comp", "pad", "bass", "drums", "lead", "figure"},
}
"""The parts that play in each kind of section, before the genre and the seed have their say."""

PHRASES = (0, 1, 0, 2)
"""Which tune each line of a section takes: the third like the first, the fourth leading home."""


SINGING = {"female": 58, "male": 48}
"""The middle of what a singer sings. Instruments lie higher, where words are lost: a minor third higher, 14 %
of the words of two women were misheard, not 5 % (six lines each)."""


class Phrase(NamedTuple):
    """One line as it is played or sung: its bars, and the tones in them."""

    line: Line
    bars: list[Bar]
    tones: list[Tone]


def score(movement: Movement) -> list[Note]:
    """All notes that begin in the bars that are played, in order of time."""
    style = STYLES[movement.genre]
    sections = movement.sections
    patterns = _patterns(movement, style)
    found: list[Note] = []
    start = 0
    for index, section in enumerate(sections):
        following = sections[index + 1] if index + 1 < len(sections) else None
        bars = _bars(movement, style, section, index, start, following)
        parts = _parts(movement, style, section)
        for bar in bars:
            found += _accompaniment(bar, parts, patterns)
        found += _tune(movement, style, section, index, bars, parts)
        start += section.bars
    heard = (note for note in found if note.at < movement.play * 4)
    return sorted(heard, key=lambda note: (note.at, note.part, note.pitch))


def sung(movement: Movement) -> Iterator[Phrase]:
    """The lines that have a singer, in order, whether their bars are played or not."""
    style = STYLES[movement.genre]
    start = 0
    for index, section in enumerate(movement.sections):
        if any(line.vocal for line in section.lines):
            following = movement.sections[index + 1] if index + 1 < len(movement.sections) else None
            bars = _bars(movement, style, section, index, start, following)
            phrases = _phrases(movement, style, section, index, bars, "lead")
            yield from (phrase for phrase in phrases if phrase.line.vocal)
        start += section.bars


def line_starts(section: Section) -> list[int]:
    """The bar of the section on which each of its lines begins."""
    starts, at = [], 0
    for line in section.lines:
        starts.append(at)
        at += line.bars
    return starts


def _bars(
    movement: Movement, style: Style, section: Section, index: int, start: int, following: Section | None
) -> list[Bar]:
    kind = following.kind if following else None
    chords = [changes(movement, section, bar, kind) for bar in range(section.bars)]
    after = changes(movement, following, 0, None)[0][1] if following else chords[0][0][1]
    return [
        Bar(
            number=start + at,
            within=at,
            of=section.bars,
            kind=section.kind,
            nth=section.nth,
            energy=section.energy,
            following=kind,
            rises=following is not None and following.energy >= 0.45 and following.kind != "end",
            changes=chords[at],
            following_chord=chords[at + 1][0][1] if at + 1 < section.bars else after,
            style=style,
            chance=rng(movement.seed, index, at),
        )
        for at in range(section.bars)
    ]


def _parts(movement: Movement, style: Style, section: Section) -> set[str]:
    chance = rng(movement.seed, "parts", section.kind, section.nth)
    parts = set(PLAYING[section.kind])
    if section.kind == "verse" and (section.nth > 0 or chance.random() < 0.4):
        parts.add("figure")
    if section.kind == "verse" and style.pad and chance.random() < 0.6:
        parts.add("pad")
    if section.kind == "bridge" and chance.random() < 0.5:
        parts |= {"comp"}
    if section.kind in ("intro", "outro") and chance.random() < 0.5:
        parts = (parts - {"comp"}) | {"figure"} if style.figure != ("none",) else parts
    if not style.pad and section.kind not in ("bridge", "break", "chorus"):
        parts.discard("pad")
    if not parts & {"comp", "figure"} and not style.pad:
        parts.add("comp")
    return parts - set(movement.muted)


def _patterns(movement: Movement, style: Style) -> dict[str, str]:
    chance = rng(movement.seed, "patterns")
    return {role: chance.choice(getattr(style, role)) for role in ("comp", "bass", "figure")}


def _accompaniment(bar: Bar, parts: set[str], patterns: dict[str, str]) -> Iterator[Note]:
    if "drums" in parts and not (bar.kind == "intro" and bar.within * 2 < bar.of):
        yield from drums.play(bar)
    if "bass" in parts:
        yield from band.bass(bar, patterns["bass"])
    if "comp" in parts:
        yield from band.chords(bar, "comp", patterns["comp"], 60, 1.0)
    if "figure" in parts:
        yield from band.chords(bar, "figure", patterns["figure"], 72, 0.82)
    if "pad" in parts:
        yield from band.pad(bar, 60, 0.75 + 0.25 * bar.energy)


def _tune(
    movement: Movement, style: Style, section: Section, index: int, bars: list[Bar], parts: set[str]
) -> Iterator[Note]:
    if section.kind == "end":
        yield from _last_note(movement, style, section, bars, parts)
        return
    worded = bool(section.lines)
    player = "lead" if worded or (not movement.vocal and "lead" in parts) else "solo"
    if player not in parts and not worded:
        return
    for phrase in _phrases(movement, style, section, index, bars, player):
        yield from _play(phrase, player, parts)


def _phrases(
    movement: Movement, style: Style, section: Section, index: int, bars: list[Bar], player: str
) -> Iterator[Phrase]:
    lines = section.lines or _wordless(movement, style, section)
    theme = movement.theme if section.kind == "chorus" else movement.seed
    at = 0
    for number, line in enumerate(lines):
        shown = bars[at : at + line.bars]
        at += line.bars
        if not shown:
            return
        if not section.lines and style.sparse and rng(movement.seed, "rest", index, number).random() < style.sparse:
            continue
        tune = PHRASES[number % 4] if number < len(lines) - 1 else PHRASES[3]
        names = (theme, section.kind if player == "lead" else (section.kind, index), tune)
        final = number == len(lines) - 1 or tune == 2
        center = _center(movement, style, section, line.vocal or player)
        voice = Voice((movement.key + section.lift) % 12, movement.mode, center)
        tones = melody.phrase(line, [bar.changes for bar in shown], voice, names, closes=final)
        yield Phrase(line, shown, tones)


def _play(phrase: Phrase, player: str, parts: set[str]) -> Iterator[Note]:
    """The notes of a phrase; of one that is sung, a soft second part alone."""
    bars, singer = phrase.bars, phrase.line.vocal
    for tone in phrase.tones:
        bar = bars[min(tone.at // 16, len(bars) - 1)]
        step = tone.at % 16
        played = bar.note(player, step, tone.length * 0.95, tone.pitch, 84 + 26 * tone.stress)
        below = _below(played.pitch, bar, step)
        if singer:
            if "harmony" in parts and not singer.spoken:
                yield played._replace(part="harmony", pitch=below, velocity=max(12, played.velocity - 34))
            continue
        yield played
        for delay, share in ((0.75, 0.55), (1.5, 0.32)):
            yield played._replace(part="echo", at=played.at + delay, velocity=max(1, round(played.velocity * share)))
        if "harmony" in parts:
            yield played._replace(part="harmony", pitch=below, velocity=played.velocity - 14)


def _below(pitch: int, bar: Bar, step: int) -> int:
    """The nearest chord tone at least a third under the tune."""
    classes = bar.chord_at(step).classes
    return next(low for low in range(pitch - 3, pitch - 16, -1) if low % 12 in classes)


def _center(movement: Movement, style: Style, section: Section, player: str | Vocal) -> int:
    raised = {"chorus": 4, "solo": 3, "bridge": 2, "prechorus": 2}.get(section.kind, 0)
    if isinstance(player, Vocal):
        return SINGING["female" if player.voice[1:2] == "f" else "male"] + raised + section.lift
    low = movement.programs[player] in (42, 57, 30, 29, 66)
    return style.register + raised + section.lift - (7 if low else 0)


def _wordless(movement: Movement, style: Style, section: Section) -> list[Line]:
    """Phrases of two bars for parts without words, as many notes as fit the mood."""
    chance = rng(movement.seed, "wordless", section.kind, section.nth if section.kind == "solo" else 0)
    busy = {"solo": (9, 14), "intro": (3, 6), "outro": (3, 6), "break": (4, 8)}.get(section.kind, (5, 10))
    counts = [chance.randint(*busy) for _ in range(4)]
    counts[2] = counts[0]
    slow = style.bpm[0] < 72 and style.grid == 8
    return [
        Line("", max(2, counts[number % 4] // (2 if slow else 1)), min(2, section.bars - at))
        for number, at in enumerate(range(0, section.bars, 2))
    ]


def _last_note(movement: Movement, style: Style, section: Section, bars: list[Bar], parts: set[str]) -> Iterator[Note]:
    """The tune comes to rest on the tonic."""
    player = "lead" if "lead" in parts else "solo"
    if player in movement.muted or len(bars) < 2:
        return
    tonic = (movement.key + section.lift) % 12
    center = _center(movement, style, section, player)
    pitch = center - 6 + (tonic - center + 6) % 12
    yield bars[1].note(player, 0, 16 * (section.bars - 1) - 4, pitch, 96)
