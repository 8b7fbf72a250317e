"""A sentence into the symbols that Kokoro knows, whatever mixture of scripts it is written in.

The network was taught misaki's notation, in which a diphthong is one letter; espeak-ng's is brought into it here.
Source of both tables: misaki 0.9.4 (Apache-2.0), `espeak.py`.
"""

import re
import unicodedata
from collections.abc import Iterator

from workers.engines.speech import espeak, mandarin
from workers.engines.speech.tongue import HAN

MARKS = ';:,.!?—…"()“” '

VOCABULARY = dict(
    zip(
        f"{MARKS}\u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ",
        (
            *(1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 31, 33, 35, 36, 39),
            *(41, 42, 43, 44, 45, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67),
            *(68, 69, 70, 71, 72, 75, 76, 77, 78, 80, 81, 82, 83, 85, 86, 87, 90, 92, 99, 101, 102, 103, 110, 111, 112),
            *(113, 114, 115, 116, 118, 119, 120, 123, 125, 126, 128, 129, 130, 131, 132, 133, 135, 136, 138, 139, 140),
            *(142, 143, 147, 148, 156, 157, 158, 162, 164, 169, 171, 172, 173, 177),
        ),
        strict=True,
    )
)
"""Symbol → token. Source: `vocab` in Kokoro-82M's config.json (Apache-2.0)."""

LENGTHLESS = frozenset(f"{MARKS}ˈˌː→↗↘↓ʰ\u0303")
"""Symbols that are no sound of their own."""


def _table(pairs: str) -> dict[str, str]:
    return {old: new for old, _, new in (pair.partition(":") for pair in pairs.split())}


_ENGLISH = _table("a^ɪ:I a^ʊ:W d^ʒ:ʤ e^ɪ:A t^ʃ:ʧ ɔ^ɪ:Y ə^l:ᵊl e:A r:ɹ ɚ:əɹ x:k ç:k ɐ:ə ɬ:l \u0303: ʲo:jo ʲə:jə ʲ:")
_AMERICAN = _ENGLISH | {"o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪ^ə": "iə", "ɾ": "T", "ʔ": "t", "ː": "", "o": "ɔ"}
_BRITISH = _ENGLISH | {"e^ə": "ɛː", "i^ə": "ɪə", "ə^ʊ": "Q", "ʔ": "t", "o": "ɔ"}
_OTHERS = _table("a^ɪ:I a^ʊ:W d^z:ʣ d^ʒ:ʤ e^ɪ:A o^ʊ:O ə^ʊ:Q s^s:S t^s:ʦ t^ʃ:ʧ ɔ^ɪ:Y -:")

_SAME_MARK = str.maketrans("，。！？：；、（）「」『』【】《》«»„", ",.!?:;,()“”“”“”“”“”“")
_MARK = re.compile(r"([;:,.!?…]+(?=[\s\"()“”]|$)|[—\"()“”]|\s–\s)")
_RUN = re.compile(f"([{HAN}]+)|([\u0900-\u097f\\s]*[\u0900-\u097f]+)")


def phonemes(text: str, language: str) -> str:
    """All of it in symbols of VOCABULARY: sounds, stress, tones, and the punctuation that makes the melody."""
    said: list[str] = []
    text = re.sub(r'"(?=\w)', "“", text.translate(_SAME_MARK)).replace('"', "”")
    for part, is_mark in _parts(text):
        if is_mark:
            said.append(part if part in "“(" else f"{part} ")
        else:
            said += [f"{_sounds(run, tongue)} " for run, tongue in _runs(part, language)]
    joined = " ".join("".join(said).split())
    joined = re.sub(r"\s+([;:,.!?…”)])", r"\1", joined)
    return "".join(symbol for symbol in joined if symbol in VOCABULARY).strip()


def tokens(symbols: str) -> list[int]:
    return [VOCABULARY[symbol] for symbol in symbols]


def sounds(symbols: str) -> int:
    """How many of them are heard."""
    return sum(symbol not in LENGTHLESS for symbol in symbols)


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Words and punctuation by turns, as (part, is it punctuation?)."""
    spaced = re.sub(f"([{HAN}])([,.!?:;]+)", r"\1\2 ", text)
    for at, part in enumerate(_MARK.split(spaced)):
        if at % 2:
            yield ("—" if "–" in part else part), True
        elif part.strip():
            yield part, False


def _runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """What is in one script, and the language whose rules read it; Latin words in Chinese or Hindi are English."""
    latin = "en-us" if language in ("zh", "hi") else language
    done = 0
    for match in _RUN.finditer(text):
        yield text[done : match.start()], latin
        yield match[0], "zh" if match[1] else "hi"
        done = match.end()
    yield text[done:], latin


def _sounds(run: str, language: str) -> str:
    if not any(character.isalnum() or unicodedata.category(character) in ("Sc", "Sm") for character in run):
        return ""
    if language == "zh":
        return mandarin.phonemes(run)
    said = espeak.phonemes(run, language)
    if language == "en-us":
        return _respelt(said, _AMERICAN)
    if language == "en-gb":
        return _respelt(said, _BRITISH)
    return _respelt(said, _OTHERS)


def _respelt(said: str, table: dict[str, str]) -> str:
    for old in sorted(table, key=len, reverse=True):
        said = said.replace(old, table[old])
    said = re.sub("(\\S)\u0329", "ᵊ\\1", said)  # a consonant that is a syllable
    return said.replace(espeak.TIE, "").replace("g", "ɡ")
