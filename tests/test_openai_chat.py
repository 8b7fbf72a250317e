"""OpenAI's own client, in an old version and in the current one, talks to a whole gateway, with its real model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.gateway import Gateway
from storage.catalog import DEFAULT
from storage.errors import EngineFailed
from tests.clients import run_with_openai_1
from tests.gateway import whole_gateway
from tests.test_openai_images import CURRENT, OLD, key, run_with_the_current
from workers.engines.assets import models_folder
from workers.engines.chat import weights
from workers.engines.chat.languages import ONLY_ENGLISH

SCRIPT = Path(__file__).with_name("openai_chat.py").read_text()


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a model that talks."""
    try:
        weights.require()
    except EngineFailed as error:
        pytest.skip(str(error))
    models = str(models_folder().resolve())
    with whole_gateway(tmp_path_factory.mktemp("talking"), models=models) as gateway:
        yield gateway


@pytest.fixture(scope="module", params=[OLD, CURRENT])
def told(request: pytest.FixtureRequest, talking: Gateway) -> dict[str, Any]:
    """What came of the script, under each version."""
    variables = {"GATEWAY": talking.url, "KEY": key(talking)}
    run = run_with_openai_1 if request.param == OLD else run_with_the_current
    found: dict[str, Any] = json.loads(run(SCRIPT, **variables))
    assert found["version"].startswith("1.") == (request.param == OLD)
    return found


def test_an_answer_is_a_completion(told: dict[str, Any]) -> None:
    made = told["whole"]
    (choice,) = made["choices"]
    assert made["object"] == "chat.completion"
    assert made["model"] == "gpt-4o-mini"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == made["same"]
    assert len(choice["message"]["content"].split()) > 4
    assert choice["finish_reason"] == "stop"
    assert made["usage"]["total_tokens"] == made["usage"]["prompt_tokens"] + made["usage"]["completion_tokens"] > 40
    assert made["request"]


def test_a_stream_comes_word_by_word_and_is_what_is_kept(told: dict[str, Any]) -> None:
    streamed = told["streamed"]
    assert streamed["type"] == "text/event-stream; charset=utf-8"
    assert streamed["pieces"] > 5
    assert streamed["spread"] > 0.2
    assert streamed["text"] == streamed["kept"]
    assert (streamed["usage"]["completion_tokens"], streamed["choices"]) == (120, [])
    assert (streamed["first_of_rest"], streamed["rest"]) == ("4", streamed["pieces"] + 4 - 3)


def test_two_are_answered_at_a_time(told: dict[str, Any]) -> None:
    both = told["in_parallel"]
    assert both["streamed"].strip()
    assert len(both["whole"]) == 2
    assert all(text.strip() for text in both["whole"])


def test_formats_are_kept_to(told: dict[str, Any]) -> None:
    found = told["formats"]
    assert found["song"].keys() == {"title", "mood"}
    assert found["song"]["mood"] in ("sad", "happy")
    assert ("".join(found["tokens"]), found["length"]) == (found["told"], "length")
    assert len(found["tokens"]) == 4
    assert found["chinese"] == ONLY_ENGLISH["zh"]


def test_models_are_listed_and_read(told: dict[str, Any]) -> None:
    models = told["models"]
    assert models["listed"] == [*DEFAULT]
    assert models["one"]["id"] == "R-ESRGAN 4x+"
    assert models["claude"] == "smollm2"


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("model", ["NotFoundError", 404, "model", "model_not_found"]),
        ("picture", ["BadRequestError", 400, "messages.0.content.1", "invalid_request"]),
        ("tools", ["BadRequestError", 400, "tools", "invalid_request"]),
        ("temperature", ["BadRequestError", 400, "temperature", "invalid_request"]),
        ("long", ["BadRequestError", 400, "messages", "context_length_exceeded"]),
        ("long_streamed", ["APIError", None, "messages", "context_length_exceeded"]),
        ("lost", ["NotFoundError", 404, "model", "model_not_found"]),
    ],
)
def test_refusals_are_the_client_s_own_exceptions(told: dict[str, Any], what: str, error: list[Any]) -> None:
    assert told["refusals"][what] == error
