"""A text in pieces that are spoken one by one: sentences, the first of them short, none too long for the network."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from workers.engines.speech.tongue import HAS_HAN

LONGEST = 200
"""Of a piece, in about as many symbols of the network, which takes 510. Memory grows with it: 132 took 0.6 GB."""

_FIRST = 70  # so that there is something to hear after about four seconds of sound have been made
_SHORTEST = 14  # the network mumbles what is shorter: it goes with its neighbour

_SENTENCE_S, _PARAGRAPH_S, _CLAUSE_S, _NO_S = 0.32, 0.6, 0.14, 0.03

_END = re.compile(r"(?:[.!?…]+[\"”'’)\]»]*(?=\s)|[。！？]+[”』」）\"]*|\n+)")
_CLAUSE = re.compile(r"(?:[,;:—](?=\s)|[，；：、]|\s[–—](?=\s))")
_BREAKS = re.compile(r"\s+")


class Piece(NamedTuple):
    """`pause_s`: the silence behind it, at normal speed."""

    text: str
    pause_s: float

    @property
    def weight(self) -> float:
        return weight(self.text)


def weight(text: str) -> float:
    """About how many symbols it becomes: a Chinese character five, a digit six, any other letter one."""
    han, figures = len(HAS_HAN.findall(text)), sum(character.isdigit() for character in text)
    return len(text) + 4 * han + 5 * figures


def pieces(text: str) -> list[Piece]:
    """All of `text`, in order; the last has no pause behind it."""
    cut = [part for sentence in _merged(list(_sentences(text))) for part in _short_enough(sentence, LONGEST)]
    if cut and cut[0].weight > _FIRST:
        cut[:1] = _early(cut[0])
    if cut:
        cut[-1] = Piece(cut[-1].text, 0.0)
    return cut


def _sentences(text: str) -> Iterator[Piece]:
    done = 0
    for match in _END.finditer(text):
        sentence = text[done : match.end()].strip()
        if any(character.isalnum() for character in sentence):
            newlines = match[0].count("\n") + text[match.end() : match.end() + 2].count("\n")
            yield Piece(_ended(sentence), _PARAGRAPH_S if newlines else _SENTENCE_S)
        done = match.end()
    rest = text[done:].strip()
    if any(character.isalnum() for character in rest):
        yield Piece(_ended(rest), 0.0)


def _ended(sentence: str) -> str:
    """With a mark at its end, without which the voice breaks off (a line of a list, a heading)."""
    if sentence[-1].isalnum():
        return sentence + ("。" if HAS_HAN.match(sentence[-1]) else ".")
    return sentence


def _merged(sentences: list[Piece]) -> list[Piece]:
    """What is too short goes with what follows it, and at the very end with what came before."""
    joined: list[Piece] = []
    for sentence in sentences:
        if joined and joined[-1].weight < _SHORTEST:
            sentence = Piece(f"{joined.pop().text} {sentence.text}", sentence.pause_s)
        joined.append(sentence)
    if len(joined) > 1 and joined[-1].weight < _SHORTEST:
        last = joined.pop()
        joined[-1] = Piece(f"{joined[-1].text} {last.text}", last.pause_s)
    return joined


def _short_enough(piece: Piece, limit: float) -> list[Piece]:
    """Halved at the best place near the middle, until each part is within `limit`."""
    if piece.weight <= limit or len(piece.text) < 2:
        return [piece]
    at, pause_s = _middle(piece.text)
    left, right = piece.text[:at].strip(), piece.text[at:].strip()
    if not left or not right:
        return [piece]
    return [*_short_enough(Piece(left, pause_s), limit), *_short_enough(Piece(right, piece.pause_s), limit)]


def _middle(text: str) -> tuple[int, float]:
    """Where to cut, and the pause there: a clause's end in the middle three fifths, else a space, else anywhere."""
    size = len(text)
    for pattern, pause_s, reach in ((_CLAUSE, _CLAUSE_S, 0.3), (_BREAKS, _NO_S, 0.45)):
        ends = [match.end() for match in pattern.finditer(text)]
        near = [end for end in ends if abs(end - size / 2) <= reach * size]
        if near:
            return min(near, key=lambda end: abs(end - size / 2)), pause_s
    return size // 2, _NO_S


def _early(piece: Piece) -> list[Piece]:
    """The first clause of a long first sentence by itself, if one ends soon enough."""
    for match in _CLAUSE.finditer(piece.text):
        first = piece.text[: match.end()].strip()
        if weight(first) > _FIRST:
            break
        if weight(first) > _SHORTEST:
            return [Piece(first, _CLAUSE_S), Piece(piece.text[match.end() :].strip(), piece.pause_s)]
    return [piece]
