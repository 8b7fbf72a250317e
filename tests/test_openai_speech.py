"""OpenAI's own client, in an old version and in the current one, has a whole gateway speak, with its real voice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from cli.gateway import Gateway
from tests.clients import run_with_openai_1
from tests.gateway import whole_gateway
from tests.test_openai_images import CURRENT, OLD, key, run_with_the_current
from tests.workers.adapters import asking
from tests.workers.adapters.sending import sent
from workers.adapters.base import Done
from workers.adapters.openai import OpenAI
from workers.engines.assets import models_folder
from workers.engines.speech import weights

SCRIPT = Path(__file__).with_name("openai_speech.py").read_text()
FORMATS = {OLD: "mp3", CURRENT: "mp3 opus aac flac wav pcm"}
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a voice."""
    if told := weights.missing():
        pytest.skip(told)
    models = str(models_folder().resolve())
    with whole_gateway(tmp_path_factory.mktemp("speaking"), models=models, engine_slots="1") as gateway:
        yield gateway


@pytest.fixture(scope="module", params=[OLD, CURRENT])
def told(request: pytest.FixtureRequest, speaking: Gateway) -> dict[str, Any]:
    """What came of the script, under each version."""
    variables = {"GATEWAY": speaking.url, "KEY": key(speaking), "FORMATS": FORMATS[request.param]}
    run = run_with_openai_1 if request.param == OLD else run_with_the_current
    found: dict[str, Any] = json.loads(run(SCRIPT, **variables))
    assert found["version"].startswith("1.") == (request.param == OLD)
    return found


def test_every_format_is_the_sound_that_is_kept(told: dict[str, Any]) -> None:
    for format, made in told["formats"].items():
        assert made["type"] == TYPES[format]
        assert 0.8 < made["told_s"] < 3.0
        assert made["seconds"] == pytest.approx(made["told_s"], abs=0.15)
        assert made["loud"] > 300
        assert made["same"] or format == "mp3"  # which begins up to 0.05 s late while its length is not known


def test_the_first_of_it_is_heard_before_the_last_is_made(told: dict[str, Any]) -> None:
    streamed = told["streamed"]
    assert (streamed["when_first_heard"], streamed["in_the_end"]) == ("running", "succeeded")
    assert streamed["length"] is None
    assert streamed["same"]
    assert 4.0 < streamed["seconds"] < 12.0


def test_events_carry_the_same_sound_and_end_with_what_was_used(told: dict[str, Any]) -> None:
    events = told["events"]
    assert events["types"] == ["speech.audio.delta"]
    assert events["last"] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 18, "output_tokens": 0, "total_tokens": 18},
    }
    assert events["same"]


def test_the_job_behind_an_answer_is_there_for_who_wants_it(told: dict[str, Any]) -> None:
    again = told["again"]
    assert len(set(again["ids"])) == 1
    assert again["replayed"] == [None, "true"]
    assert again["engine"] == "kokoro-82m (embedded)"
    assert again["later"] == [202, True]


@pytest.mark.parametrize(
    ("what", "param", "said"),
    [
        ("voice", "voice", "shimmer"),
        ("input", "input", "4096"),
        ("nothing", "input", "nothing to say"),
        ("script", "input", "Cyrillic"),
        ("response_format", "response_format", "flac"),
        ("speed", "speed", "4"),
        ("language", "language", "en-us"),
    ],
)
def test_refusals_are_bad_requests_that_name_the_parameter(
    told: dict[str, Any], what: str, param: str, said: str
) -> None:
    kind, status, blamed, code, message = told["refusals"][what]
    assert (kind, status, blamed, code) == ("BadRequestError", 400, param, "invalid_request")
    assert said in message


def test_an_unknown_model_is_not_found(told: dict[str, Any]) -> None:
    kind, status, blamed, code, message = told["refusals"]["model"]
    assert (kind, status, blamed, code) == ("NotFoundError", 404, "model", "model_not_found")
    assert "tts-1" in message


async def test_our_adapter_for_openai_has_a_gateway_speak_into_a_file(speaking: Gateway, tmp_path: Path) -> None:
    adapter, order = OpenAI(), asking.speech(response_format="mp3")
    call = adapter.submit(order.task)
    reply = await sent(call, f"{speaking.url}/v1", auth=adapter.auth, key=key(speaking), to=tmp_path)
    (item,) = adapter.taken(order.task, reply).items
    assert isinstance(item, Done)
    (file,) = item.files
    assert (file.path, file.content_type) == (tmp_path / "answer", "audio/mpeg")
    samples, rate = soundfile.read(tmp_path / "answer")
    assert (rate, 0.3 < len(samples) / rate < 3.0, float(abs(samples).max()) > 0.05) == (24_000, True, True)
