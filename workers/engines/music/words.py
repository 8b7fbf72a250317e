"""What a caller's words ask for: genre, mood, tempo, key, instruments, length; and what they ask to leave out.

English words match whole, Chinese ones anywhere. Words nobody here knows are passed over.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from workers.engines.music.styles import STYLES
from workers.engines.music.theory import rng

HAPPY = (
    "happy, joyful, joy, upbeat, bright, sunny, cheerful, uplifting, fun, playful, hopeful, positive, sweet, cute, "
    "celebration, warm, 快乐, 开心, 欢快, 明亮, 阳光, 甜蜜, 希望, 幸福, 温暖"
)
SAD = (
    "sad, dark, melancholy, melancholic, minor, gloomy, lonely, heartbreak, heartbroken, tragic, mournful, "
    "emotional, moody, haunting, cry, tears, nostalgic, bittersweet, "
    "悲伤, 伤感, 忧伤, 忧郁, 黑暗, 孤独, 难过, 心碎, 眼泪, 怀旧, 思念"
)
FAST = (
    "fast, energetic, energy, upbeat, driving, aggressive, intense, powerful, running, workout, hype, wild, "
    "angry, exciting, 快, 快速, 激烈, 热血, 激情, 动感, 燃, 愤怒, 运动"
)
SLOW = (
    "slow, calm, gentle, soft, peaceful, relaxing, mellow, quiet, tender, ballad, dreamy, sleepy, lullaby, "
    "laid-back, 慢, 慢板, 缓慢, 平静, 温柔, 安静, 舒缓, 轻柔, 抒情, 梦幻, 摇篮曲"
)

_INSTRUMENTS: tuple[tuple[str, str, int], ...] = (
    ("piano, 钢琴", "comp", 0),
    ("electric piano, rhodes, 电钢琴", "comp", 4),
    ("harpsichord, 羽管键琴", "comp", 6),
    ("organ, hammond, 风琴, 管风琴", "pad", 16),
    ("accordion, 手风琴", "figure", 21),
    ("harmonica, 口琴", "lead", 22),
    ("acoustic guitar, nylon guitar, 木吉他", "comp", 25),
    ("classical guitar, spanish guitar, 古典吉他", "figure", 24),
    ("electric guitar, distorted guitar, 电吉他", "solo", 29),
    ("guitar, guitars, 吉他", "figure", 25),
    ("ukulele, 尤克里里", "figure", 24),
    ("banjo, 班卓琴", "figure", 105),
    ("sitar, 西塔琴", "figure", 104),
    ("violin, fiddle, 小提琴", "lead", 40),
    ("cello, 大提琴", "lead", 42),
    ("erhu, 二胡", "lead", 110),
    ("strings, string section, 弦乐", "pad", 48),
    ("harp, 竖琴", "figure", 46),
    ("choir, choral, 合唱", "pad", 52),
    ("trumpet, 小号", "lead", 56),
    ("trombone, 长号", "solo", 57),
    ("horn, french horn, 圆号", "pad", 60),
    ("brass, horns, 铜管", "figure", 61),
    ("sax, saxophone, 萨克斯", "lead", 66),
    ("flute, 长笛", "lead", 73),
    ("dizi, bamboo flute, 笛子", "lead", 75),
    ("clarinet, 单簧管", "lead", 71),
    ("oboe, 双簧管", "lead", 68),
    ("recorder, ocarina, 陶笛", "lead", 79),
    ("whistle, whistling, 口哨", "lead", 78),
    ("bagpipe, bagpipes, 风笛", "lead", 109),
    ("synth, synthesizer, synths, 合成器", "lead", 81),
    ("bells, glockenspiel, 钟琴", "figure", 9),
    ("music box, 八音盒", "figure", 10),
    ("vibraphone, vibes, 颤音琴", "figure", 11),
    ("marimba, 马林巴", "figure", 12),
    ("xylophone, 木琴", "figure", 13),
    ("kalimba, 卡林巴", "figure", 108),
    ("guzheng, koto, 古筝", "comp", 107),
    ("pipa, shamisen, 琵琶", "figure", 106),
    ("shakuhachi, 尺八, 箫", "lead", 77),
    ("slap bass, 拍弦贝斯", "bass", 36),
    ("double bass, upright bass, 低音提琴", "bass", 32),
    ("synth bass, 合成贝斯", "bass", 38),
    ("fretless bass, 无品贝斯", "bass", 35),
)

_PARTS = {
    "drums": "drums, drum, percussion, beat, 鼓, 打击乐",
    "bass": "bass, 贝斯, 低音",
    "pad": "pads, pad, strings, synth pad, 弦乐",
    "figure": "arpeggio, arpeggios, arp, 琶音",
    "solo": "solo, solos, guitar solo, 独奏",
}
_INSTRUMENTAL = "instrumental, no vocals, no vocal, without vocals, background music, bgm, 纯音乐, 无人声, 器乐, 配乐"
_KEY = re.compile(r"(?<![\w#])(?:in |key of )?([A-Ga-g])(#|b|♯|♭| sharp| flat)?[ -]?(major|minor|maj|min|大调|小调)\b")
_BPM = re.compile(r"(?<!\d)(\d{2,3})\s*(?:bpm|拍)", re.IGNORECASE)
_LENGTH = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d)?)\s*-?\s*(seconds?|secs?|s\b|秒|minutes?|mins?|分钟)", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|without)\s+(\w+(?: \w+)?)|(?:没有|不要|无)([\u4e00-\u9fff]{1,4})")


class Brief(msgspec.Struct, frozen=True):
    """A caller's words, understood. None and empty mean that nothing was said."""

    genre: str
    dark: bool | None
    pace: float
    """-1 slow .. 1 fast."""
    instruments: dict[str, int]
    muted: list[str]
    banned: list[int]
    """Programs that negative tags rule out."""
    bpm: int | None
    key: int | None
    mode: str | None
    seconds: float | None
    instrumental: bool
    named_genre: bool
    """The words name a genre, so it is not our guess."""
    tags: str
    """What was chosen, in words."""


