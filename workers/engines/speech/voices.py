"""Which of the voices (`storage/voices.py`) reads a text."""

from typing import NamedTuple

from storage.voices import LANGUAGES, OPENAI, SPEAKS, gender_of


class Speaker(NamedTuple):
    """Who reads a text, and in which language (a tag of LANGUAGES)."""

    voice: str
    language: str


def fixed_language(voice: str) -> str | None:
    """The language that a voice's own name asks for.

    None for OpenAI's names, and for voices of a language that nobody speaks here.
    """
    language = None if voice in OPENAI else SPEAKS[voice[0]]
    return language if language in LANGUAGES else None


def speaker(voice: str, language: str) -> Speaker:
    """Who reads `language` when `voice` is asked for: the voice itself if it speaks it, else one of like gender."""
    own = OPENAI.get(voice, voice)
    at_home = SPEAKS[own[0]]
    if at_home == language or at_home == "ja" or (at_home.startswith("en") and language == "en-us"):
        return Speaker(own, at_home if at_home in LANGUAGES else language)
    chosen = LANGUAGES[language]
    return Speaker(chosen.female if gender_of(own) == "female" else chosen.male, language)
