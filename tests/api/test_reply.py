"""Bodies of answers: values become JSON, what is encoded already is sent as it is; and what either is inside JSON."""

import msgspec
import pytest

from api.reply import Encoded, Reply, reply, within_json


def kind(answer: Reply) -> bytes | None:
    return dict(answer.headers).get(b"content-type")


def test_a_value_becomes_json() -> None:
    answer = reply({"a": 1}, status=201)
    assert (answer.body, answer.status, kind(answer)) == (b'{"a":1}', 201, b"application/json")


@pytest.mark.parametrize("text", ["", "1\n00:00:00,000"])
def test_what_is_encoded_goes_out_with_its_type_also_if_it_is_empty(text: str) -> None:
    answer = reply(Encoded(text.encode(), "text/plain; charset=utf-8"))
    assert (answer.body, kind(answer)) == (text.encode(), b"text/plain; charset=utf-8")


def test_an_answer_without_a_body_has_no_type() -> None:
    assert kind(Reply(status=204)) is None


@pytest.mark.parametrize(
    ("body", "inside"),
    [
        ({"a": 1}, b'{"a":1}'),
        (Encoded(b'{"a": 1}', "application/json"), b'{"a": 1}'),
        (Encoded("é\n".encode(), "text/vtt; charset=utf-8"), '"é\\n"'.encode()),
        (Encoded(b"\xff\xfb", "audio/mpeg"), b'"//s="'),
    ],
)
def test_inside_json_text_is_a_string_and_bytes_are_base64(body: object, inside: bytes) -> None:
    assert msgspec.json.encode([within_json(body)]) == b"[" + inside + b"]"
