"""Chinese characters into the IPA that Kokoro was taught, by way of pinyin.

The network knows tones as arrows behind the vowel: → first, ↗ second, ↓ third, ↘ fourth, none neutral. Source of the
notation: misaki 0.9.4 (Apache-2.0), `zh.py` and `transcription.py`, after Duanmu, "The Phonology of Standard Chinese".
"""

import re
from importlib import import_module
from typing import Any

TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}

_INITIALS = {
    "": "",
    **dict(
        pair.split(":")
        for pair in """f:f l:l m:m n:n s:s b:p p:pʰ d:t t:tʰ g:k k:kʰ h:x j:ʨ q:ʨʰ x:ɕ zh:ꭧ ch:ꭧʰ sh:ʂ r:ɻ
        z:ʦ c:ʦʰ""".split()
    ),
}
_FINALS = dict(
    pair.split(":")
    for pair in """a:a0 ai:ai0 an:a0n ang:a0ŋ ao:au0 e:ɤ0 ei:ei0 en:ə0n eng:ə0ŋ er:ɚ0 i:i0 ia:ja0 ian:jɛ0n
    iang:ja0ŋ iao:jau0 ie:je0 in:i0n ing:i0ŋ io:jɔ0 iong:jʊ0ŋ iou:jou0 o:wo0 ong:ʊ0ŋ ou:ou0 u:u0 ua:wa0 uai:wai0
    uan:wa0n uang:wa0ŋ uei:wei0 uen:wə0n ueng:wə0ŋ uo:wo0 v:y0 van:ɥɛ0n ve:ɥe0 vn:y0n ê:ɛ0""".split()
)
"""Strict finals, ü as v; 0 stands where the tone does."""

_BUZZ = "ɨ0"  # the i of zhi and zi, which is no i
_BUZZING = frozenset(("zh", "ch", "sh", "r", "z", "c", "s"))
_ODD = {"m": "m0", "n": "n0", "ng": "ŋ0", "hm": "hm0", "hng": "hŋ0", "o": "ɔ0", "yo": "jɔ0"}


_CLINGING = frozenset("的了们吗吧呢着过")
"""Particles, which belong to the word before."""


def phonemes(characters: str) -> str:
    """The sounds of a run of Chinese characters, in words; one that no dictionary knows is passed over.

    Words are taken to have two characters, as most have. Without spaces the network swallows syllables: 10.9 and 7.3 %
    of characters were misheard (two voices, four sentences), 1.8 and 3.6 % with them.
    """
    pypinyin: Any = import_module("pypinyin")
    known = [one for one in characters if ord(one) in pypinyin.constants.PINYIN_DICT]
    syllables = pypinyin.lazy_pinyin(
        "".join(known),
        style=pypinyin.Style.TONE3,
        neutral_tone_with_five=True,
        tone_sandhi=True,  # of 一 and 不, and within the words it knows
    )
    said, size = "", 0
    for character, syllable in zip(known, _sandhi(syllables), strict=True):
        if size >= 2 and character not in _CLINGING:
            said, size = f"{said} ", 0
        said, size = said + ipa(syllable), size + 1
    return said


def ipa(syllable: str) -> str:
    """Of one syllable in pinyin with its tone as a digit: "zhong1" → "ꭧʊ→ŋ"."""
    convert: Any = import_module("pypinyin.contrib.tone_convert")
    plain, tone = syllable.rstrip("12345"), TONES[syllable[-1] if syllable[-1] in TONES else "5"]
    if plain in _ODD:
        return _ODD[plain].replace("0", tone)
    initial = convert.to_initials(plain, strict=True)
    final = convert.to_finals(plain, strict=True, v_to_u=False)
    vowels = _BUZZ if final == "i" and initial in _BUZZING else _FINALS.get(final, "")
    return _INITIALS.get(initial, "") + vowels.replace("0", tone)


def _sandhi(syllables: list[str]) -> list[str]:
    """Third tones in a row: all but the last of each two (or three) become the second."""
    low = "".join("3" if one.endswith("3") else "-" for one in syllables)
    changed = list(syllables)
    for run in re.finditer("33+", low):
        for at in range(run.start(), run.end() - 1):
            rest = run.end() - at
            if (at - run.start()) % 2 == 0 or rest == 2:
                changed[at] = syllables[at][:-1] + "2"
    return changed
