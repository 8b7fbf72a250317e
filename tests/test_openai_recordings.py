"""OpenAI's own client, in an old version and in the current one, has whole gateways write down what is said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.gateway import Gateway
from tests.api.recordings import hears
from tests.clients import run_with_openai_1
from tests.test_openai_images import CURRENT, OLD, key, run_with_the_current
from tests.workers.engines.transcription.conftest import SAID, SPEECH

SCRIPT = Path(__file__).with_name("openai_recordings.py").read_text()
LINES = SAID["en"].replace(". ", ".\n").splitlines()


@pytest.fixture(scope="module", params=[OLD, CURRENT])
def told(request: pytest.FixtureRequest, running_gateway: Gateway) -> dict[str, Any]:
    """What came of the script, under each version."""
    hears()
    variables = {"GATEWAY": running_gateway.url, "KEY": key(running_gateway)}
    run = run_with_openai_1 if request.param == OLD else run_with_the_current
    found: dict[str, Any] = json.loads(run(SCRIPT, str(SPEECH), **variables))
    assert found["version"].startswith("1.") == (request.param == OLD)
    return found


def bare(text: str) -> str:
    """Without what may be heard one way or another: case, signs, spaces."""
    return re.sub(r"\W+", "", text).lower()


def test_every_format_is_what_the_client_takes_it_for(told: dict[str, Any]) -> None:
    formats = told["formats"]
    assert {name: kind for name, (kind, _) in formats.items()} == {
        "json": "Transcription",
        "text": "str",
        "srt": "str",
        "vtt": "str",
        "verbose_json": "TranscriptionVerbose",
    }
    assert bare(formats["json"][1]["text"]) == bare(formats["text"][1]) == bare(SAID["en"])
    assert formats["srt"][1].startswith("1\n00:00:00,")
    assert formats["vtt"][1].startswith("WEBVTT\n\n00:00:00.")
    verbose = formats["verbose_json"][1]
    assert [bare(each["text"]) for each in verbose["segments"]] == [bare(line) for line in LINES]
    assert (verbose["language"], round(verbose["duration"])) == ("english", 10)


def test_each_word_has_its_time(told: dict[str, Any]) -> None:
    words = told["words"]["words"]
    assert [bare(word) for word, _, _ in words] == [bare(word) for word in SAID["en"].split()]
    times = [time for _, *pair in words for time in pair]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= told["words"]["duration"]
    assert (told["words"]["segments"], told["words"]["language"]) == (2, "english")


def test_spanish_becomes_english(told: dict[str, Any]) -> None:
    assert {"train", "children", "park", "coffee"} <= set(re.findall(r"\w+", told["translations"]["text"].lower()))
    assert "coffee" in told["translations"]["srt"]


def test_a_stream_adds_up(told: dict[str, Any]) -> None:
    streams = told["streams"]
    assert streams["types"] == ["transcript.text.delta", "transcript.text.delta", "transcript.text.done"]
    assert streams["deltas"].strip() == streams["text"]
    assert "parapluie" in streams["text"]


@pytest.mark.parametrize(
    ("what", "status", "param", "said"),
    [
        ("empty", 400, "file", "empty"),
        ("page", 400, "file", "HTML"),
        ("junk", 400, "file", "recording"),
        ("model", 404, "model", "whisper-9"),
        ("language", 400, "language", "klingon"),
        ("word", 400, "timestamp_granularities", "verbose_json"),
        ("format", 400, "response_format", "diarized_json"),
        ("temperature", 400, "temperature", "1"),
    ],
)
def test_refusals_name_the_parameter(told: dict[str, Any], what: str, status: int, param: str, said: str) -> None:
    found, blamed, code, message = told["refusals"][what]
    assert (found, blamed) == (status, param)
    assert code == ("model_not_found" if what == "model" else "invalid_request")
    assert said in message


def test_the_job_behind_an_answer_is_there_for_who_wants_it(told: dict[str, Any]) -> None:
    jobs = told["jobs"]
    assert (len(set(jobs["ids"])), jobs["replayed"]) == (1, [None, "true"])
    assert jobs["engine"] == "whisper-base (embedded)"
    assert "图书馆" in jobs["text"]
