"""The OpenAI adapter: chat."""

from typing import Any

import msgspec
import pytest

from storage.completions import BODY
from storage.errors import UpstreamMalformed
from storage.job import Kind
from storage.wire.openai_chat import MOST_BYTES
from storage.wire.reply import Reply
from tests.workers.adapters.tasks import task
from workers.adapters.base import Call, Failed
from workers.adapters.openai import OpenAI

ASKED: dict[str, Any] = {
    "model": "what we call it",
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}
    ],
    "tools": [{"type": "function", "function": {"name": "clock"}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "n": 2,
    "a_field_of_tomorrow": [None, 1.5],
}


def call(options: dict[str, Any] | None = None, **asked: Any) -> Call:
    return OpenAI(options).submit(task(Kind.CHAT, model="what they call it", **{BODY: {**ASKED, **asked}}))


def test_a_chat_goes_out_as_it_came_by_the_accounts_name_for_its_model() -> None:
    assert (call().path, call().pays, call().to_file) == ("/chat/completions", True, False)
    assert call().json == {**ASKED, "model": "what they call it"}


def test_the_answer_is_wanted_whole_however_the_caller_wants_it() -> None:
    assert call(stream=True, stream_options={"include_usage": True}) == call()


def test_a_server_of_ones_own_costs_nothing_and_one_that_does_a_key_once_is_given_one() -> None:
    assert not call({"paid": False}).pays
    assert call({"idempotent": True}).headers["idempotency-key"]
    assert not call({"idempotent": True}).pays


def test_an_answer_that_is_too_large_to_be_kept_has_been_paid_for_and_is_not_asked_again() -> None:
    body = msgspec.json.encode({"choices": [{"message": {"content": "x" * MOST_BYTES}}]})
    items = OpenAI().taken(task(Kind.CHAT, items=2), Reply(200, {}, body)).items
    assert len(items) == 2
    for item in items:
        assert isinstance(item, Failed)
        assert str(MOST_BYTES) in str(item.error)
        assert not item.error.in_doubt


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "many", "completion_tokens": 1}])
def test_tokens_that_are_not_told_are_not_made_up(usage: Any) -> None:
    body = msgspec.json.encode({"choices": [{"message": {"content": "Hey"}}], "usage": usage})
    (item,) = OpenAI().taken(task(Kind.CHAT), Reply(200, {}, body)).items
    assert "usage" not in item.metadata  # type: ignore[union-attr]


def test_what_is_no_list_of_choices_leaves_open_whether_it_was_paid_for() -> None:
    for choices in (None, {}, "no", [1], [None], [{"message": "hey"}]):
        with pytest.raises(UpstreamMalformed) as caught:
            OpenAI().taken(task(Kind.CHAT), Reply(200, {}, msgspec.json.encode({"choices": choices})))
        assert caught.value.in_doubt
