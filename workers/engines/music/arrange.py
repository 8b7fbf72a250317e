"""The form of a movement: which sections, how many bars, at what tempo and in which key.

Length follows from the words: a line takes one, two or four bars by its syllables. What does not fit is cut at a
line; what is too short gets an instrumental part before its end.
"""

import math
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from workers.engines.music.lyrics import Block
from workers.engines.music.plan import RATE, Line, Movement, Section
from workers.engines.music.styles import STYLES, Style
from workers.engines.music.theory import DARK, rng
from workers.engines.music.vocals.cast import Read
from workers.engines.music.words import Brief

SHORTEST_S = 30.0
LONGEST_S = 120.0
RING_S = 4.5
"""How long the last chord of a song has to ring out."""

ENERGY = {
    "intro": 0.35, "verse": 0.55, "prechorus": 0.66, "chorus": 0.9, "bridge": 0.5, "solo": 0.82, "break": 0.5,
    "outro": 0.4, "end": 0.5,
}  # fmt: skip
MARK_BARS = {"intro": 4, "verse": 8, "prechorus": 4, "chorus": 8, "bridge": 8, "solo": 8, "break": 4, "outro": 4}
"""Bars of a section whose mark has no lines under it; half as many where a bar lasts longer than three seconds."""

FORMS: tuple[tuple[str, ...], ...] = (
    ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"),
    ("intro", "verse", "verse", "chorus", "solo", "chorus", "outro"),
    ("intro", "chorus", "verse", "chorus", "break", "solo", "chorus"),
    ("intro", "verse", "prechorus", "chorus", "verse", "prechorus", "chorus", "bridge", "chorus"),
)


class Arranged(msgspec.Struct, frozen=True):
    """`cut_at_line` is the line of the lyrics, from 1, that was the first not to fit."""

    movement: Movement
    cut_at_line: int | None


def arrange(
    brief: Brief, blocks: Sequence[Block], read: Read, seed: int, source: Movement | None, *, fresh: bool
) -> Arranged:
    """A new movement. `read` tells of a line how many notes it needs and who sings it.

    `source` is the movement it continues, if any; `fresh` says that the source had come to its end.
    """
    style = STYLES[brief.genre]
    chance = rng(seed, "movement")
    bpm, bar_samples = _tempo(brief, style, chance, source)
    key, mode, dark = _tonality(brief, style, chance, source)
    bar_s = bar_samples / RATE
    cut_at = None
    if any(block.lines for block in blocks) and not brief.instrumental:
        sections, cut_at = _fitting(blocks, read, style, bar_s, opens=fresh)
    elif blocks and len(blocks) > 1:
        sections = list(_marked(blocks, bar_s))
    else:
        sections = _form(brief, chance, bar_s, opens=fresh)
    sections = _ended(_long_enough(sections, bar_s), bar_s)
    finished = list(_coloured(sections, brief, chance, style))
    same = source is not None and source.genre == brief.genre
    movement = Movement(
        seed=seed,
        theme=source.theme if source is not None and same else seed,
        genre=brief.genre,
        bpm=round(bpm, 3),
        bar_samples=bar_samples,
        key=key,
        mode=mode,
        dark=dark,
        programs=_programs(brief, style, chance, source if same else None),
        muted=list(brief.muted),
        vocal=any(section.lines for section in finished),
        sections=finished,
        play=sum(section.bars for section in finished),
    )
    return Arranged(movement, cut_at)


def _tempo(brief: Brief, style: Style, chance: Random, source: Movement | None) -> tuple[float, int]:
    """Beats a minute and samples a bar. A continued song keeps its grid: the same, half or double."""
    low, high = style.bpm
    if source is not None:
        aim = brief.bpm or math.sqrt(low * high)
        factor = min((1.0, 0.5, 2.0), key=lambda f: abs(math.log(source.bpm * f / aim)))
        return source.bpm * factor, round(source.bar_samples / factor)
    lean = 0.5 + 0.4 * brief.pace
    bpm = brief.bpm or low + (high - low) * min(1.0, max(0.0, chance.gauss(lean, 0.25))) + 8 * brief.pace
    bar_samples = round(240 / bpm * RATE / 8) * 8
    return 240 * RATE / bar_samples, bar_samples


