"""Lyrics as the composer sees them: sections by their marks, lines, and the syllables of each line."""

import re
import unicodedata

import msgspec

KINDS = ("intro", "verse", "prechorus", "chorus", "bridge", "solo", "break", "outro", "end")

_MARK = re.compile(r"^\s*[\[【(（<]\s*([^\]】)）>]{1,120}?)\s*[\]】)）>]\s*$")
_INLINE_MARK = re.compile(r"[\[【]([^\]】]{1,120})[\]】]")
_NAMES: tuple[tuple[str, str], ...] = (
    (r"pre[\s-]?chorus|pre[\s-]?hook|build|导歌|预副歌", "prechorus"),
    (r"chorus|refrain|hook|drop|副歌|高潮", "chorus"),
    (r"instrumental|interlude|break|间奏|过门", "break"),
    (r"intro|前奏|序", "intro"),
    (r"verse|主歌|rap|说唱|独白|spoken", "verse"),
    (r"bridge|middle\s*8|桥段|过渡|间桥", "bridge"),
    (r"solo|独奏", "solo"),
    (r"outro|coda|尾奏|尾声", "outro"),
    (r"end|fin|fade|结束|终", "end"),
)
_PLAIN_MARK = re.compile(
    r"^\s*(intro|verse|pre-?chorus|chorus|bridge|solo|outro|interlude)\s*\d*\s*:\s*$", re.IGNORECASE
)
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœ]+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d")


class Block(msgspec.Struct, frozen=True):
    """A section of lyrics: its kind, the words of its mark, its lines with their numbers in the text (from 1)."""

    kind: str
    label: str
    lines: list[tuple[int, str]]


def parse(text: str) -> list[Block]:
    """The sections of a lyric, in order. Text without marks is parted at its empty lines into verses and choruses."""
    blocks: list[Block] = []
    marked = False
    fresh = True
    for number, line in enumerate(text.splitlines(), 1):
        mark = _mark(line)
        if mark is not None:
            marked = True
            blocks.append(Block(kind_of(mark), mark, []))
            fresh = False
            continue
        words = " ".join(_INLINE_MARK.sub(" ", line).split())
        if not words:
            fresh = fresh or not marked
        elif syllables(words):
            if fresh or not blocks:
                blocks.append(Block("verse", "", []))
                fresh = False
            blocks[-1].lines.append((number, words))
    return blocks if marked else _guessed(blocks)


def kind_of(mark: str) -> str:
    """The kind of section a mark names; marks nobody knows are verses."""
    lowered = mark.lower()
    return next((kind for pattern, kind in _NAMES if re.search(pattern, lowered)), "verse")


def _mark(line: str) -> str | None:
    match = _MARK.match(line)
    if match is not None and (line.lstrip()[0] in "[【" or any(re.search(p, match[1].lower()) for p, _ in _NAMES)):
        return match[1]
    plain = _PLAIN_MARK.match(line)
    return plain[0].strip().rstrip(":").strip() if plain else None


def _guessed(blocks: list[Block]) -> list[Block]:
    """Unmarked stanzas: one that comes again is the chorus, else every second one; long ones are parted."""
    stanzas = [block.lines[at : at + 8] for block in blocks for at in range(0, len(block.lines), 8)]
    texts = [tuple(words for _, words in stanza) for stanza in stanzas]
    repeated = {text for text in texts if texts.count(text) > 1}
    return [
        Block("chorus" if (text in repeated if repeated else index % 2 == 1) else "verse", "", stanza)
        for index, (stanza, text) in enumerate(zip(stanzas, texts, strict=True))
    ]


def syllables(line: str) -> int:
    """How many notes a line needs: a CJK character or kana or Hangul block is one, a word as many as its vowel groups.

    Other scripts count one for every two letters. Digits count one, signs and emoji none.
    """
    return sum(_in_word(word) for word in _WORD.findall(line))


def _in_word(word: str) -> int:
    wide = sum(_is_syllable(character) for character in word)
    if wide:
        rest = "".join(character for character in word if not _is_syllable(character))
        return wide + (_in_word(rest) if rest.isascii() and rest.isalpha() else 0)
    plain = word.lower().replace("’", "'")
    groups = len(_VOWELS.findall(plain))
    if not groups:
        return 1 if word.isascii() else max(1, (len(word) + 1) // 2)
    stem = plain.split("'")[0]
    silent = stem.endswith("e") and not re.search(r"[aeiouy]e$|[^aeiouy]le$", stem)
    silent_ed = bool(re.search(r"[^aeiouytd]ed$", stem))
    return max(1, groups - (silent or silent_ed))


def _is_syllable(character: str) -> bool:
    """Small kana and combining marks lean on the character before them."""
    if character in "ぁぃぅぇぉゃゅょゎァィゥェォャュョヮー":
        return False
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "HANGUL SYLLABLE"))
