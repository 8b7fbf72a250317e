"""Answers in OpenAI's shapes, and how far a stream of them has got."""

import json
from typing import Any

from storage.completions import DONE, Chunks, Said, completion, heard
from storage.job import Job, Kind, OutputStatus
from tests.storage.samples import sample

TOKEN: dict[str, Any] = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}


def chat(items: int = 1, **request: Any) -> Job:
    job = sample(
        kind=Kind.CHAT, items=items, model="gpt-4o", request={"messages": [], **request}, created=1_700_000_000_999
    )
    for output in job.outputs:
        output.status = OutputStatus.STORED
        usage = {"prompt_tokens": 5, "completion_tokens": output.item}
        output.metadata = {"text": f"answer {output.item}", "finish_reason": "stop", "usage": usage}
    return job


def body(event: bytes) -> Any:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return json.loads(event.removeprefix(b"data: "))


def test_the_question_counts_once_and_answers_each() -> None:
    made = completion(chat(3))
    assert [each["message"]["content"] for each in made["choices"]] == ["answer 1", "answer 2", "answer 3"]
    usage = made["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 6, 11)
    assert made["created"] == 1_700_000_000


def test_a_stream_tells_how_far_each_answer_has_got() -> None:
    chunks = Chunks(chat(2, logprobs=True))
    events = [chunks.role(0), chunks.words(0, "Hel", [TOKEN])]
    assert heard(events) == {0: Said("Hel", [TOKEN])}
    events += [chunks.words(0, "lo", [TOKEN]), chunks.finish(0, "stop"), chunks.role(1), chunks.words(1, "H")]
    assert heard(events) == {0: Said("Hello", [TOKEN, TOKEN], ended=True), 1: Said("H", [])}
    assert heard([]) == {}


def test_usage_is_null_until_it_is_told() -> None:
    job = chat(usage_wanted=True)
    chunks = Chunks(job)
    assert body(chunks.words(0, "x"))["usage"] is None
    last, done = chunks.end(job.outputs)
    assert (body(last)["choices"], body(last)["usage"]["total_tokens"], done) == ([], 6, DONE)
    assert "usage" not in body(Chunks(chat()).words(0, "x"))
    assert Chunks(chat()).end(chat().outputs) == [DONE]


def test_a_whole_stream_says_what_the_answer_does() -> None:
    job = chat(2)
    events = Chunks(job).whole(job.outputs)
    assert events[-1] == DONE
    assert heard(events) == {0: Said("answer 1", [], ended=True), 1: Said("answer 2", [], ended=True)}


def test_a_refusal_is_no_content() -> None:
    job = chat()
    job.outputs[0].metadata["refusal"] = True
    (choice,) = completion(job)["choices"]
    assert choice["message"] == {"role": "assistant", "content": None, "refusal": "answer 1"}
    _, said, *_ = Chunks(job).whole(job.outputs)
    assert body(said)["choices"][0]["delta"] == {"refusal": "answer 1"}


def test_an_event_is_one_line_wherever_lines_may_end() -> None:
    event = Chunks(chat()).words(0, "a\u2028b\u0085c\nd")
    assert len(event.decode().splitlines()) == 2
    assert body(event)["choices"][0]["delta"]["content"] == "a\u2028b\u0085c\nd"
