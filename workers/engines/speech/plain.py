"""The words to say: Markdown, emoji and links taken away or put into words, figures and abbreviations written out.

espeak-ng reads plain numbers by itself; what it would read sign by sign is dealt with here.
"""

import html
import re
import unicodedata
from collections.abc import Callable

from workers.engines.speech import dates, hanzi

_DOT = {"en": "dot", "es": "punto", "fr": "point", "it": "punto", "pt": "ponto", "zh": "点", "hi": "डॉट"}
_AT = {"en": "at", "es": "arroba", "fr": "arobase", "it": "chiocciola", "pt": "arroba", "zh": "艾特", "hi": "ऐट"}
_SLASH = {"en": "slash", "es": "barra", "fr": "slash", "it": "barra", "pt": "barra", "zh": "斜杠", "hi": "स्लैश"}
_AND = {"en": "and", "es": "y", "fr": "et", "it": "e", "pt": "e", "zh": "和", "hi": "और"}

_MONEY = {
    "en": {"$": "dollars", "€": "euros", "£": "pounds", "¥": "yen"},
    "es": {"$": "dólares", "€": "euros", "£": "libras", "¥": "yenes"},
    "fr": {"$": "dollars", "€": "euros", "£": "livres", "¥": "yens"},
    "it": {"$": "dollari", "€": "euro", "£": "sterline", "¥": "yen"},
    "pt": {"$": "dólares", "€": "euros", "£": "libras", "¥": "ienes"},
}
_AMOUNT = r"(\d+(?:[,.]\d{3})*)(?:[.,](\d{1,2}))?(?!\d)"
_BEFORE = re.compile(rf"([$€£¥])\s?{_AMOUNT}(?:\s?(million|billion|millones|millions|milioni|milhões)\b)?")
_AFTER = re.compile(rf"{_AMOUNT}\s?([$€£¥])")

_SHORT = {
    tongue: dict(pair.split("=") for pair in pairs.replace("\n", "").split("|"))
    for tongue, pairs in {
        "en": """Mr.=Mister|Mrs.=Missus|Ms.=Miz|Dr.=Doctor|Prof.=Professor|St.=Saint|vs.=versus|e.g.=for example|
i.e.=that is|etc.=et cetera|approx.=approximately|Jr.=Junior|Sr.=Senior|a.m.=AM|p.m.=PM|U.S.=US|U.K.=UK""",
        "es": """Sr.=Señor|Sra.=Señora|Srta.=Señorita|Dr.=Doctor|Dra.=Doctora|Ud.=usted|Uds.=ustedes|etc.=etcétera|
p. ej.=por ejemplo|EE. UU.=Estados Unidos""",
        "fr": """M.=Monsieur|Mme=Madame|Mlle=Mademoiselle|Dr=Docteur|etc.=et cetera|p. ex.=par exemple|
c.-à-d.=c'est-à-dire|n°=numéro""",
        "it": "Sig.=Signor|Sig.ra=Signora|Dott.=Dottor|ecc.=eccetera",
        "pt": "Sr.=Senhor|Sra.=Senhora|Dr.=Doutor|Dra.=Doutora|etc.=et cetera",
    }.items()
}
_NUMBERED = {"en": r"\bNo\.\s?(?=\d)", "es": r"\b[Nn]\.?º\s?(?=\d)", "pt": r"\b[Nn]\.?º\s?(?=\d)"}

_MARKDOWN = (
    (re.compile(r"^\s*(?:`{3}|~{3}).*$", re.MULTILINE), ""),
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"</?[a-zA-Z][^<>]{0,200}>"), " "),
    (re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"\n]*\")?\)"), r"\1"),
    (re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}(?:[-*_]\s*){3,}$", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE), r"\1\n"),
    (re.compile(r"^\s{0,3}>\s?", re.MULTILINE), ""),
    (re.compile(r"^\s*[-*+•]\s+(?:\[[ xX]\]\s+)?(.*)$", re.MULTILINE), r"\1\n"),
    (re.compile(r"(\*\*\*|\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1", re.DOTALL), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"\1"),
    (re.compile(r"`+([^`\n]*)`+"), r"\1"),
    (re.compile(r"\s*\|\s*"), ", "),
)
_LINK = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"，。！？、；）」]+", re.IGNORECASE)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_BARE_HOST = re.compile(r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|dev|edu|gov|app)\b(?:/[\w./-]*\w)?", re.IGNORECASE)


