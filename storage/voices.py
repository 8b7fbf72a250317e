"""What may be asked of speech: Kokoro's 54 voices, OpenAI's names for them, languages, formats and limits.

The first letter of a voice's own name is its language, the second its gender. OpenAI's voices speak every language, so
their names stand for one voice in each.
"""

from typing import NamedTuple

import msgspec

from storage.errors import InvalidRequest

LONGEST = 4096
"""Characters of a text. Source: OpenAI's API reference, "Create speech"."""

SLOWEST, FASTEST = 0.25, 4.0
"""Source: the same."""

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
"""Source: the same. The first is for who names none."""

WHEN_NONE_IS_NAMED = "alloy"


class Language(NamedTuple):
    """`tag`: as callers write it; `default`: the voice that reads it when the one asked for cannot."""

    tag: str
    name: str
    female: str
    male: str


LANGUAGES = {
    one.tag: one
    for one in (
        Language("en-us", "American English", "af_heart", "am_michael"),
        Language("en-gb", "British English", "bf_emma", "bm_george"),
        Language("es", "Spanish", "ef_dora", "em_alex"),
        Language("fr", "French", "ff_siwis", "ff_siwis"),
        Language("hi", "Hindi", "hf_alpha", "hm_omega"),
        Language("it", "Italian", "if_sara", "im_nicola"),
        Language("pt-br", "Brazilian Portuguese", "pf_dora", "pm_alex"),
        Language("zh", "Mandarin Chinese", "zf_xiaobei", "zm_yunxi"),
    )
}

SPEAKS = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}
"""The first letter of a voice's own name → its language. No Japanese is spoken here."""

_OTHER_TAGS = {
    "en": "en-us",
    "cmn": "zh",
    "pt": "pt-br",
    "english": "en-us",
    "chinese": "zh",
    "mandarin": "zh",
    "portuguese": "pt-br",
    **{f"zh-{region}": "zh" for region in ("cn", "tw", "hk", "sg", "hans", "hant")},
    **{name.lower(): tag for tag, (_, name, _, _) in LANGUAGES.items()},
}

OWN = tuple(
    """af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam
    am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice bf_emma bf_isabella bf_lily
    bm_daniel bm_fable bm_george bm_lewis ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara
    im_nicola jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa zf_xiaobei zf_xiaoni
    zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang""".split()
)
"""Source: the folder `voices` of the npm package kokoro-js 1.2.1."""

OPENAI = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "cedar": "am_fenrir",
    "coral": "af_bella",
    "echo": "am_echo",
    "fable": "bm_fable",
    "marin": "af_heart",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_sarah",
    "shimmer": "af_sky",
    "verse": "am_puck",
}
"""OpenAI's voices in English: the namesake where there is one, else one of like gender and temper."""


class Voice(msgspec.Struct, frozen=True):
    """One voice as callers are told of it. `name` is the `id`: some clients send back the one, some the other.

    `language`: its own; None for OpenAI's names, which speak all of them. `stands_for`: what such a name is in English.
    """

    id: str
    name: str
    language: str | None
    gender: str
    stands_for: str | None


def voices() -> list[Voice]:
    """OpenAI's names, then the engine's own. Those of `ja` read other languages: no Japanese is spoken here."""
    aliases = [Voice(name, name, None, gender_of(own), own) for name, own in OPENAI.items()]
    return [*aliases, *(Voice(name, name, SPEAKS[name[0]], gender_of(name), None) for name in OWN)]


def known(name: str) -> str:
    """The voice asked for, as it is spelt here. Raises InvalidRequest."""
    found = name.strip().lower()
    if found not in OWN and found not in OPENAI:
        raise InvalidRequest(
            f"no voice is called {name[:50]!r}; there are OpenAI's, {', '.join(OPENAI)}, and {', '.join(OWN)}",
            field="voice",
        )
    return found


def language_tag(asked: str) -> str:
    """A tag of LANGUAGES for a caller's "en", "zh-CN", "Spanish". Raises InvalidRequest."""
    tag = asked.strip().lower().replace("_", "-")
    for candidate in (tag, tag.partition("-")[0]):
        found = _OTHER_TAGS.get(candidate, candidate)
        if found in LANGUAGES:
            return found
    raise InvalidRequest(f"{asked[:50]!r} is not spoken here; there are: {', '.join(LANGUAGES)}", field="language")


def gender_of(name: str) -> str:
    """Of one of the engine's own voices."""
    return "female" if name[1] == "f" else "male"