def _tonality(brief: Brief, style: Style, chance: Random, source: Movement | None) -> tuple[int, str, bool]:
    """Key, scale and colour. An extension stays in the key, or moves to its relative where the colour changes."""
    modes = style.modes
    if brief.dark is not None:
        modes = tuple(mode for mode in modes if (mode in DARK) == brief.dark or mode == "blues")
        modes = modes or (("minor",) if brief.dark else ("major",))
    mode = chance.choice(modes)
    dark = mode in DARK or (mode == "blues" and bool(brief.dark))
    key = chance.randrange(12)
    if source is not None:
        if brief.dark is None and source.genre == brief.genre:
            return source.key, source.mode, source.dark
        moved = source.key + (0 if dark == source.dark else 9 if dark else 3)
        return moved % 12, mode, dark
    return (brief.key if brief.key is not None else key), mode, dark


def _programs(brief: Brief, style: Style, chance: Random, source: Movement | None) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for role, options in style.roles.items():
        allowed = [program for program in options if program not in brief.banned] or _spare(role, brief.banned)
        free = [program for program in allowed if program not in chosen.values()] or allowed
        chosen[role] = chance.choice(free)
    return {**chosen, **(source.programs if source else {}), **brief.instruments}


def _spare(role: str, banned: Sequence[int]) -> list[int]:
    spares = {"lead": (73, 68, 80, 11), "bass": (33, 38)}.get(role, (0, 4, 48, 25, 89))
    return [program for program in spares if program not in banned] or [spares[0]]


def _fitting(
    blocks: Sequence[Block], read: Read, style: Style, bar_s: float, *, opens: bool
) -> tuple[list[Section], int | None]:
    """The sections of the words: in the usual setting if they fit, else in a tight one, else cut."""
    sections, cut_at = _set(blocks, read, style, bar_s, opens, tight=False)
    return (sections, cut_at) if cut_at is None else _set(blocks, read, style, bar_s, opens, tight=True)


def _set(
    blocks: Sequence[Block], read: Read, style: Style, bar_s: float, opens: bool, *, tight: bool
) -> tuple[list[Section], int | None]:
    room = int((LONGEST_S - 2 * bar_s - _ring_bars(bar_s) * bar_s) / bar_s)
    sections: list[Section] = []
    if opens and blocks[0].kind != "intro":
        sections.append(_empty("intro", "", bar_s))
    for block in blocks:
        used = sum(section.bars for section in sections)
        if block.kind == "end" and not block.lines:
            break
        if not block.lines:
            section = _empty(block.kind, block.label, bar_s, tight=tight)
            sections += [section] if used + section.bars <= room else []
            continue
        lines = _laid(block, read, style, bar_s, tight=tight)
        fitting = []
        for line in lines:
            if used + line.bars > room:
                break
            used += line.bars
            fitting.append(line)
        if fitting:
            bars = sum(line.bars for line in fitting)
            kind = "outro" if block.kind == "end" else block.kind
            sections.append(Section(kind, block.label, min(bars + bars % 2, bars + room - used), fitting, 0.5))
        if len(fitting) < len(lines):
            return sections, block.lines[min(len(fitting), len(block.lines) - 1)][0]
    return sections, None


