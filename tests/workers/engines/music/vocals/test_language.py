import pytest

from workers.engines.music.lyrics import parse
from workers.engines.music.vocals.language import Tongue, tongues


def read(text: str) -> list[Tongue]:
    return [told for block in tongues(parse(text)) for told in block]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", "Walking in the summer rain\nla la la la"),
        ("es", "La luna brilla sobre el mar\nMañana vuelvo a tu ciudad\nNo quiero verte llorar"),
        ("fr", "La nuit descend sur la maison\nJe marche seul au bord de l'eau"),
        ("it", "Il mare di notte è una canzone\nche non si può dimenticare"),
        ("pt-br", "Você não sabe como eu estou\nA noite é longa sem você"),
        ("zh", "月光落在我的窗前\n我想起你说过的话"),
        ("hi", "तेरे बिना दिल नहीं लगता"),
    ],
)
def test_a_song_is_sung_in_its_language(language: str, text: str) -> None:
    assert {told.language for told in read(text)} == {language}


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("Cyrillic", "Я иду по улице один\nИ вижу снег"),
        ("Arabic", "يا حبيبي تعال"),
        ("Japanese", "君の声が聞こえる\n東京"),
        ("Hangul", "사랑해 너를"),
        ("German", "Ich gehe durch die dunkle Nacht\nund du bist nicht bei mir"),
        ("Turkish", "Sen benim için bir rüya gibi\nne çok özledim seni"),
    ],
)
def test_what_no_voice_reads_is_said(named: str, text: str) -> None:
    for told in read(text):
        assert told.language == ""
        assert named in told.why


def test_a_section_may_be_in_another_language() -> None:
    text = "[Verse]\nI walk the road that you know\nAnd all the night is on my own\n[Chorus]\n"
    text += "No quiero que te vayas de mi vida\nporque tú eres todo lo que tengo\n[Bridge]\n我的心"
    assert [told.language for told in read(text)] == ["en-us", "en-us", "es", "es", "zh"]


def test_a_line_nobody_reads_silences_no_other() -> None:
    assert [told.language for told in read("[Verse]\nHold on to the night\nЛюбовь моя")] == ["en-us", ""]
