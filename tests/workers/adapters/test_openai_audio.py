"""The OpenAI adapter: speech and recordings."""

from pathlib import Path
from typing import Any

import pytest

from storage.errors import UpstreamMalformed
from storage.wire.reply import Reply
from tests.workers.adapters import asking
from tests.workers.adapters.wires import replied
from workers.adapters.base import Call, Done, Field, Given
from workers.adapters.openai import OpenAI

SAID = asking.speech().task


def fields(call: Call) -> list[tuple[str, Any]]:
    return [(field.name, field.value) for field in call.form if isinstance(field.value, str)]


def listen(model: str = "whisper-1", options: dict[str, Any] | None = None, **request: Any) -> Call:
    return OpenAI(options).submit(asking.recording(b"", model, **request).task)


def test_speech_is_asked_for_as_a_file_in_the_upstreams_voice() -> None:
    options = {"voices": {"af_heart": "nova"}, "extras": ["language"]}
    task = asking.speech("tts-1-hd", voice="af_heart", response_format="opus", speed=1.5, language="en").task
    call = OpenAI(options).submit(task)
    assert (call.path, call.to_file, call.pays) == ("/audio/speech", True, True)
    assert call.json == {
        "model": "tts-1-hd",
        "input": "hello there",
        "voice": "nova",
        "response_format": "opus",
        "speed": 1.5,
        "language": "en",
    }
    assert "language" not in OpenAI().submit(task).json


def test_sound_is_where_it_was_put_and_of_the_type_it_claims() -> None:
    reply = Reply(200, {"content-type": "audio/mpeg", "x-request-id": "req_1"}, b"", Path("/spool/answer"))
    (item,) = OpenAI().taken(SAID, reply).items
    assert isinstance(item, Done)
    assert (item.files[0].path, item.files[0].data) == (Path("/spool/answer"), None)
    assert (item.files[0].content_type, item.metadata) == ("audio/mpeg", {"request_id": "req_1"})


def test_a_type_that_says_nothing_is_no_claim() -> None:
    (item,) = OpenAI().taken(SAID, Reply(200, {"content-type": "application/octet-stream"}, b"ID3...")).items
    assert isinstance(item, Done)
    assert (item.files[0].data, item.files[0].content_type) == (b"ID3...", None)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/html", b"<html>"), ("application/json", b'{"error": "no"}'), ("audio/mpeg", b""), ("text/plain", b"no")],
)
def test_words_where_sound_is_due_are_malformed(kind: str, body: bytes) -> None:
    with pytest.raises(UpstreamMalformed) as failed:
        OpenAI().taken(SAID, Reply(200, {"content-type": kind}, body))
    assert failed.value.in_doubt


def test_whisper_tells_words_and_segments_with_their_times() -> None:
    call = listen(language="de", prompt="names", temperature=0.2, word_timestamps=True)
    assert (call.path, call.pays) == ("/audio/transcriptions", True)
    assert fields(call) == [
        ("model", "whisper-1"),
        ("language", "de"),
        ("prompt", "names"),
        ("response_format", "verbose_json"),
        ("temperature", "0.2"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ]
    assert call.form[-1] == Field("file", Given("file"), "recording", "application/octet-stream")


def test_newer_models_tell_the_text_only() -> None:
    call = listen("gpt-4o-transcribe", word_timestamps=True)
    assert fields(call) == [("model", "gpt-4o-transcribe"), ("response_format", "json")]
    chosen = listen("gpt-next", {"transcripts": "verbose_json"})
    assert ("response_format", "verbose_json") in fields(chosen)


def test_a_translation_names_no_language_and_no_granularity() -> None:
    call = listen(task="translate", language="de", word_timestamps=True)
    assert call.path == "/audio/translations"
    assert {name for name, _ in fields(call)} == {"model", "response_format"}


def test_sound_without_a_head_is_given_one() -> None:
    assert listen(encode=False).form[-1] == Field("file", Given("file", turn="wav"), "recording.wav", "audio/wav")


def test_a_language_is_found_out_by_transcribing() -> None:
    task = asking.recording(b"", task="detect").task
    assert OpenAI().submit(task).path == "/audio/transcriptions"
    (item,) = OpenAI().taken(task, replied("openai/verbose_json")).items
    assert isinstance(item, Done)
    assert item.files[0].data == b'{"language":"en","language_name":"english","probability":null}'
    with pytest.raises(UpstreamMalformed, match="which language"):
        OpenAI().taken(task, replied("openai/json_tokens"))
