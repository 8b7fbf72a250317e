"""bench/caller.py: what counts as an answer, and what comes of a load on a service that really answers."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench.caller import Answer, Broken, Load, Order, call, joined, read, summary
from bench.duel import answers
from bench.load import request
from bench.mock import BODY, CHUNKS, Asked
from bench.program import Program
from bench.sides import Case, chat_service
from cli.embedded.ports import free_ports
from tests.certificates import files

PIECE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
STREAM = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"9\r\ndata: {}\n\r\n1\r\n\n\r\n7;x=y\r\ndata: {\r\nf\r\n}\n\ndata: [DONE]\r\n2\r\n\n\n\r\n0\r\n\r\n"
)
DONE = b"data: [DONE]"


def whole_at(answer: Answer, data: bytes) -> int:
    """After how many bytes, coming one by one, it says that it is whole."""
    return next(at for at in range(1, len(data) + 1) if answer.take(data[at - 1 : at]))


def test_an_answer_in_one_piece_is_whole_at_its_last_byte() -> None:
    assert whole_at(Answer(0, b"}"), PIECE) == len(PIECE)


def test_a_stream_is_whole_at_its_last_byte_though_events_lie_across_chunks() -> None:
    assert whole_at(Answer(2, DONE), STREAM) == len(STREAM)


def test_an_answer_has_begun_with_the_first_byte_of_its_body() -> None:
    answer, head = Answer(0, b"}"), PIECE[:-2]
    answer.take(head)
    assert not answer.begun
    answer.take(b"{")
    assert answer.begun


@pytest.mark.parametrize(
    ("answer", "data", "why"),
    [
        (Answer(0, b"}"), b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\ngone", "502 bad gateway: gone"),
        (Answer(0, b"}"), b"HTTP/1.1 200 OK\r\n\r\n{}", "neither a length nor chunks"),
        (Answer(0, b"}"), PIECE + b"{}", "more came"),
        (Answer(0, b"]"), PIECE, "not the whole answer: {}"),
        (Answer(3, DONE), STREAM, "not the whole answer"),
        (Answer(2, DONE), STREAM.replace(b"[DONE]", b"[GONE]"), "not the whole answer"),
        (Answer(2, DONE), STREAM.replace(b"7;x=y", b"8"), "a chunk is longer than it says"),
        (Answer(2, DONE), STREAM.replace(b"7;x=y", b"no size"), "not in chunks"),
    ],
)
def test_an_answer_that_lacks_something_does_not_count(answer: Answer, data: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        answer.take(data)


def test_chunks_are_joined_whatever_they_hold() -> None:
    assert joined(b"A;of=16\r\n0\r\n\r\n12345\r\n2\r\nok\r\n0\r\n\r\n") == b"0\r\n\r\n12345ok"


def test_a_summary_is_of_all_answers() -> None:
    load = summary([10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0], took_s=2.0, cpu_s=0.001)
    assert load == Load(4, 2.0, 20.0, 40.0, 2.0, 4.0, 250.0)


def test_what_a_generator_says_is_read() -> None:
    said = Load(answers=3, rate=1.5, broken="")
    assert read(0, msgspec.json.encode(said), b"") == said


def test_a_generator_that_says_nothing_is_itself_what_is_broken() -> None:
    assert read(-9, b"", b"Traceback\nMemoryError\n").broken == "the load generator ended with -9: MemoryError"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The benchmark's chat service."""
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("mock")
    with Program(folder, "bench.mock", str(port), environment={}, answers=lambda: answers(port)):
        yield port


def order(port: int, case: Case, *, most: int, events: int, end: bytes, seconds: float = 30) -> Order:
    body = request("POST", "/v1/chat/completions", {"content-type": "application/json"}, case.body())
    return Order(port, body, case.connections, seconds, most, events, end)


def test_so_many_are_asked_for_and_no_more(port: int) -> None:
    load = call(order(port, Case(3), most=7, events=0, end=BODY[-20:]))
    assert (load.answers, load.broken) == (7, "")
    assert 20 <= load.p50_ms <= load.p99_ms
    assert load.cpu_us > 0


def test_it_ends_when_the_time_is_up(port: int) -> None:
    load = call(order(port, Case(2), most=100_000, events=0, end=b"}", seconds=0.2))
    assert 2 <= load.answers <= 20
    assert not load.broken


def test_a_stream_is_counted_when_all_its_chunks_have_come(port: int) -> None:
    load = call(order(port, Case(2, streamed=True), most=4, events=CHUNKS, end=DONE))
    assert (load.answers, load.broken) == (4, "")


def test_the_first_of_a_slow_stream_is_there_long_before_the_last(port: int) -> None:
    load = call(order(port, Case(1, streamed=True, chunks=20), most=2, events=20, end=DONE))
    assert (load.answers, load.broken) == (2, "")
    assert load.p50_ms - load.first_p50_ms > 100  # 19 pauses of 10 ms


def test_a_stream_that_is_too_short_breaks_the_load(port: int) -> None:
    load = call(order(port, Case(1, streamed=True, chunks=5), most=2, events=6, end=DONE))
    assert "not the whole answer" in load.broken


def test_over_tls_answers_count_as_well_if_the_certificate_is_trusted(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    key, certificate = files(tmp_path, ["127.0.0.1"])
    with chat_service(tmp_path / "mock", port, certificate, key):
        asked = order(port, Case(3, at_once=True), most=7, events=0, end=BODY[-20:])
        _, another = files(tmp_path, ["127.0.0.1"])
        asked.trusted = str(another)
        assert "certificate" in call(asked).broken.lower()
        asked.trusted = str(certificate)
        load = call(asked)
    assert (load.answers, load.broken) == (7, "")


def test_the_service_is_told_when_to_answer_at_once() -> None:
    asked = msgspec.json.Decoder(Asked).decode
    assert not asked(Case(1, at_once=True).body()).temperature
    assert asked(Case(1).body()).temperature


def test_nobody_there_is_said() -> None:
    (nobody,) = free_ports(1)
    assert "refused" in call(order(nobody, Case(1), most=1, events=0, end=b"}")).broken.lower()
