"""Transcripts of all shapes, made into the one that is stored."""

from typing import Any

import msgspec
import pytest

from storage.errors import UpstreamMalformed
from storage.transcripts import Transcript, openai_srt, openai_verbose_json, parsed
from tests.workers.adapters import asking
from tests.workers.adapters.wires import replied
from workers.adapters.base import Done
from workers.adapters.heard import transcript
from workers.adapters.openai import OpenAI
from workers.adapters.whisper_asr import WhisperAsr


def heard(wire: str, **request: Any) -> Transcript:
    """What is stored of a saved answer."""
    adapter = OpenAI() if wire.startswith("openai/") else WhisperAsr()
    (item,) = adapter.taken(asking.recording(b"", **request).task, replied(wire)).items
    assert isinstance(item, Done)
    (file,) = item.files
    assert file.data
    assert file.content_type == "application/json"
    return parsed(file.data)


def test_openais_verbose_json_is_kept_whole() -> None:
    said = heard("openai/verbose_json", word_timestamps=True)
    assert (said.text, said.language, said.language_name) == (
        "Hello there, old friend. How are you?",
        "en",
        "english",
    )
    assert (said.duration_s, said.task, len(said.segments)) == (3.47, "transcribe", 2)
    assert said.segments[1].avg_logprob == -0.5
    told = msgspec.json.decode(openai_verbose_json(said, ["word", "segment"]))
    saved = replied("openai/verbose_json").json
    assert told["segments"] == saved["segments"]
    assert [(one["start"], one["end"]) for one in told["words"]] == [
        (one["start"], one["end"]) for one in saved["words"]
    ]


def test_words_beside_the_segments_go_into_them_as_the_text_has_them() -> None:
    first, second = heard("openai/verbose_json", word_timestamps=True).segments
    assert [one.word for one in first.words or ()] == [" Hello", " there,", " old", " friend."]
    assert [one.word for one in second.words or ()] == [" How", " are", " you?"]
    assert {one.probability for one in second.words or ()} == {0.6065}  # e to the segment's -0.5


def test_words_without_segments_make_one() -> None:
    said = heard("openai/verbose_json_words_only", word_timestamps=True)
    (segment,) = said.segments
    assert (segment.start, segment.end, said.duration_s) == (0, 3.47, 3.47)
    assert "".join(one.word for one in segment.words or ()) == "Hello there, old friend. How are you?"


def test_a_text_alone_is_one_segment_as_long_as_the_recording_is_said_to_be() -> None:
    said = heard("openai/json_seconds")
    assert openai_srt(said) == "1\n00:00:00,000 --> 00:00:04,000\nHello there, old friend.\n\n"
    assert heard("openai/json_tokens").segments[0].end == 0  # nobody says


def test_the_language_of_a_translation_is_not_the_one_it_is_written_in() -> None:
    said = heard("openai/translation", task="translate")
    assert (said.language, said.language_name, said.task) == ("und", "unknown", "translate")
    assert heard("openai/translation", task="translate", language="de").language == "de"


def test_a_language_may_be_a_code() -> None:
    said = heard("openai/verbose_json_speaches")
    assert (said.language, said.language_name, said.segments[0].words) == ("de", "german", None)


@pytest.mark.parametrize("wire", ["openai/silence", "whisper_asr/silence"])
def test_silence_is_a_transcript_without_words(wire: str) -> None:
    said = heard(wire)
    assert (said.text, said.segments, said.language) == ("", [], "und")


def test_the_first_engine_of_whisper_asr() -> None:
    said = heard("whisper_asr/openai_whisper")
    assert (said.text, said.language) == ("Hello there, old friend. How are you?", "en")
    assert (said.duration_s, said.segments[0].text) == (3.2, " Hello there, old friend.")


def test_the_second_engine_of_whisper_asr_escapes_and_leaves_words_null() -> None:
    said = heard("whisper_asr/faster_whisper")
    assert (said.text, said.language, said.segments[0].words) == ("Schöne Grüße.", "de", None)
    words = heard("whisper_asr/faster_whisper_words").segments[0].words
    assert words
    assert (words[0].word, words[0].probability) == (" Hello", 0.93)


def test_the_third_engine_of_whisper_asr_has_no_text_of_the_whole() -> None:
    said = heard("whisper_asr/whisperx")
    assert said.text == "Hello there, old friend. How are you?"
    assert [one.id for one in said.segments] == [0, 1]
    words = said.segments[0].words
    assert words
    assert len(words) == 3  # one was not aligned, and has no times
    assert words[0].probability == 0.9


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"text": None},
        {"segments": [{"start": 0, "end": 1}]},
        {"segments": [{"start": "soon", "end": 1, "text": "a"}]},
        {"segments": [{"start": -1, "end": 1, "text": "a"}]},
        {"text": "a", "duration": "nan"},
        {"text": "a", "segments": ["a"]},
        {"text": "a", "words": [{"word": 5, "start": 0, "end": 1}]},
        {"segments": [{"start": 0, "end": 1, "text": "a", "tokens": ["<|0.00|>"]}]},
    ],
)
def test_what_is_no_transcript_is_malformed(answer: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMalformed) as failed:
        transcript(answer, {}, in_doubt=True)
    assert failed.value.in_doubt


def test_an_end_before_its_beginning_is_mended() -> None:
    said = transcript({"segments": [{"start": 2.0, "end": 1.5, "text": " a"}]}, {})
    assert said.segments[0].end == 2.0
