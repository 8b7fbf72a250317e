"""In which language a text is written: by its letters, and among those in Latin letters by their commonest words."""

import re
import unicodedata
from collections import Counter

from storage.errors import InvalidRequest

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
HAS_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile("[\u3040-\u30ff]")
_SPEAKABLE = frozenset(("LATIN", "FULLWIDTH", "CJK", "DEVANAGARI"))

_COMMON = {
    "en": """the of and to in is you that it was for on are with as his they at be this have from or had by but what
    were we when your can said there use an each which she do how their if will up about out many then them hello
    please thank thanks""",
    "es": """el la los las de del que y en un una por con no se su para es al lo como más pero sus le ha me si sin
    sobre este ya cuando todo esta son también fue muy hasta desde donde quien hola gracias buenos buenas días
    está están estoy tengo qué cómo mañana hoy señor señora""",
    "fr": """le la les de des du et en un une est que pour qui dans sur pas au avec il elle ce cette je nous vous ne
    se son sa par plus mais ou où sont aux être bonjour merci bonsoir salut très aujourd'hui demain j'ai c'est""",
    "it": """il lo la gli le di del della dei che e è un una per con non si da in sono come più ma al anche mi ho nel
    alla questo questa ciao grazie buongiorno molto oggi domani perché""",
    "pt": """o os as de do da dos das que e em um uma para com não se por mais como mas ao foi ele ela são você isso
    meu minha também muito olá obrigado obrigada bom dia hoje amanhã está estou na no nas nos""",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_LETTERS = {"es": "ñ¿¡", "fr": "œùûêîâç", "it": "ìò", "pt": "ãõç"}
"""What of these languages only one or two write."""


def script(text: str) -> str:
    """The language that the letters of `text` leave no choice about ("zh", "hi"), or "" for Latin letters.

    Raises InvalidRequest if most of it is in letters that no voice here reads.
    """
    counted = Counter(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())
    if _KANA.search(text) and counted["HIRAGANA"] + counted["KATAKANA"] > counted["LATIN"]:
        raise InvalidRequest("no voice here reads Japanese", field="input")
    if not counted:
        return ""
    foreign = sum(n for name, n in counted.items() if name not in _SPEAKABLE)
    if foreign > sum(counted.values()) / 2:
        name = next(name for name, _ in counted.most_common() if name not in _SPEAKABLE)
        raise InvalidRequest(f"no voice here reads {name.capitalize()} letters", field="input")
    # A Chinese character is a syllable, a Latin letter a third of a word or less.
    weighed = {"": (counted["LATIN"] + counted["FULLWIDTH"]) / 4, "zh": counted["CJK"], "hi": counted["DEVANAGARI"] / 2}
    return max(weighed, key=lambda language: weighed[language])


def latin(text: str) -> str:
    """The likeliest of LANGUAGES for a text in Latin letters; American English, if nothing speaks for another."""
    words, scores = _scored(text)
    best = max(scores, key=lambda language: scores[language])  # English is first, and wins a tie
    if best == "en" or scores[best] < max(1.0, 0.1 * len(words)):
        return "en-us"
    return "pt-br" if best == "pt" else best


def surely_latin(text: str) -> str | None:
    """The same, only where the words leave little doubt whether it is English: three for one, twice those for other."""
    words, scores = _scored(text)
    english, other = scores["en"], max(score for language, score in scores.items() if language != "en")
    sure = max(english, other) >= max(3.0, 2 * min(english, other), 0.2 * len(words))
    return latin(text) if sure else None


def _scored(text: str) -> tuple[list[str], dict[str, float]]:
    words = re.findall(r"(?<!\w)[^\W\d_]+(?:'[^\W\d_]+)?(?!\w)", text.lower())
    scores = {language: float(sum(word in common for word in words)) for language, common in _WORDS.items()}
    for language, letters in _LETTERS.items():
        scores[language] += 1.5 * any(letter in text.lower() for letter in letters) * (scores["en"] < 2)
    return words, scores


def spoken_words(text: str) -> float:
    """How many of the words, and of the letters that few languages have, speak for one language that is read here."""
    return max(_scored(text)[1].values())
