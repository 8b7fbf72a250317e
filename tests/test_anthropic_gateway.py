"""OpenAI's own client, in an old version and the current one, chats with Anthropic's fake through a whole gateway."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from cli.gateway import Gateway
from tests.cli.fakes.test_openai_chat import SCRIPT, VERSIONS
from tests.fakes import Fake, fake_upstream
from tests.gateway import whole_gateway
from tests.test_openai_images import CURRENT, OLD, key

RETIRED = "claude-3-7-sonnet-20250219"
ACCOUNTS = """
[accounts.claude]
adapter = "anthropic"
base_url = "{url}"
token_command = ["echo", "k"]
models = {{ "claude-3-7-sonnet-20250219" = "claude-haiku-4-5-20251001" }}

[accounts.tired]
adapter = "anthropic"
base_url = "{url}"
token_command = ["echo", "k"]
models = {{ "claude-tired" = "claude-haiku-4-5-20251001" }}
"""
"""An account rests when it has been overloaded: that is one of its own."""


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with fake_upstream("anthropic", 0.01) as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("anthropic")
    accounts = folder / "gateway.toml"
    accounts.write_text(ACCOUNTS.format(url=fake.url))
    with whole_gateway(folder / "data", accounts=str(accounts)) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway, fake: Fake) -> Iterator[openai.OpenAI]:
    fake.err()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key(gateway), max_retries=0) as client:
        yield client


@pytest.mark.parametrize("run", VERSIONS, ids=[OLD, CURRENT])
def test_it_talks_and_calls_tools_whole_and_streamed(gateway: Gateway, fake: Fake, run: Any) -> None:
    fake.err()
    told = json.loads(run(SCRIPT, URL=f"{gateway.url}/v1", KEY=key(gateway), MODEL=RETIRED))
    assert (told["streamed"], told["streamed_usage"]) == (told["whole"], told["usage"])
    assert len(told["whole"].split()) == 12
    calls = [(name, json.loads(arguments)) for name, arguments in told["calls"]]
    assert [(name, json.loads(arguments)) for name, arguments in told["streamed_calls"]] == calls
    assert [name for name, _ in calls] == ["weather", "clock"]
    assert [*calls[0][1]] == ["city"]
    assert RETIRED in told["models"]
    assert fake.accepted == 4


def test_its_id_of_a_request_and_its_limits_are_told_in_openais_names(client: openai.OpenAI) -> None:
    asked: Any = {"model": RETIRED, "messages": [{"role": "user", "content": "a"}]}
    answer = client.chat.completions.with_raw_response.create(**asked)
    assert answer.headers["x-gateway-engine"] == "anthropic"
    assert answer.headers["x-ratelimit-remaining-requests"] == "49"
    assert not [name for name in answer.headers if name.startswith("anthropic-")]
    assert (answer.parse().model, answer.headers["x-request-id"][:8]) == (RETIRED, "req_fake")


def test_what_cannot_be_said_is_refused_by_its_field(client: openai.OpenAI, fake: Fake) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=RETIRED, messages=[{"role": "user", "content": "a"}], n=2)
    assert refused.value.param == "n"
    assert fake.accepted == 0


def test_an_error_among_events_is_raised(client: openai.OpenAI, fake: Fake) -> None:
    fake.err("error_event")
    asked: Any = {"model": "claude-tired", "messages": [{"role": "user", "content": "a"}]}
    stream = client.chat.completions.create(**asked, stream=True)
    heard = []
    with pytest.raises(openai.APIError, match="Overloaded"):
        heard.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "".join(heard)


def test_a_context_that_is_too_long_is_told_in_openais_words(client: openai.OpenAI, fake: Fake) -> None:
    fake.err("too_long")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=RETIRED, messages=[{"role": "user", "content": "a"}])
    assert refused.value.code == "context_length_exceeded"
