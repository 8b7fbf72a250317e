"""The whisper-asr-webservice adapter: what it asks, and the traps of its answers. Transcripts are in test_heard.py."""

from typing import Any

import msgspec
import pytest

from storage.errors import (
    InvalidRequest,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamTimedOut,
)
from storage.wire.reply import Reply
from tests.workers.adapters import asking
from tests.workers.adapters.wires import replied
from workers.adapters.base import Done, Field, Given
from workers.adapters.whisper_asr import WhisperAsr

PLAIN = asking.recording(b"").task
DETECT = asking.recording(b"", task="detect").task


def detected(wire: str, **options: Any) -> dict[str, Any]:
    (item,) = WhisperAsr(options).taken(DETECT, replied(f"whisper_asr/{wire}")).items
    assert isinstance(item, Done)
    found: dict[str, Any] = msgspec.json.decode(item.files[0].data or b"")
    return found


def test_everything_but_the_file_is_in_the_query() -> None:
    task = asking.recording(
        b"", "base", task="translate", language="de", prompt="names", word_timestamps=True, vad_filter=False
    ).task
    call = WhisperAsr().submit(task)
    assert (call.method, call.path, call.pays) == ("POST", "/asr", False)
    assert call.query == {
        "encode": "true",
        "task": "translate",
        "output": "json",
        "language": "de",
        "initial_prompt": "names",
        "vad_filter": "false",
        "word_timestamps": "true",
    }
    assert call.form == (Field("audio_file", Given("file"), "audio_file", "application/octet-stream"),)


def test_what_the_caller_leaves_open_the_server_decides() -> None:
    assert WhisperAsr().submit(PLAIN).query == {"encode": "true", "task": "transcribe", "output": "json"}
    assert WhisperAsr({"vad_filter": True}).submit(PLAIN).query["vad_filter"] == "true"


def test_sound_without_a_head_goes_as_it_is() -> None:
    call = WhisperAsr().submit(asking.recording(b"", encode=False).task)
    assert (call.query["encode"], call.form[0].value) == ("false", Given("file"))


def test_a_language_is_found_out_by_a_path_of_its_own() -> None:
    call = WhisperAsr().submit(DETECT)
    assert (call.path, call.query) == ("/detect-language", {"encode": "true"})
    found = {"language": "ht", "language_name": "haitian creole", "probability": 0.98}
    assert detected("detect") == found


def test_the_first_engines_confidence_is_not_believed() -> None:
    assert detected("detect_unsure") == {"language": "en", "language_name": "english", "probability": None}
    assert detected("detect", engine="openai_whisper")["probability"] is None


def test_versions_that_misspelt_the_code_are_understood() -> None:
    assert detected("detect_old") == {"language": "jw", "language_name": "javanese", "probability": None}


def test_a_language_that_nobody_knows_is_undetermined() -> None:
    assert detected("detect_unknown")["language"] == "und"


def test_an_answer_tells_which_engine_gave_it() -> None:
    (item,) = WhisperAsr().taken(PLAIN, replied("whisper_asr/whisperx")).items
    assert isinstance(item, Done)
    assert item.metadata["upstream_engine"] == "whisperx"


def test_a_failure_is_a_plain_text() -> None:
    for paid in (False, True):
        with pytest.raises(UpstreamFailed, match="not be able to read") as failed:
            WhisperAsr({"paid": paid}).taken(PLAIN, replied("whisper_asr/failed"))
        assert not failed.value.in_doubt  # the service's own words


def test_a_failure_with_200_is_one() -> None:
    with pytest.raises(UpstreamFailed, match=r"Error while transcribing …$"):
        WhisperAsr().taken(PLAIN, replied("whisper_asr/subgen_failed"))


def test_a_missing_file_is_told_as_it_was() -> None:
    with pytest.raises(UpstreamRefused, match="Field required"):
        WhisperAsr().taken(PLAIN, replied("whisper_asr/missing"))


@pytest.mark.parametrize("paid", [False, True])
def test_a_proxy_that_lost_patience_leaves_a_call_that_costs_in_doubt(paid: bool) -> None:
    with pytest.raises(UpstreamTimedOut) as failed:
        WhisperAsr({"paid": paid}).taken(PLAIN, replied("whisper_asr/bad_gateway"))
    assert (failed.value.in_doubt, WhisperAsr({"paid": paid}).submit(PLAIN).pays) == (paid, paid)


def test_subtitles_where_json_is_due_are_malformed() -> None:
    with pytest.raises(UpstreamMalformed):
        WhisperAsr().taken(PLAIN, replied("whisper_asr/subtitles"))
    with pytest.raises(UpstreamMalformed, match="which language"):
        WhisperAsr().taken(DETECT, replied("whisper_asr/silence")._replace(body=b"{}"))


def test_a_proxy_that_is_busy_says_for_how_long() -> None:
    with pytest.raises(UpstreamBusy) as busy:
        WhisperAsr().taken(PLAIN, Reply(429, {"retry-after": "30"}, b""))
    assert busy.value.retry_after_s == 30


def test_it_hears_one_recording_at_a_time_and_nothing_else() -> None:
    assert (WhisperAsr.at_once, WhisperAsr.batch, WhisperAsr().auth) == (1, 0, "none")
    assert WhisperAsr().cancel(["any"]) is None
    with pytest.raises(InvalidRequest):
        WhisperAsr().submit(asking.speech().task)