def split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


def says(text: str, words: str | Iterable[str]) -> list[str]:
    """Those of `words` that stand in `text` (lower case), the longest first."""
    listed = split(words) if isinstance(words, str) else list(words)
    found = [word for word in listed if _stands_in(word, text)]
    return sorted(found, key=len, reverse=True)


def _stands_in(word: str, text: str) -> bool:
    if not word.isascii():
        return word in text
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (before.isascii() and before.isalnum()) and not (after.isascii() and after.isalnum()):
            return True
        at = text.find(word, at + 1)
    return False


def understand(request: Mapping[str, object], seed: int) -> Brief:
    """Read the words of a request. Tags weigh most, then the description, then the title."""
    tags, description, title, negative = (
        _text(request, name).lower() for name in ("tags", "gpt_description_prompt", "title", "negative_tags")
    )
    wished = f"{tags} , {description}"
    refused = f"{negative} , " + " , ".join(a or b for a, b in _NO.findall(wished))
    scores = _genre_scores(tags, description, title, refused)
    best = max(scores.values())
    pace = _lean(f"{wished} , {title}", FAST, SLOW)
    dark = _dark(f"{wished} , {title}", refused)
    genre = _pick(scores, best, seed) if best > 0 else _guess(pace, dark, refused, seed)
    banned = [program for words, _, program in _INSTRUMENTS if says(refused, words)]
    instruments = _instruments(wished, refused)
    key, mode = _key(_text(request, "tags") + " , " + _text(request, "gpt_description_prompt"))
    bpm = _BPM.search(wished)
    length = _LENGTH.search(wished)
    seconds = float(length[1]) * (60 if length[2].lower().startswith(("m", "分")) else 1) if length else None
    return Brief(
        genre=genre,
        dark=dark if mode is None else mode == "minor",
        pace=pace,
        instruments=instruments,
        muted=[part for part, words in _PARTS.items() if says(refused, words) and part not in instruments],
        banned=banned,
        bpm=min(200, max(50, int(bpm[1]))) if bpm else None,
        key=key,
        mode=mode,
        seconds=seconds,
        instrumental=bool(request.get("make_instrumental")) or bool(says(wished, _INSTRUMENTAL)),
        named_genre=best > 0,
        tags=_described(genre, dark, pace, instruments),
    )


