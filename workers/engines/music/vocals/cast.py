"""Who sings each line of a song, in which language and symbols; or why nobody does.

Tags that name a voice are followed. Else the genre leans, and the song's own words choose: not the seed, so that both
clips of a request have the same singer, and what was spoken for one serves the other.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from storage.voices import LANGUAGES
from workers.engines.music.lyrics import Block, syllables
from workers.engines.music.plan import Line, Movement, Vocal
from workers.engines.music.theory import rng
from workers.engines.music.vocals import language, speaking
from workers.engines.music.vocals.syllables import count
from workers.engines.music.words import says

Read = Callable[[Block, str], Line]
"""A line of a block, with its syllables and singer, one bar long."""

_FEMALE = "female, woman, women, girl, girls, girl group, soprano, alto, diva, 女"
_MALE = "male, man, men, boy, boys, boy band, baritone, tenor, bass voice, 男"
_FEMALE_VOICE = (
    "female vocal, female vocals, female voice, female singer, female lead, woman's voice, 女声, 女歌手, 女主唱"
)
_MALE_VOICE = "male vocal, male vocals, male voice, male singer, male lead, man's voice, 男声, 男歌手, 男主唱"
_DUET = "duet, duets, male and female, female and male, 男女, 对唱, 二重唱"
_MANLY = frozenset(("metal", "rock", "hiphop", "trap", "country", "blues", "reggae"))
_RAPPED = frozenset(("hiphop", "trap"))
_SPOKEN_MARK = re.compile(r"\brap|spoken|narrat|freestyle|说唱|独白|念白", re.IGNORECASE)

_VOICES = {
    ("en-us", "female"): ("af_heart", "af_bella", "bf_emma"),
    ("en-us", "male"): ("am_michael", "am_fenrir", "am_puck"),
    ("zh", "female"): ("zf_xiaobei", "zf_xiaoxiao"),
    ("zh", "male"): ("zm_yunxi", "zm_yunjian"),
}
"""Those that a song may be sung by; of the other languages each gender has one."""

_LONGEST = 800
"""Symbols of a line."""


def cast(blocks: Sequence[Block], request: dict[str, Any], genre: str, source: Movement | None) -> Read:
    """How lines are read. `request` has the caller's words; `source` is the movement that the song goes on from."""
    why = speaking.missing()
    if why is not None:
        return lambda _, words: Line(words, syllables(words), 1, unsung=why)
    told = {
        (id(block), words): tongue
        for block, tongues in zip(blocks, language.tongues(blocks), strict=True)
        for (_, words), tongue in zip(block.lines, tongues, strict=True)
    }
    singers = _Singers(blocks, request, genre, source)
    return lambda block, words: _line(block, words, told[id(block), words], singers)


def _line(block: Block, words: str, told: language.Tongue, singers: "_Singers") -> Line:
    from workers.engines.speech.phonemes import phonemes
    from workers.engines.speech.plain import plain

    why = told.why
    if not why:
        symbols = phonemes(_ended(plain(words, told.language)), told.language)
        notes = count(symbols)
        why = "the voice finds nothing to say" if not notes else ""
        why = "the line is too long to sing" if notes > 200 or len(symbols) > _LONGEST else why
        if not why:
            voice = singers.voice(block, told.language)
            return Line(words, notes, 1, Vocal(voice, told.language, symbols, spoken=singers.speaks(block)))
    return Line(words, syllables(words), 1, unsung=why)


def _ended(words: str) -> str:
    """With a mark at its end, without which the voice breaks off."""
    return f"{words}." if words[-1:].isalnum() else words


class _Singers:
    """Who sings in a song: one voice for each language, of one gender; in a duet of two, by turns of sections."""

    def __init__(self, blocks: Sequence[Block], request: dict[str, Any], genre: str, source: Movement | None) -> None:
        words = "\n".join(text for block in blocks for _, text in block.lines)
        chance = rng("singer", genre, words)
        named = _named(request)
        self._order = [id(block) for block in blocks if block.kind != "chorus" and block.lines]
        self._genders = named or ["male" if chance.random() < (0.7 if genre in _MANLY else 0.3) else "female"]
        self._pick = chance.random()
        self._before = {} if len(named) > 1 else _sung_before(source, named or ["female", "male"])
        self._raps = genre in _RAPPED

    def voice(self, block: Block, tongue: str) -> str:
        if tongue in self._before:
            return self._before[tongue]
        turn = self._order.index(id(block)) if id(block) in self._order else 0
        gender = self._genders[turn % len(self._genders)]
        chosen = LANGUAGES[tongue]
        voices = _VOICES.get((tongue, gender)) or (chosen.female if gender == "female" else chosen.male,)
        return voices[int(self._pick * len(voices))]

    def speaks(self, block: Block) -> bool:
        """Whether a section is spoken in rhythm, not sung."""
        marked = bool(_SPOKEN_MARK.search(block.label))
        return marked or (self._raps and block.kind == "verse" and "sing" not in block.label.lower())


def _named(request: dict[str, Any]) -> list[str]:
    """The genders that the caller's words ask for; two for a duet, none if nothing is said."""
    tags, description, refused = (
        str(request.get(name) or "").lower() for name in ("tags", "gpt_description_prompt", "negative_tags")
    )
    if says(tags, _DUET) or says(description, "duet, 对唱"):
        return ["female", "male"]
    female = says(tags, f"{_FEMALE}, {_FEMALE_VOICE}") or says(description, _FEMALE_VOICE)
    male = says(tags, f"{_MALE}, {_MALE_VOICE}") or says(description, _MALE_VOICE)
    if not female and not male:
        female, male = says(refused, f"{_MALE}, {_MALE_VOICE}"), says(refused, f"{_FEMALE}, {_FEMALE_VOICE}")
    return [gender for gender, said in (("female", female), ("male", male)) if said]


def _sung_before(source: Movement | None, genders: Sequence[str]) -> dict[str, str]:
    """The voices of the movement before, by language, that are of these genders."""
    lines = [line for section in source.sections for line in section.lines] if source else []
    letters = {gender[0] for gender in genders}
    sung = [line.vocal for line in lines if line.vocal and line.vocal.voice[1:2] in letters]
    return {vocal.language: vocal.voice for vocal in reversed(sung)}
