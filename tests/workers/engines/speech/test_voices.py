from workers.engines.speech.voices import LANGUAGES, OPENAI, OWN, speaker, voices


def test_every_voice_is_listed_once_with_its_language_and_gender() -> None:
    listed = {one.id: one for one in voices()}
    assert len(listed) == len(OWN) == 54
    assert listed["bm_fable"].language == "en-gb"
    assert listed["bm_fable"].gender == "male"
    assert listed["bm_fable"].openai == ["fable"]
    assert {one.language for one in listed.values()} == {*LANGUAGES, "ja"}


def test_openais_names_stand_for_voices_that_are_there() -> None:
    assert set(OPENAI.values()) <= set(OWN)
    assert sorted(alias for one in voices() for alias in one.openai) == sorted(OPENAI)
    for names in (OPENAI, OWN):
        for name in names:
            for language in LANGUAGES:
                assert speaker(name, language).voice in OWN