def plain(text: str, language: str) -> str:
    """`text` as it is said in `language`: paragraphs and punctuation kept, nothing that has no sound.

    Empty if there is nothing to say.
    """
    text = html.unescape(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFC", text).replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ")
    for pattern, instead in _MARKDOWN:
        text = pattern.sub(instead, text)
    tongue = language[:2]
    text = _LINK.sub(lambda found: _link(found[0], tongue), text)
    text = _MAIL.sub(lambda found: _spelt(found[0], tongue), text)
    text = _BARE_HOST.sub(lambda found: _spelt(found[0], tongue), text)
    text = "".join(_sounding(character) for character in text)
    text = _fullwidth(text)
    text = hanzi.read(text) if language == "zh" else _figures(dates.read(text, language), tongue)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    said = re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()
    return said if any(character.isalnum() for character in said) else ""


def _figures(text: str, tongue: str) -> str:
    money = _MONEY.get(tongue)
    if money:
        text = _BEFORE.sub(lambda found: _amount(found[2], found[3], found[4], money[found[1]]), text)
        text = _AFTER.sub(lambda found: _amount(found[1], found[2], None, money[found[3]]), text)
    for short, long in _SHORT.get(tongue, {}).items():
        last = r"(\s*$)?" if short.endswith(".") else ""
        text = re.sub(rf"(?<![\w.]){re.escape(short)}(?!\w){last}", _written_out(long), text, flags=re.MULTILINE)
    if tongue in _NUMBERED:
        text = re.sub(_NUMBERED[tongue], "number " if tongue == "en" else "número ", text)
    text = re.sub(r"\b([A-Z])([A-Z]?)&([A-Z])\b", r"\1 \2 & \3", text)  # AT&T
    text = re.sub(r"(?<=\w)\s*&\s*(?=\w)", f" {_AND.get(tongue, 'and')} ", text)
    return re.sub(r"(?<=\d)\s?[–-]\s?(?=\d)", " – ", text) if tongue == "en" else text


def _written_out(long: str) -> Callable[[re.Match[str]], str]:
    """An abbreviation at the end of a line also ends the sentence."""
    return lambda found: long + ("." if found.lastindex else "")


def _amount(whole: str, cents: str | None, scale: str | None, name: str) -> str:
    if scale:
        return f"{whole}{'.' + cents if cents else ''} {scale} {name}"
    whole = re.sub(r"[,.](?=\d{3})", "", whole)
    name = {"dollars": "dollar", "euros": "euro", "pounds": "pound"}.get(name, name) if whole == "1" else name
    return f"{whole} {name}" + (f" {int(cents)}" if cents and int(cents) else "")


def _link(link: str, tongue: str) -> str:
    """A link by its host: what follows is of no use to the ear."""
    ending = re.search(r"[.,;:!?)\]]*$", link)
    tail = ending[0] if ending else ""
    address = re.sub(r"^(?:\w+://)?(?:www\.)?", "", link.removesuffix(tail))
    return _spelt(address.split("/")[0].split("?")[0].split(":")[0], tongue) + tail


def _spelt(address: str, tongue: str) -> str:
    words = {".": _DOT, "@": _AT, "/": _SLASH}
    named = "".join(f" {words[sign].get(tongue, '')} " if sign in words else sign for sign in address)
    return " ".join(re.sub(r"[-_+]", " ", named).split())


def _sounding(character: str) -> str:
    """Nothing for an emoji, a picture sign or an invisible character."""
    if character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category in ("So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf") and character not in "°℃":
        return " " if category == "So" else ""
    return "" if "\ufe00" <= character <= "\ufe0f" or character in "*_#~^\u20e3" else character


def _fullwidth(text: str) -> str:
    """Full-width letters, digits and signs as the plain ones; Chinese punctuation stays."""
    return "".join(
        chr(ord(character) - 0xFEE0)
        if "！" <= character <= "～" and (character.isalnum() or character in "％＄＋－．／：")
        else character
        for character in text
    )
