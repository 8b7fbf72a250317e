import pytest

from storage.errors import InvalidRequest
from storage.voices import LANGUAGES, OPENAI, OWN, known, language_tag, voices


def test_every_voice_is_listed_once_with_its_language_and_gender() -> None:
    listed = {one.id: one for one in voices()}
    assert len(listed) == len(voices()) == len(OWN) + len(OPENAI) == 67
    assert (listed["bm_fable"].language, listed["bm_fable"].gender) == ("en-gb", "male")
    assert (listed["fable"].language, listed["fable"].gender) == (None, "male")
    assert listed["fable"].stands_for == "bm_fable"
    assert {listed[name].language for name in OWN} == {*LANGUAGES, "ja"}


def test_openais_names_stand_for_voices_that_are_there() -> None:
    assert set(OPENAI.values()) <= set(OWN)


def test_every_listed_voice_may_be_asked_for_however_it_is_written() -> None:
    assert [known(f" {one.id.upper()} ") for one in voices()] == [one.id for one in voices()]


@pytest.mark.parametrize("name", ["darth", "alloy2", "a" * 10_000])
def test_an_unknown_voice_is_refused_with_the_known(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"alloy.*zf_xiaobei") as refused:
        known(name)
    assert refused.value.field == "voice"
    assert len(str(refused.value)) < 1_500


@pytest.mark.parametrize(
    ("asked", "tag"),
    [("en", "en-us"), ("EN_gb", "en-gb"), ("zh-CN", "zh"), ("Spanish", "es"), ("pt", "pt-br"), ("fr-CA", "fr")],
)
def test_a_language_may_be_written_in_the_ways_that_callers_have(asked: str, tag: str) -> None:
    assert language_tag(asked) == tag


def test_an_unknown_language_is_refused_with_the_known() -> None:
    with pytest.raises(InvalidRequest, match=r"en-us.*zh") as refused:
        language_tag("klingon")
    assert refused.value.field == "language"
