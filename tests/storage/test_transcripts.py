import json

import msgspec
import pytest

from storage import transcripts
from storage.transcripts import Segment, Transcript, Word


def segment(id: int, start: float, end: float, text: str, words: list[Word] | None = None) -> Segment:
    return Segment(id, 0, start, end, text, [50364, 440], 0.0, -0.2, 1.1, 0.01, words)


WORDS = [Word(" Hello", 0.0, 0.5, 0.9), Word(" there.", 0.5, 1.25, 0.8)]
SAID = Transcript(
    text="Hello there. A\t--> b Ünd",
    language="en",
    language_name="english",
    language_probability=0.98,
    duration_s=3725.5,
    segments=[segment(0, 0.0, 1.25, " Hello there.", WORDS), segment(1, 3723.4567, 3725.0, " A\t--> b\n Ünd", [])],
)
NOTHING = Transcript("", "und", "unknown", 0.0, 4.0, [])


def test_what_is_stored_is_read_back() -> None:
    assert transcripts.parsed(msgspec.json.encode(SAID)) == SAID
    with pytest.raises(msgspec.ValidationError):
        transcripts.parsed(b'{"text": 3}')


def test_openai_json_and_text() -> None:
    told = {"text": SAID.text, "usage": {"type": "duration", "seconds": 3726}}
    assert json.loads(transcripts.openai_json(SAID)) == told
    assert transcripts.openai_text(SAID) == SAID.text + "\n"


def test_subtitles_have_hours_and_no_arrow_in_their_text() -> None:
    assert transcripts.openai_srt(SAID) == (
        "1\n00:00:00,000 --> 00:00:01,250\nHello there.\n\n2\n01:02:03,457 --> 01:02:05,000\nA -> b Ünd\n\n"
    )
    assert transcripts.openai_vtt(SAID) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nHello there.\n\n01:02:03.457 --> 01:02:05.000\nA -> b Ünd\n\n"
    )
    assert transcripts.asr_srt(SAID) == transcripts.openai_srt(SAID)


def test_the_webservices_vtt_has_hours_only_where_there_are_any() -> None:
    assert transcripts.asr_vtt(SAID) == (
        "WEBVTT\n\n00:00.000 --> 00:01.250\nHello there.\n\n01:02:03.457 --> 01:02:05.000\nA -> b Ünd\n\n"
    )


def test_the_webservices_txt_and_tsv() -> None:
    assert transcripts.asr_txt(SAID) == "Hello there.\nA\t--> b\n Ünd\n"
    assert transcripts.asr_tsv(SAID) == ("start\tend\ttext\n0\t1250\tHello there.\n3723457\t3725000\tA -> b Ünd\n")


def test_verbose_json_names_the_language_and_gives_segments() -> None:
    told = json.loads(transcripts.openai_verbose_json(SAID))
    assert list(told) == ["task", "language", "duration", "text", "segments", "usage"]
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "english", 3725.5)
    assert told["segments"][0] == {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": 1.25,
        "text": " Hello there.",
        "tokens": [50364, 440],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.1,
        "no_speech_prob": 0.01,
    }


def test_verbose_json_with_words_alone_has_no_segments() -> None:
    told = json.loads(transcripts.openai_verbose_json(SAID, ["word"]))
    assert "segments" not in told
    assert told["words"] == [
        {"word": "Hello", "start": 0.0, "end": 0.5},
        {"word": "there.", "start": 0.5, "end": 1.25},
    ]


def test_a_translations_language_is_english() -> None:
    french = msgspec.structs.replace(SAID, task="translate", language="fr", language_name="french")
    told = json.loads(transcripts.openai_verbose_json(french))
    assert (told["task"], told["language"]) == ("translate", "english")


def test_the_webservices_json_is_ascii_and_gives_a_code() -> None:
    text = transcripts.asr_json(SAID)
    assert text.isascii()
    told = json.loads(text)
    assert list(told) == ["language", "segments", "text"]
    assert told["language"] == "en"
    assert told["segments"][0]["words"][0] == {"word": " Hello", "start": 0.0, "end": 0.5, "probability": 0.9}
    silent = json.loads(transcripts.asr_json(msgspec.structs.replace(SAID, segments=[segment(0, 0, 1, " x")])))
    assert silent["segments"][0]["words"] is None


def test_nothing_said_is_an_empty_text_in_every_format() -> None:
    assert transcripts.openai_text(NOTHING) == "\n"
    assert transcripts.openai_srt(NOTHING) == transcripts.asr_txt(NOTHING) == ""
    assert transcripts.openai_vtt(NOTHING) == transcripts.asr_vtt(NOTHING) == "WEBVTT\n\n"
    assert transcripts.asr_tsv(NOTHING) == "start\tend\ttext\n"
    assert json.loads(transcripts.openai_verbose_json(NOTHING, ["word", "segment"]))["words"] == []


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("zh_Hant", "zh"),
        ("French", "fr"),
        ("Haitian Creole", "ht"),
        ("castilian", "es"),
        ("jv", "jw"),
        (" iw ", "he"),
        ("klingon", None),
        ("", None),
        ("e", None),
    ],
)
def test_languages_are_known_by_code_and_by_name(named: str, code: str | None) -> None:
    assert transcripts.language_code(named) == code


def test_every_language_has_a_name_of_its_own() -> None:
    assert len(transcripts.LANGUAGES) == len(set(transcripts.LANGUAGES.values())) == 99
    assert transcripts.language_name("ht") == "haitian creole"
    assert transcripts.language_name("und") == "unknown"
