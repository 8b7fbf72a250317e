"""The language that each line of a song is sung in, or why no voice sings it.

Letters tell Chinese and Hindi, and what nobody reads here. Latin letters are told by their words, which a line has few
of: so the song's words decide, and a section's where they leave no doubt.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from workers.engines.music.lyrics import Block

_VOCABLES = re.compile(r"\b(\w{1,4})(?:[\s,-]+\1\b)+", re.IGNORECASE)
_KANA = re.compile("[\u3040-\u309f\u30a1-\u30fa]")

_FOREIGN = {
    "German": "der die das und ich nicht du ist ein eine mit auf den dem wir sie mir mich dich dir wie auch",
    "Dutch": "de het een ik niet je van en dat wij mijn jou naar voor met zijn geen ook nog",
    "Swedish": "och jag inte är det att en som på för med du mig dig har vi min",
    "Danish or Norwegian": "og jeg ikke er det at en som på for med du meg mig deg dig har vi min",
    "Polish": "i w nie się na to jest że z do jak ty mnie ja co tak już moje",
    "Turkish": "bir ve bu ben sen için ne çok gibi beni seni benim senin değil var yok",
    "Indonesian": "yang dan di aku kau ini itu tak ku mu dengan untuk kamu cinta tidak hati",
    "Vietnamese": "anh em là và không một người yêu đã trong những cho của có",
    "Romanian": "și nu este un o cu pe în mă te sunt mi iubire ce de",
    "Czech": "a je se na to že jsem ne v s jak ty mě já už",
    "Finnish": "ja on ei se minä sinä kun niin mun sun oon olen",
    "Hungarian": "a az és nem hogy egy van én te csak már ez",
}
"""The commonest words of languages in Latin letters that no voice here reads."""
_FOREIGN_LETTERS = {
    "German": "ßäöü", "Swedish": "åäö", "Danish or Norwegian": "åøæ", "Polish": "łśżźćęąń", "Turkish": "ğışç",
    "Vietnamese": "ơưđạảấầậắằặẹẻẽếềểễệịọỏốồổỗộớờởợụủứừửữựỳỷỹ", "Romanian": "șțăâî", "Czech": "řěůčšž",
    "Finnish": "äö", "Hungarian": "őűáéö",
}  # fmt: skip
_WORDS = {name: frozenset(words.split()) for name, words in _FOREIGN.items()}


class Tongue(NamedTuple):
    """`language`: a tag of the voices' LANGUAGES, or "" where `why` says why nobody sings it."""

    language: str
    why: str = ""


def tongues(blocks: Sequence[Block]) -> list[list[Tongue]]:
    """One for each line of each block."""
    whole = _latin(_joined(blocks))
    return [_of_block(block, whole) for block in blocks]


def _of_block(block: Block, whole: Tongue) -> list[Tongue]:
    from workers.engines.speech import tongue

    words = _joined([block])
    japanese = bool(_KANA.search(words))
    own = tongue.surely_latin(words)
    latin = Tongue(own) if own and not _foreign(words) else whole
    return [_of_line(text, latin, japanese) for _, text in block.lines]


def _of_line(text: str, latin: Tongue, japanese: bool) -> Tongue:
    from storage.errors import InvalidRequest
    from workers.engines.speech import tongue

    try:
        script = tongue.script(text)
    except InvalidRequest as error:
        return Tongue("", str(error))
    if script == "zh" and japanese:
        return Tongue("", "no voice here reads Japanese")
    return Tongue(script) if script else latin


def _latin(text: str) -> Tongue:
    from workers.engines.speech import tongue

    foreign = _foreign(text)
    return Tongue("", f"no voice here sings {foreign}") if foreign else Tongue(tongue.latin(text))


def _foreign(text: str) -> str:
    """A language that the words speak for, and that is none of the voices'; or ""."""
    from workers.engines.speech import tongue

    words = re.findall(r"[^\W\d_]+", text.lower())
    scores = {name: float(sum(word in common for word in words)) for name, common in _WORDS.items()}
    for name, letters in _FOREIGN_LETTERS.items():
        scores[name] += 0.5 * sum(any(letter in word for letter in letters) for word in words)
    best = max(scores, key=lambda name: scores[name])
    ours = tongue.spoken_words(text)
    return best if scores[best] >= max(2.0, 0.12 * len(words)) and scores[best] > 1.3 * ours else ""


def _joined(blocks: Sequence[Block]) -> str:
    """All words but those that are sung in every language: la la la."""
    return _VOCABLES.sub(" ", "\n".join(text for block in blocks for _, text in block.lines))
