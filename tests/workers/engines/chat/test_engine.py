"""The real model, asked real questions."""

import json
from typing import Any

import pytest

from storage.errors import ContextTooLong, EngineMisproduced, InvalidRequest
from tests.workers.engines.chat.conftest import Ask
from workers.engines.chat.languages import ONLY_ENGLISH

SEA = "Write one sentence about the sea."
SONG: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "song",
        "schema": {
            "type": "object",
            "properties": {"title": {"type": "string", "maxLength": 30}, "mood": {"enum": ["sad", "happy"]}},
            "required": ["title", "mood"],
        },
    },
}


def test_it_answers_in_english_and_the_pieces_are_the_answer(ask: Ask) -> None:
    made = ask(SEA)
    assert "sea" in made.text.lower() or "ocean" in made.text.lower()
    assert "".join(each["text"] for each in made.pieces) == made.text
    assert len(made.pieces) > 2
    assert len(made.pieces[0]["text"].split()) == 1  # the first word goes out at once
    assert made.about["finish_reason"] == "stop"
    usage = made.about["usage"]
    assert usage["prompt_tokens"] == 37  # as the tokenizer of its makers counts, with the template's own words
    assert len(made.text) / 8 < usage["completion_tokens"] < len(made.text) / 2


def test_the_same_seed_says_the_same_and_another_something_else(ask: Ask) -> None:
    first, again, other = (ask(SEA, seed=seed, temperature=1.0, max_tokens=20).text for seed in (1, 1, 2))
    assert first == again != other


def test_it_ends_where_it_is_told_to(ask: Ask) -> None:
    short = ask(SEA, max_tokens=5)
    assert (short.about["finish_reason"], short.about["usage"]["completion_tokens"]) == ("length", 5)
    whole = ask(SEA).text
    word = whole.split()[3]
    stopped = ask(SEA, stop=[word])
    assert stopped.about["finish_reason"] == "stop"
    assert stopped.text == whole[: whole.index(word)]
    assert "".join(each["text"] for each in stopped.pieces) == stopped.text


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_it_goes_on_from_what_was_said(ask: Ask, share: float) -> None:
    """At no temperature the answer is the same one, wherever it was taken up."""
    whole = ask(SEA, temperature=0.0)
    begun = whole.text[: round(len(whole.text) * share)].rpartition(" ")[0]
    rest = ask(SEA, said={"text": begun, "logprobs": []}, temperature=0.0)
    assert rest.text == whole.text
    assert begun + "".join(each["text"] for each in rest.pieces) == whole.text
    assert rest.about["usage"] == whole.about["usage"]


def test_what_was_said_counts_towards_the_most(ask: Ask) -> None:
    whole = ask(SEA, max_tokens=10, temperature=0.0)
    rest = ask(SEA, said={"text": whole.text, "logprobs": []}, max_tokens=10, temperature=0.0)
    assert (rest.text, rest.pieces, rest.about["finish_reason"]) == (whole.text, [], "length")
    assert rest.about["usage"] == whole.about["usage"]


def test_a_schema_is_kept_to(ask: Ask) -> None:
    song = json.loads(ask("Give me a song title and its mood.", response_format=SONG, temperature=1.0).text)
    assert song.keys() == {"title", "mood"}
    assert song["mood"] in ("sad", "happy")
    assert len(song["title"]) <= 30


def test_an_object_is_json(ask: Ask) -> None:
    made = ask("Give the name of a cat as JSON.", response_format={"type": "json_object"}, max_tokens=300, seed=5)
    assert made.text.lstrip().startswith("{")
    if made.about["finish_reason"] == "stop":
        assert isinstance(json.loads(made.text), dict)


def test_an_answer_in_a_schema_is_made_again_and_what_was_said_is_passed_over(ask: Ask) -> None:
    whole = ask(SEA, response_format=SONG)
    begun = whole.text[:10]
    rest = ask(SEA, said={"text": begun, "logprobs": []}, response_format=SONG)
    assert rest.text == whole.text == begun + "".join(each["text"] for each in rest.pieces)
    with pytest.raises(EngineMisproduced, match="otherwise"):
        ask(SEA, said={"text": '{"other', "logprobs": []}, response_format=SONG)


@pytest.mark.parametrize("schema", [{"type": "bogus"}, {"$ref": "#/nowhere"}, {"type": "string", "pattern": "("}])
def test_a_schema_that_is_none_is_refused(ask: Ask, schema: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(SEA, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert refused.value.field == "response_format"


def test_probabilities_are_of_each_token(ask: Ask) -> None:
    made = ask(SEA, logprobs=True, top_logprobs=3, max_tokens=6, temperature=0.0)
    tokens = made.about["logprobs"]
    assert "".join(each["token"] for each in tokens) == made.text
    assert [token for each in made.pieces for token in each["logprobs"]] == tokens
    for token in tokens:
        assert token.keys() == {"token", "logprob", "bytes", "top_logprobs"}
        assert bytes(token["bytes"]).decode() == token["token"]
        assert len(token["top_logprobs"]) == 3
        assert token["logprob"] == token["top_logprobs"][0]["logprob"] <= 0
    assert ask(SEA, logprobs=True, max_tokens=2).about["logprobs"][0]["top_logprobs"] == []
    assert "logprobs" not in ask(SEA, max_tokens=2).about


def test_a_conversation_that_is_too_long_is_refused(ask: Ask) -> None:
    with pytest.raises(ContextTooLong, match="8192 tokens") as refused:
        ask("Antidisestablishmentarianistically " * 2000)
    assert refused.value.field == "messages"


def test_it_remembers_the_conversation(ask: Ask) -> None:
    made = ask(
        [
            {"role": "user", "content": "I have a dog called Rex."},
            {"role": "assistant", "content": "What a nice name!"},
            {"role": "user", "content": "Write one sentence about my dog, with the dog's name."},
        ],
        temperature=0.0,
        max_tokens=30,
    )
    assert "Rex" in made.text


@pytest.mark.parametrize(
    ("question", "language"),
    [("用中文介绍一下北京。", "zh"), ("こんにちは、元気ですか。", "ja"), ("Write a poem in Japanese.", "en")],
)
def test_what_it_cannot_write_it_says_as_an_answer(ask: Ask, question: str, language: str) -> None:
    made = ask(question)
    assert (made.text, made.about["finish_reason"]) == (ONLY_ENGLISH[language], "stop")
    assert "".join(each["text"] for each in made.pieces) == made.text
    assert made.about["usage"]["completion_tokens"] > 10
    refused = ask(question, response_format=SONG)
    assert (refused.text, refused.about["refusal"], refused.pieces) == (ONLY_ENGLISH[language], True, [])
