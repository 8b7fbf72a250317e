from typing import Any

import pytest

from storage.errors import InvalidRequest
from workers.engines.speech import asked
from workers.engines.speech.asked import Wish


def wish(input: object = "Hello there.", **request: Any) -> Wish:
    return asked.read({"kind": "speech", "request": {"input": input, **request}})


def refused(**request: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as told:
        wish(**request)
    return told.value


@pytest.mark.parametrize("input", ["", "   \n\t", None, 7, ["Hello"], "x" * 4097])
def test_an_input_that_is_no_text_or_too_long_is_refused(input: object) -> None:
    assert refused(input=input).field == "input"


@pytest.mark.parametrize("input", ["…?!", "🎉🎉 😀", "***", "---\n```", "—", "。。。", "\u200b\u200d"])
def test_a_text_without_words_has_nothing_to_say(input: str) -> None:
    told = refused(input=input)
    assert told.field == "input"
    assert "nothing to say" in str(told)


@pytest.mark.parametrize("input", ["Привет, как дела?", "こんにちは、元気ですか", "안녕하세요", "שלום לכולם"])
def test_letters_that_no_voice_reads_are_refused(input: str) -> None:
    told = refused(input=input)
    assert told.field == "input"
    assert "no voice" in str(told)


def test_4096_characters_are_spoken() -> None:
    assert len(wish("a" * 4096).text) == 4096


def test_an_unknown_voice_is_told_the_known() -> None:
    told = refused(voice="darth")
    assert told.field == "voice"
    assert "alloy" in str(told)
    assert "zf_xiaobei" in str(told)


@pytest.mark.parametrize("format", ["ogg", "", 3, ["mp3"]])
def test_an_unknown_format_is_refused(format: object) -> None:
    assert refused(response_format=format).field == "response_format"


@pytest.mark.parametrize("speed", [0.24, 4.01, 0, -1, "1", True, float("nan"), float("inf")])
def test_a_speed_out_of_range_is_refused(speed: object) -> None:
    assert refused(speed=speed).field == "speed"


@pytest.mark.parametrize("language", ["de", "klingon", 5])
def test_an_unknown_language_is_refused(language: object) -> None:
    assert refused(language=language).field == "language"


def test_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="kind"):
        asked.read({"kind": "music", "request": {"input": "Hello"}})


def test_what_is_left_out_is_as_at_openai() -> None:
    asked_for = wish()
    assert (asked_for.format, asked_for.speed, asked_for.asked_for) == ("mp3", 1.0, "alloy")


@pytest.mark.parametrize(
    ("input", "request_", "voice", "language"),
    [
        ("Hello there.", {"voice": "alloy"}, "af_alloy", "en-us"),
        ("Hello there.", {"voice": "fable"}, "bm_fable", "en-gb"),
        ("Hello there.", {"voice": "AF_Heart"}, "af_heart", "en-us"),
        ("Hola, ¿cómo estás?", {"voice": "alloy"}, "ef_dora", "es"),
        ("Hola, ¿cómo estás?", {"voice": "onyx"}, "em_alex", "es"),
        ("Hola, ¿cómo estás?", {"voice": "af_heart"}, "af_heart", "en-us"),
        ("Je ne sais pas où elle est.", {"voice": "echo"}, "ff_siwis", "fr"),
        ("今天天气很好。", {"voice": "af_heart"}, "zf_xiaobei", "zh"),
        ("今天天气很好。", {"voice": "echo"}, "zm_yunxi", "zh"),
        ("今天天气很好。", {"voice": "zf_xiaoni"}, "zf_xiaoni", "zh"),
        ("नमस्ते दुनिया", {"voice": "nova"}, "hf_alpha", "hi"),
        ("Taxi, pronto!", {"voice": "nova", "language": "it"}, "if_sara", "it"),
        ("Taxi!", {"voice": "nova", "language": "zh-CN"}, "zf_xiaobei", "zh"),
        ("Hello there.", {"voice": "bm_george", "language": "en"}, "bm_george", "en-gb"),
        ("Hello there.", {"voice": "jm_kumo"}, "jm_kumo", "en-us"),
    ],
)
def test_the_voice_is_one_that_reads_the_text(input: str, request_: dict[str, str], voice: str, language: str) -> None:
    assert wish(input, **request_).speaker == (voice, language)
