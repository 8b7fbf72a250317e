from importlib.util import find_spec

import pytest

from workers.engines.speech.phonemes import VOCABULARY, phonemes, sounds, tokens

pytestmark = pytest.mark.skipif(
    not (find_spec("espeakng_loader") and find_spec("pypinyin")), reason="espeak-ng or pypinyin is not installed"
)


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Hello, world!", "en-us", "həlˈO, wˈɜɹld!"),
        ("The bottle.", "en-gb", "ðə bˈɒtᵊl."),
        ("¿Cómo estás?", "es", "kˈomo estˈas?"),
        ("Bonjour, j'ai faim.", "fr", "bɔ̃ʒˈuʁ, ʒe fˈɛ̃."),
        ("你好，世界。", "zh", "ni↗xau↓, ʂɨ↘ʨje↘."),
        ("我的朋友来了。", "zh", "wo↓tɤ pʰə↗ŋjou↓ lai↗lɤ."),
        ("我用Python写。", "zh", "wo↓jʊ↘ŋ pˈIθən ɕje↓."),
        ("In 北京.", "en-us", "ˈɪn pei↓ʨi→ŋ."),
    ],
)
def test_words_become_symbols(text: str, language: str, said: str) -> None:
    assert phonemes(text, language) == said


def test_every_symbol_has_a_token() -> None:
    for text, language in (("“Weird” (naïve) — coöp… x² + y = 5 €", "fr"), ("龘𠮷一不女绿er", "zh"), ("ok\0ok", "it")):
        said = phonemes(text, language)
        assert all(number in VOCABULARY.values() for number in tokens(said))


@pytest.mark.parametrize(
    "syllable", ["zhong1", "nv3", "lve4", "jiu3", "gui4", "er2", "shi4", "zi5", "weng1", "ng2", "o1"]
)
def test_every_kind_of_syllable_has_a_sound(syllable: str) -> None:
    from workers.engines.speech.mandarin import TONES, ipa

    said = ipa(syllable)
    assert sounds(said)
    assert TONES[syllable[-1]] in said
