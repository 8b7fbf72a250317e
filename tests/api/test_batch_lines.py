"""Lines of a batch: found however a file is written and cut up, and judged with their numbers."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.batches.lines import (
    JOBS,
    MAX_CUSTOM_ID,
    MAX_ERRORS,
    MAX_LINE_BYTES,
    OPENAI,
    BadLine,
    Raw,
    Splitter,
    Validation,
    groups,
    read_line,
)
from api.endpoints import ENDPOINTS
from api.operation import Caller
from storage.batches import START, Cursor, LineError
from storage.ids import new_job_id, output_id
from tests.api.gateway import SONG, Gateway

GENERATE = "/v1/suno/api/generate/v2"
BOM = b"\xef\xbb\xbf"


def found(data: bytes, *, piece: int = 1 << 20, at: Cursor = START) -> list[Raw]:
    splitter = Splitter(at)
    lines = [raw for start in range(0, len(data), piece) for raw in splitter.take(data[start : start + piece])]
    return [*lines, *splitter.rest()]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n\n \r\n\t\n", []),
        (b"one", [(1, 3, b"one")]),
        (b"one\n", [(1, 4, b"one")]),
        (b"one\ntwo", [(1, 4, b"one"), (2, 7, b"two")]),
        (b"one\r\ntwo\r\n", [(1, 5, b"one"), (2, 10, b"two")]),
        (b"\n\none\n\r\n two \n", [(3, 6, b"one"), (5, 14, b"two")]),
        (BOM + b"one\ntwo\n", [(1, 7, b"one"), (2, 11, b"two")]),
        (b"one\n" + BOM + b"two", [(1, 4, b"one"), (2, 10, BOM + b"two")]),
        (BOM, []),
        (b"a\rb\n", [(1, 4, b"a\rb")]),
        (b"a\xe2\x80\xa8b\n", [(1, 6, b"a\xe2\x80\xa8b")]),  # U+2028 ends no line
    ],
)
def test_lines_are_found_however_the_file_is_cut(data: bytes, lines: list[Any], piece: int) -> None:
    assert found(data, piece=piece) == [Raw(*line) for line in lines]


@pytest.mark.parametrize("seed", range(20))
def test_a_file_may_be_taken_up_after_any_of_its_lines(seed: int) -> None:
    rng = random.Random(seed)
    ends = [b"\n", b"\r\n"]
    data = b"".join(bytes(rng.choices(b"ab \xc3\xa4", k=rng.randrange(6))) + rng.choice(ends) for _ in range(40))
    whole = found(data)
    for index, raw in enumerate(whole):
        rest = found(data[raw.end :], piece=rng.randrange(1, 9), at=Cursor(raw.number, raw.end))
        assert rest == whole[index + 1 :]


def test_a_line_that_is_far_too_long_is_told_and_not_held() -> None:
    long = b"x" * (10 * MAX_LINE_BYTES)
    lines = found(b"one\n" + long + b"\ntwo\n" + b"y" * MAX_LINE_BYTES + b"\n" + long, piece=65_536)
    assert [(raw.number, raw.text and len(raw.text)) for raw in lines] == [
        (1, 3),
        (2, None),
        (3, 3),
        (4, MAX_LINE_BYTES),
        (5, None),
    ]
    splitter = Splitter()
    for _ in range(1000):
        assert list(splitter.take(b"z" * 65_536)) == []
    assert not splitter._held


async def test_lines_come_in_groups_that_take_little_time() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"1\n" * 1000
        yield b"2" * 900_000 + b"\n" + b"3" * 900_000

    sizes = [len(group) async for group in groups(chunks())]
    assert sum(sizes) == 1002
    assert max(sizes) <= 32
    assert sizes[-2:] == [9, 1]  # a large line ends its group


def line(**fields: Any) -> dict[str, Any]:
    return {"custom_id": "a", "method": "POST", "url": GENERATE, "body": SONG, **fields}


def bad(text: bytes, form: str = OPENAI, path: str = GENERATE) -> tuple[str, str | None]:
    with pytest.raises(BadLine) as refused:
        read_line(Raw(1, len(text), text), form, path)
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"custom_id": None}, "invalid_custom_id", "custom_id"),
        ({"custom_id": 17}, "invalid_custom_id", "custom_id"),
        ({"custom_id": ""}, "invalid_custom_id", "custom_id"),
        ({"custom_id": "x" * (MAX_CUSTOM_ID + 1)}, "invalid_custom_id", "custom_id"),
        ({"method": "GET"}, "invalid_method", "method"),
        ({"method": None}, "invalid_method", "method"),
        ({"url": "/v1/jobs"}, "mismatched_url", "url"),
        ({"url": None}, "mismatched_url", "url"),
        ({"url": ["/v1"]}, "mismatched_url", "url"),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: dict[str, Any], code: str, param: str) -> None:
    assert bad(json.dumps(line(**fields)).encode()) == (code, param)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("custom_id", "missing_custom_id"),
        ("method", "invalid_method"),
        ("url", "mismatched_url"),
        ("body", "missing_body"),
    ],
)
def test_a_field_that_is_missing_is_named(missing: str, code: str) -> None:
    rest = {name: value for name, value in line().items() if name != missing}
    assert bad(json.dumps(rest).encode()) == (code, missing)


@pytest.mark.parametrize("form", [OPENAI, JOBS])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"custom_id": "a", "meth', "invalid_json_line"),
        (b'{"custom_id": "a"} {"custom_id": "b"}', "invalid_json_line"),
        (b"[]", "invalid_json_line"),
        (b"17", "invalid_json_line"),
        (b"\x00", "invalid_json_line"),
        (b'{"body": ' + b"[" * 100_000, "invalid_json_line"),
        (b'{"custom_id": "\xff"}', "invalid_utf8"),
        (b'{"body": {"prompt": "\xc3"}}', "invalid_utf8"),
        (b"\xff\xfe{\x00}\x00", "invalid_utf8"),  # UTF-16
    ],
)
def test_what_is_no_line_is_told_as_such(text: bytes, code: str, form: str) -> None:
    assert bad(text, form) == (code, None)


def test_a_line_is_read_with_and_without_the_slash() -> None:
    for url in (GENERATE, GENERATE + "/", "/suno/api/generate/v2"):
        text = json.dumps(line(url=url, custom_id="ä" * MAX_CUSTOM_ID)).encode()
        read = read_line(Raw(7, 99, text), OPENAI, GENERATE)
        assert (read.number, read.end, read.custom_id) == (7, 99, "ä" * MAX_CUSTOM_ID)
        assert json.loads(read.body) == SONG


def test_a_job_is_its_own_line() -> None:
    job = {"kind": "music.generate", "input": SONG, "metadata": {"n": 1}}
    for more, custom_id in (({}, "line-3"), ({"custom_id": None}, "line-3"), ({"custom_id": "mine"}, "mine")):
        read = read_line(Raw(3, 9, json.dumps({**job, **more}).encode()), JOBS, "/v1/jobs")
        assert (read.custom_id, json.loads(read.body)) == (custom_id, job)
    assert bad(b'{"custom_id": 5}', JOBS) == ("invalid_custom_id", "custom_id")


def judge(gateway: Gateway, path: str = GENERATE, form: str = OPENAI, most: int = 100_000) -> Validation:
    caller = Caller(gateway.services, gateway.alice.key.id, "http://gateway.test")
    return Validation(caller, ENDPOINTS[path], form, most=most)


async def judged(validation: Validation, lines: list[Any]) -> list[LineError]:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in lines)

    async for group in groups(chunks()):
        if not await validation.take(group):
            break
    return validation.errors()


async def test_lines_that_are_good_are_counted_by_kind(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    lines = [line(custom_id=str(n)) for n in range(5)]
    lines += [line(custom_id=f"x{n}", body={"continue_clip_id": clip}) for n in range(2)]
    validation = judge(gateway)
    assert await judged(validation, lines) == []
    assert (validation.lines, validation.kinds) == (7, {"music.generate": 5, "music.extend": 2})


async def test_each_wrong_line_is_told_with_its_number_and_its_field(gateway: Gateway) -> None:
    theirs = output_id(new_job_id(), 1)
    lines: list[Any] = [
        line(),
        b"\n",
        line(custom_id="b", body={"prompt": 17, "tags": []}),
        line(custom_id="c", body={"mv": "no-such-model"}),
        line(custom_id="d", body={"continue_clip_id": theirs}),
        line(custom_id="a"),
        line(custom_id="e", url="/v1/jobs"),
        b'{"custom_id": "f", "me\n',
        line(custom_id="g", body=[]),
        line(custom_id="h", body="x" * MAX_LINE_BYTES),
        line(custom_id="i"),
    ]
    errors = await judged(judge(gateway), lines)
    assert [(error.line, error.code, error.param) for error in errors] == [
        (3, "invalid_request", "body.prompt"),
        (4, "model_not_found", "body.mv"),
        (5, "not_found", "body.continue_clip_id"),
        (6, "duplicate_custom_id", "custom_id"),
        (7, "mismatched_url", "url"),
        (8, "invalid_json_line", None),
        (9, "invalid_request", "body"),
        (10, "line_too_long", None),
    ]
    assert all(error.message for error in errors)
    assert "and 1 more" in errors[0].message


async def test_a_wrong_job_is_told_as_its_own_surface_would(gateway: Gateway) -> None:
    lines = [
        {"kind": "music.generate", "input": SONG},
        {"kind": "music.generate", "input": {"prompt": 17}},
        {"kind": "poetry", "input": {}},
        {"kind": "music.generate", "input": SONG, "priority": 10, "colour": "blue"},
    ]
    errors = await judged(judge(gateway, "/v1/jobs", JOBS), lines)
    assert [(error.line, error.param) for error in errors] == [(2, "input.prompt"), (3, "kind"), (4, "priority")]


async def test_a_file_without_lines_is_told_as_such(gateway: Gateway) -> None:
    for lines in ([], [b"\n\r\n  \n"], [BOM]):
        (error,) = await judged(judge(gateway), lines)
        assert (error.code, error.line) == ("empty_file", None)


async def test_no_more_errors_are_kept_than_are_told(gateway: Gateway) -> None:
    errors = await judged(judge(gateway), [b"x\n"] * (MAX_ERRORS + 500))
    assert len(errors) == MAX_ERRORS + 1
    assert [error.line for error in errors[:-1]] == list(range(1, MAX_ERRORS + 1))
    assert (errors[-1].code, errors[-1].line) == ("too_many_errors", None)
    assert errors[-1].message.startswith("500 ")


async def test_more_lines_than_there_may_be_are_not_looked_at(gateway: Gateway) -> None:
    lines = [line(custom_id=str(n)) for n in range(101)]
    assert await judged(judge(gateway, most=101), lines) == []
    errors = await judged(judge(gateway, most=100), lines)
    assert [error.code for error in errors] == ["too_many_lines"]
    assert "100 lines" in errors[0].message


async def test_nobody_waits_long_for_a_file_that_is_judged(gateway: Gateway) -> None:
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    try:
        count = 2_000
        assert await judged(judge(gateway), [line(custom_id=str(n)) for n in range(count)]) == []
    finally:
        other.cancel()
    assert turns >= count / 32


async def test_a_line_that_breaks_the_gateway_breaks_no_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the password is tulip")

    monkeypatch.setattr("api.dialects.suno._kept", broken)
    (error,) = await judged(judge(gateway), [line()])
    assert (error.line, error.code) == (1, "internal_error")
    assert "tulip" not in error.message
    assert "tulip" in caplog.text
