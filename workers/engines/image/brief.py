"""From a prompt to a brief: what the illustrator understood of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

from workers.engines.image import vocabulary
from workers.engines.image.subjects import Subject, subjects

MOST_SUBJECTS, MOST_OF_ONE = 5, 5
_LONGEST_CHINESE = 6
_LONGEST_ENGLISH = 3
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_NETWORK = re.compile(r"<[^<>]{1,200}>")  # `<lora:name:0.8>`
_WEIGHT = re.compile(r":\s*\d+(\.\d+)?\s*(?=[)\]])")  # `(word:1.3)`
_TOKEN = re.compile(r"[a-z0-9][a-z0-9'-]*|[\u3400-\u9fff]+|[,.;\n]")
_BETWEEN = {"的", "色", "and", "a", "big", "small", "little", "cute", "old", "young", "beautiful", "tiny", "giant"}
_FIRST = ("place", "time", "weather")


class Word(NamedTuple):
    """One thing a word says: ("place", "sea"), ("subject", "1f408"), ("count", "2"), ..."""

    kind: str
    name: str


_LAND = {Word("place", name) for name in ("hills", "meadow", "forest", "mountain", "desert")}


class Wanted(msgspec.Struct, frozen=True):
    """A subject, how many of it, and the colour it is to have."""

    subject: Subject
    count: int = 1
    colour: str | None = None


class Brief(msgspec.Struct, frozen=True):
    """What a picture is to show. `said` tells whether anything was understood at all."""

    wanted: tuple[Wanted, ...]
    places: frozenset[str]
    time: str
    weather: frozenset[str]
    colours: tuple[str, ...]
    land: str | None
    styles: tuple[str, ...]
    unwanted: frozenset[Word]
    said: bool

    def lacks(self, kind: str, name: str) -> bool:
        """Whether the negative prompt names this."""
        return Word(kind, name) in self.unwanted


def understand(prompt: str, negative: str = "", styles: Iterable[str] = ()) -> Brief:
    """What the illustrator makes of a prompt."""
    unwanted = frozenset(word for heard in _hear(negative) for word in heard)
    heard = [[word for word in words if word not in unwanted] for words in _hear(f"{prompt}, {', '.join(styles)}")]
    said = [word for words in heard for word in words]

    def named(kind: str) -> list[str]:
        return list(dict.fromkeys(word.name for word in said if word.kind == kind))

    wanted, colours = _cast(heard)
    land = next((colour.name for colour, what in _pairs(heard) if what & _LAND), None)
    places = frozenset(named("place")) or _habitat(wanted)
    return Brief(
        wanted=tuple(wanted),
        places=places or frozenset({"abstract"} if not said or not set(_FIRST) & {w.kind for w in said} else ()),
        time=_time(named("time") or (["night"] if "aurora" in named("weather") else []), unwanted),
        weather=frozenset(named("weather")),
        colours=tuple(name for name in dict.fromkeys(colours) if name != land),
        land=land,
        styles=_styles(named("style")),
        unwanted=unwanted,
        said=bool(said),
    )


def _styles(named: list[str]) -> tuple[str, ...]:
    """A "watercolour painting" is no oil painting."""
    others = set(named) & {
        "watercolour",
        "sketch",
        "ink",
        "anime",
        "pixel",
        "impressionist",
        "gogh",
        "mosaic",
        "poster",
    }
    return tuple(name for name in named if name != "oil" or not others)


def named(text: str, kind: str) -> list[str]:
    """What a text names of one kind ("place", "time", "subject", ...), each once."""
    return list(dict.fromkeys(word.name for words in _hear(text) for word in words if word.kind == kind))


def _time(named: list[str], unwanted: frozenset[Word]) -> str:
    clearest = [time for time in named if time != "day"] or named
    return clearest[0] if clearest else ("day" if Word("time", "day") not in unwanted else "night")


def _cast(heard: list[list[Word]]) -> tuple[list[Wanted], list[str]]:
    """The subjects with their numbers and colours, and the colours that belong to none of them."""
    wanted: dict[str, Wanted] = {}
    colours: list[str] = []
    count, colour = 1, None
    for words in heard:
        subject = next((word.name for word in words if word.kind == "subject"), None)
        if subject and len(wanted) < MOST_SUBJECTS and subject not in wanted:
            wanted[subject] = Wanted(_by_code()[subject], min(count, MOST_OF_ONE), colour)
            count, colour = 1, None
            continue
        for word in words:
            count = int(word.name) if word.kind == "count" else count
            if word.kind == "colour":
                colours += [colour] if colour else []
                colour = word.name
        if not any(word.kind in ("count", "colour", "between") for word in words):
            colours += [colour] if colour else []
            count, colour = 1, None
    return list(wanted.values()), colours + ([colour] if colour else [])


def _pairs(heard: list[list[Word]]) -> Iterator[tuple[Word, set[Word]]]:
    """Each colour with what the next word means."""
    for words, after in pairwise(heard):
        for word in words:
            if word.kind == "colour":
                yield word, set(after)


def _habitat(wanted: Iterable[Wanted]) -> frozenset[str]:
    """Where a subject is at home, if the prompt does not say where it is."""
    home = {"afloat": "sea", "sea": "underwater", "space": "space", "object": "plain", "bust": "plain"}
    stands = [one.subject.stand for one in wanted]
    if not stands:
        return frozenset()
    outdoors = [stand for stand in stands if stand not in ("bust", "object")]
    own = {"1f697": "street", "1f3ce-fe0f": "street", "1f695": "street", "1f68c": "street", "1f42a": "desert"}
    return frozenset({own.get(next(iter(wanted)).subject.code) or home.get((outdoors or stands)[0], "meadow")})


def _hear(text: str) -> Iterator[list[Word]]:
    """What a text says, phrase by phrase; a phrase that says nothing is an empty list."""
    plain = _WEIGHT.sub("", _NETWORK.sub(" ", text.lower()))
    tokens = [part for token in _TOKEN.findall(plain) for part in _split(token)]
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST_ENGLISH, len(tokens) - at), 0, -1):
            if words := _lookup("_".join(tokens[at : at + length])):
                yield words
                at += length
                break
        else:
            yield [Word("between", "")] if tokens[at] in _BETWEEN else []
            at += 1


def _split(token: str) -> Iterator[str]:
    """An English word as it is; a run of Chinese cut at its longest known words."""
    if not _CHINESE.fullmatch(token):
        yield token
        return
    at = 0
    while at < len(token):
        lengths = range(min(_LONGEST_CHINESE, len(token) - at), 0, -1)
        length = next((n for n in lengths if token[at : at + n] in _lexicon()), 1)
        yield token[at : at + length]
        at += length


def _lookup(phrase: str) -> list[Word]:
    """The meanings of a word, or of its singular."""
    known = _lexicon()
    for form in (phrase, *_singulars(phrase)):
        if form in known:
            return known[form]
    return []


def _singulars(word: str) -> Iterator[str]:
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield word[:-3] + "f"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s") and len(word) > 3:
        yield word[:-1]


@cache
def _lexicon() -> dict[str, list[Word]]:
    """Every known word with all that it means."""
    lexicon: dict[str, list[Word]] = {}
    tables: dict[str, Mapping[str, str]] = {
        "place": vocabulary.PLACES,
        "time": vocabulary.TIMES,
        "weather": vocabulary.WEATHER,
        "colour": vocabulary.COLOURS,
        "style": vocabulary.STYLES,
        "count": vocabulary.COUNTS,
    }
    for kind, table in tables.items():
        for name, words in table.items():
            for word in words.split():
                lexicon.setdefault(word, []).append(Word(kind, name))
    for subject in subjects():
        for word in subject.words:
            lexicon.setdefault(word, []).append(Word("subject", subject.code))
    return lexicon


@cache
def _by_code() -> dict[str, Subject]:
    return {subject.code: subject for subject in subjects()}
