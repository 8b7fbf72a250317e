from storage.voices import LANGUAGES, OPENAI, OWN
from workers.engines.speech.voices import speaker


def test_whoever_reads_a_language_is_there() -> None:
    for names in (OPENAI, OWN):
        for name in names:
            for language in LANGUAGES:
                assert speaker(name, language).voice in OWN