def _laid(block: Block, read: Read, style: Style, bar_s: float, *, tight: bool) -> list[Line]:
    lines = [read(block, words) for _, words in block.lines]
    grid = 16 if tight or style.grid == 16 or bar_s > 3.0 else 8
    needed = [_line_bars(line.syllables, grid) for line in lines]
    usual = sorted(needed)[len(needed) // 2]
    return [
        msgspec.structs.replace(line, bars=max(bars, 1 if tight else usual))
        for line, bars in zip(lines, needed, strict=True)
    ]


def _line_bars(count: int, grid: int) -> int:
    """One bar if the words take up to about 60 % of its slots, two up to 85 %, four (in sixteenths) beyond that."""
    if count <= grid * 0.6:
        return 1
    if count <= 2 * grid * 0.85:
        return 2
    return max(4, 2 * math.ceil(count / 26))


def _marked(blocks: Sequence[Block], bar_s: float) -> Iterator[Section]:
    """The sections of marks alone, as many as fit."""
    left = LONGEST_S / bar_s - _ring_bars(bar_s)
    for block in blocks:
        section = _empty(block.kind if block.kind != "end" else "outro", block.label, bar_s)
        if block.kind != "end" and section.bars <= left:
            left -= section.bars
            yield section


def _form(brief: Brief, chance: Random, bar_s: float, *, opens: bool) -> list[Section]:
    """A form for music without words, 45 to 90 s, or as long as the description says."""
    wanted = brief.seconds if brief.seconds is not None else chance.uniform(52.0, 84.0)
    aim = min(LONGEST_S - 2 * bar_s, max(SHORTEST_S + 2, wanted)) / bar_s - _ring_bars(bar_s)
    form = chance.choice(FORMS)
    kinds: tuple[str, ...] = form if opens else form[1:]
    sections: list[Section] = []
    while True:
        for kind in kinds:
            section = _empty(kind, "", bar_s)
            left = round(aim) - sum(made.bars for made in sections)
            if left < 2:
                return sections
            sections.append(msgspec.structs.replace(section, bars=min(section.bars, left)))
        kinds = ("verse", "chorus", "solo", "chorus")


def _long_enough(sections: list[Section], bar_s: float) -> list[Section]:
    """Sections that last at least 30 s with their ending: a solo goes in before an outro, or to the end."""
    made = list(sections)
    while (sum(section.bars for section in made) + _ring_bars(bar_s)) * bar_s < SHORTEST_S:
        kind = "solo" if not made or made[-1].kind != "solo" else "break"
        place = len(made) - 1 if made and made[-1].kind == "outro" else len(made)
        made.insert(place, _empty(kind, "", bar_s))
    return made


def _ended(sections: list[Section], bar_s: float) -> list[Section]:
    return [*sections, Section("end", "", _ring_bars(bar_s), [], 0.5)]


def _ring_bars(bar_s: float) -> int:
    """A bar that leads home, and the bars in which the last chord rings."""
    return 1 + math.ceil(RING_S / bar_s)


def _empty(kind: str, label: str, bar_s: float, *, tight: bool = False) -> Section:
    bars = MARK_BARS.get(kind, 4)
    return Section(kind, label, max(2, bars // 2) if bar_s > 3.0 or tight else bars, [], 0.5)


def _coloured(sections: Sequence[Section], brief: Brief, chance: Random, style: Style) -> Iterator[Section]:
    """Energy by kind and turn; sometimes the last chorus, and what follows it, is lifted by a whole tone."""
    choruses = [index for index, section in enumerate(sections) if section.kind == "chorus"]
    lifted_from = choruses[-1] if len(choruses) > 2 and chance.random() < 0.35 and style.groove != "shuffle" else None
    seen: dict[str, int] = {}
    for index, section in enumerate(sections):
        nth = seen.get(section.kind, 0)
        seen[section.kind] = nth + 1
        energy = ENERGY[section.kind] + 0.05 * min(nth, 2) + 0.08 * brief.pace
        if section.kind == "bridge" and chance.random() < 0.4:
            energy += 0.25
        lift = 2 if lifted_from is not None and index >= lifted_from else 0
        yield msgspec.structs.replace(section, energy=min(1.0, max(0.1, energy)), nth=nth, lift=lift)