def _text(request: Mapping[str, object], name: str) -> str:
    value = request.get(name)
    return value if isinstance(value, str) else ""


def _genre_scores(tags: str, description: str, title: str, refused: str) -> dict[str, float]:
    scores = {}
    for name, style in STYLES.items():
        score = 0.0
        for text, weight in ((tags, 3.0), (description, 2.0), (title, 0.7)):
            for word in says(text, style.words):
                own_name = 1.0 if word == name else 0.0
                score += weight * (1 + 0.25 * word.count(" ") + own_name + 0.6 / (1 + text.index(word) / 12))
        scores[name] = score if not says(refused, [name, *split(style.words)[:2]]) else -1.0
    return scores


def _pick(scores: Mapping[str, float], best: float, seed: int) -> str:
    return rng(seed, "genre").choice(sorted(name for name, score in scores.items() if score == best))


def _guess(pace: float, dark: bool | None, refused: str, seed: int) -> str:
    """A genre for words that name none."""
    fitting: tuple[str, ...]
    if pace > 0:
        fitting = ("rock", "edm", "metal") if dark else ("pop", "edm", "funk")
    elif pace < 0:
        fitting = ("classical", "ambient", "rnb") if dark else ("folk", "lofi", "ambient")
    else:
        fitting = ("pop",)
    allowed = [name for name in fitting if not says(refused, [name])] or ["folk"]
    return rng(seed, "guess").choice(allowed)


def _lean(text: str, up: str, down: str) -> float:
    lean = len(says(text, up)) - len(says(text, down))
    return max(-1.0, min(1.0, lean / 2))


def _dark(text: str, refused: str) -> bool | None:
    lean = len(says(text, SAD)) - len(says(text, HAPPY)) + len(says(refused, HAPPY)) - len(says(refused, SAD))
    return None if lean == 0 else lean > 0


def _instruments(wished: str, refused: str) -> dict[str, int]:
    """Role to program. A longer name wins over one within it; of two in one role, the second finds another."""
    chosen: dict[str, int] = {}
    rest = wished
    named = [(word, role, program) for words, role, program in _INSTRUMENTS for word in split(words)]
    for word, role, program in sorted(named, key=lambda entry: -len(entry[0])):
        if not _stands_in(word, rest) or _stands_in(word, refused) or program in chosen.values():
            continue
        rest = rest.replace(word, "")
        free = [role, "figure", "solo", "lead"] if role != "bass" else [role]
        place = next((place for place in free if place not in chosen), None)
        if place is not None:
            chosen[place] = program
    return chosen


def _key(text: str) -> tuple[int | None, str | None]:
    match = _KEY.search(text)
    if match is None:
        return None, None
    letter, sign, mode = match.groups()
    key = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
    key += {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}.get((sign or "").strip(), 0)
    return key % 12, "minor" if mode in ("minor", "min", "小调") else "major"


def _described(genre: str, dark: bool | None, pace: float, instruments: Mapping[str, int]) -> str:
    mood = {True: ["melancholic"], False: ["bright"], None: []}[dark]
    tempo = ["energetic"] if pace > 0 else ["gentle"] if pace < 0 else []
    names = {program: split(words)[0] for words, _, program in reversed(_INSTRUMENTS)}
    return ", ".join([genre, *mood, *tempo, *(names[program] for program in instruments.values())])
