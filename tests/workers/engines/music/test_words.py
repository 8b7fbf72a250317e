import pytest

from workers.engines.music.words import understand


@pytest.mark.parametrize(
    ("tags", "genre"),
    [
        ("pop", "pop"), ("heavy metal", "metal"), ("smooth jazz trio", "jazz"), ("lo-fi beats to study", "lofi"),
        ("deep house", "edm"), ("ambient drone", "ambient"), ("epic orchestral", "classical"),
        ("acoustic folk", "folk"), ("hip hop", "hiphop"), ("trap 808", "trap"), ("delta blues", "blues"),
        ("roots reggae", "reggae"),
        ("80s synthwave", "synthwave"), ("country", "country"), ("funky disco", "funk"), ("bossa nova", "latin"),
        ("neo soul r&b", "rnb"), ("摇滚", "rock"), ("爵士", "jazz"), ("电子舞曲", "edm"), ("古风", "guofeng"),
        ("民谣 吉他", "folk"), ("说唱", "hiphop"), ("rock", "rock"),
    ],
)  # fmt: skip
def test_tags_name_a_genre_in_english_and_chinese(tags: str, genre: str) -> None:
    assert understand({"tags": tags}, 1).genre == genre


def test_words_match_whole() -> None:
    assert not understand({"tags": "popular trapeze rocket"}, 1).named_genre


def test_tags_outweigh_the_description() -> None:
    assert understand({"tags": "jazz", "gpt_description_prompt": "a rock song"}, 1).genre == "jazz"


def test_a_refused_genre_is_not_chosen() -> None:
    assert understand({"tags": "rock, jazz", "negative_tags": "rock"}, 1).genre == "jazz"


def test_no_drums_in_the_description_mutes_them() -> None:
    assert understand({"gpt_description_prompt": "calm piano, no drums"}, 1).muted == ["drums"]


@pytest.mark.parametrize(
    ("tags", "dark"),
    [("sad piano", True), ("快乐", False), ("rock", None), ("悲伤", True), ("rock in C major", False), ("A小调", True)],
)
def test_moods_and_keys_say_which_colour(tags: str, dark: bool | None) -> None:
    assert understand({"tags": tags}, 1).dark == dark


def test_instruments_take_their_parts() -> None:
    brief = understand({"tags": "electric piano, 小提琴, double bass"}, 1)
    assert brief.instruments == {"comp": 4, "lead": 40, "bass": 32}


@pytest.mark.parametrize(("text", "seconds"), [("a 90 second track", 90), ("2分钟的纯音乐", 120), ("pop", None)])
def test_a_length_in_words_is_heard(text: str, seconds: float | None) -> None:
    assert understand({"gpt_description_prompt": text}, 1).seconds == seconds
