"""Chat on its way through the gateway: to whom it goes, what is tried again and what never, and what becomes of it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.chat.relay import LAST_S
from cli.fakes.server import FakeUpstream
from cli.serve import _PATIENCE_S
from storage import keys
from tests.api.chat.relaying import CHAT, Relayed, account, asked, data_of, err, text_of
from tests.api.upstreams.scripted import Close, Reset, Silence, Step, Upstream
from tests.certificates import self_signed
from tests.waiting import until

NOWHERE = "http://127.0.0.1:9"
KINDS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
ONE_PIECE = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(*events: str) -> bytes:
    sent = [f"data: {event}\n\n".encode() for event in events]
    return b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in sent)


def words(text: str, reason: str | None = None) -> str:
    why = f'"{reason}"' if reason else "null"
    return f'{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{why}}}]}}'


async def said(relayed: Relayed, *, stream: bool, text: str = "Tell me something.", **more: Any) -> httpx.Response:
    return await relayed.http.post(CHAT, json=asked(text, stream=stream, **more))


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """Of an answer, or of the last event of a stream."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = data_of(answer.content)
        assert "[DONE]" not in events
        last: dict[str, Any] = events[-1]
    else:
        assert answer.status_code >= 400
        last = answer.json()
    return dict(last["error"])


async def states(relayed: Relayed, names: list[str]) -> list[str]:
    return [str(fares.state) for fares in await relayed.store.capacity.fares(*names)]


# To another account


REFUSALS = {
    "busy": "cooling",
    "session_expired": "session_expired",
    "no_credits": "no_credits",
    "suspended": "suspended",
    "overloaded": "cooling",
    "failed": "ok",
    "error": "cooling",
}


@KINDS
@pytest.mark.parametrize("fault", REFUSALS)
async def test_who_is_refused_by_one_account_is_answered_by_another(
    fault: str, stream: bool, relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    names = await relayed.serves(fake, other)
    err(fake, fault)
    answer = await said(relayed, stream=stream)
    assert answer.status_code == 200, answer.text
    assert (len(fake.ledger.accepts), len(other.ledger.accepts)) == (0, 1)
    if REFUSALS[fault] == "ok":
        return
    await until(lambda: heeded(relayed, names[0]))
    assert await states(relayed, names) == [REFUSALS[fault], "ok"]
    asked_before = fake.ledger.asked["submit"]
    for _ in range(5):
        assert (await said(relayed, stream=stream)).status_code == 200
    assert fake.ledger.asked["submit"] == asked_before  # what is known of it is heeded


async def heeded(relayed: Relayed, name: str) -> bool:
    return not (await relayed.watched())["accounts"][name]


@KINDS
async def test_who_cannot_reach_one_account_is_answered_by_another(
    stream: bool, relayed: Relayed, other: FakeUpstream
) -> None:
    await relayed.accounts(account(NOWHERE, weight=1000), account(other.url))
    assert (await said(relayed, stream=stream)).status_code == 200
    assert len(other.ledger.accepts) == 1


@KINDS
async def test_who_meets_an_account_without_its_credential_is_answered_by_another(
    stream: bool, relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    missing = account(fake.url, weight=1000, token_env="NOBODY_HAS_SET_THIS")
    names = await relayed.accounts(missing, account(other.url))
    assert (await said(relayed, stream=stream)).status_code == 200
    assert (fake.ledger.asked["submit"], len(other.ledger.accepts)) == (0, 1)
    await until(lambda: heeded(relayed, names[0]))
    assert await states(relayed, names) == ["session_expired", "ok"]


@KINDS
async def test_refused_by_all_it_is_the_last_refusal_that_is_told(
    stream: bool, relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    await relayed.serves(fake, other)
    err(fake, "failed")
    err(other, "busy=7")
    answer = await said(relayed, stream=stream)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert error_of(answer)["code"] == "rate_limit_exceeded"


@KINDS
@pytest.mark.parametrize("fault", ["moderated", "too_long", "no_model"])
async def test_what_is_the_requests_own_fault_is_tried_nowhere_else(
    fault: str, stream: bool, relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    await relayed.serves(fake, other)
    err(fake, fault)
    assert (await said(relayed, stream=stream)).status_code in (400, 404)
    assert other.ledger.asked["submit"] == 0


@KINDS
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "error_after", "error=504", "html", "gzip"])
async def test_what_may_have_been_paid_for_is_not_sent_again(
    fault: str, stream: bool, relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    await relayed.serves(fake, other)
    err(fake, fault)
    assert (await said(relayed, stream=stream)).status_code in (502, 504)
    assert (fake.ledger.asked["submit"], other.ledger.asked["submit"]) == (1, 0)


async def test_of_two_answers_one_is_not_taken_for_both(relayed: Relayed, fake: FakeUpstream) -> None:
    """The fake sends one after the other, and here ends well, as HTTP goes, between them."""
    await relayed.serves(fake)
    err(fake, "ends_early")
    answer = await said(relayed, stream=True, n=2)
    events = data_of(answer.content)
    assert any(event["choices"][0]["finish_reason"] for event in events[:-1])
    assert error_of(answer)["code"] == "upstream_disconnected"


async def test_a_stream_that_breaks_is_not_begun_anew(
    relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    await relayed.serves(fake, other)
    err(fake, "reset_stream")
    answer = await said(relayed, stream=True)
    assert (answer.status_code, error_of(answer)["code"]) == (200, "upstream_disconnected")
    assert (len(fake.ledger.accepts), other.ledger.asked["submit"]) == (1, 0)


async def test_an_account_that_fails_again_and_again_rests(relayed: Relayed, fake: FakeUpstream) -> None:
    [name] = await relayed.serves(fake)
    err(fake, "failed")
    for _ in range(3):
        assert (await said(relayed, stream=False)).status_code == 502
    await until(lambda: heeded(relayed, name))
    answer = await said(relayed, stream=False)
    assert (answer.status_code, error_of(answer)["code"]) == (503, "upstream_busy")
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert fake.ledger.asked["submit"] == 3


# Limits


@KINDS
async def test_a_full_account_says_so_and_the_end_of_a_call_makes_room(stream: bool, relayed: Relayed) -> None:
    wait = asyncio.Event()
    body = b'{"choices":[]}'
    good = EVENTS + chunked("[DONE]") + b"0\r\n\r\n" if stream else ONE_PIECE + body
    async with Upstream([wait, good], [good]).serving() as upstream:
        [name] = await relayed.accounts(account(upstream.url.removesuffix("/v1"), concurrent=1))
        first = asyncio.create_task(said(relayed, stream=stream))
        await until(lambda: upstream.requests)
        refused = await said(relayed, stream=stream)
        assert (refused.status_code, error_of(refused)["code"]) == (503, "upstream_busy")
        assert int(refused.headers["retry-after"]) >= 1
        wait.set()
        assert (await first).status_code == 200
        await until(lambda: free(relayed, name))
        assert (await said(relayed, stream=stream)).status_code == 200
        assert len(upstream.requests) == 2


async def free(relayed: Relayed, name: str) -> bool:
    return await relayed.store.redis.zcard(keys.slots(name)) == 0


async def test_what_finds_one_account_full_goes_to_another(
    relayed: Relayed, fake: FakeUpstream, other: FakeUpstream
) -> None:
    await relayed.serves(fake, other, per_minute=1)
    assert [(await said(relayed, stream=False)).status_code for _ in range(3)] == [200, 200, 503]
    assert (len(fake.ledger.accepts), len(other.ledger.accepts)) == (1, 1)


# The way there


async def test_an_upstream_that_nobody_vouches_for_is_sent_nothing(
    relayed: Relayed, other: FakeUpstream, tmp_path: Path
) -> None:
    server, _ = self_signed(tmp_path, ["127.0.0.1"])
    async with Upstream([b""]).serving(server) as upstream:
        url = upstream.url.removesuffix("/v1")
        await relayed.accounts(account(url))
        refused = await said(relayed, stream=False)
        assert (refused.status_code, error_of(refused)["code"]) == (502, "upstream_untrusted")
        await relayed.accounts(account(url, weight=1000), account(other.url))
        assert (await said(relayed, stream=False)).status_code == 200
        assert not upstream.requests


async def test_an_account_may_have_a_proxy(relayed: Relayed) -> None:
    body = b'{"choices":[]}'
    async with Upstream([ONE_PIECE + body]).serving() as proxy:
        through = {"proxy": f"http://ann:s3cret@127.0.0.1:{proxy.port}"}
        await relayed.accounts(account("http://upstream.example:8000", **through))
        assert (await said(relayed, stream=False)).content == body
    [request] = proxy.requests
    assert request.startswith(b"POST http://upstream.example:8000/v1/chat/completions HTTP/1.1\r\n")
    assert b"\r\nproxy-authorization: Basic YW5uOnMzY3JldA==\r\n" in request
    assert b"\r\nauthorization: Bearer sk-upstream\r\n" in request


async def test_answers_of_one_moment_are_not_mixed_up(relayed: Relayed, fake: FakeUpstream) -> None:
    await relayed.serves(fake)
    err(fake, "trickle=50")
    texts = [f"{number} " * 30 for number in range(100)]
    answers = await asyncio.gather(
        *(said(relayed, stream=number % 3 > 0, text=f"say: {text}") for number, text in enumerate(texts))
    )
    for number, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        heard = text_of(data_of(answer.content)) if number % 3 else answer.json()["choices"][0]["message"]["content"]
        assert heard.strip() == text.strip()


# Silence


async def test_a_stream_that_is_long_in_coming_shows_that_it_is_alive(relayed: Relayed) -> None:
    wait = asyncio.Event()
    good = EVENTS + chunked(words("a", "stop"), "[DONE]") + b"0\r\n\r\n"
    async with Upstream([wait, good]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1")))
        async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
            raw, parts = b"", answer.aiter_bytes()
            while raw.count(b": still here\n") < 2:
                raw += await anext(parts)
            wait.set()
            raw += b"".join([part async for part in parts])
    assert answer.status_code == 200
    assert raw.startswith(b": still here\n: still here\n")
    assert text_of(data_of(raw)) == "a"
    assert await relayed.kept(answer.headers["x-stream-id"]) == data_of(raw)


@pytest.mark.parametrize(
    ("fault", "code"), [("busy", "rate_limit_exceeded"), ("failed", "upstream_failed"), ("html", "upstream_malformed")]
)
async def test_a_refusal_that_comes_later_is_an_event(
    fault: str, code: str, relayed: Relayed, fake: FakeUpstream
) -> None:
    head = b"HTTP/1.1 " + {"busy": b"429 No", "failed": b"500 No", "html": b"200 OK"}[fault] + b"\r\n"
    body = b"<html></html>"
    if fault != "html":
        body = str(fake.family.refusals[fault].body).replace("'", '"').replace("None", "null").encode()
    wait = asyncio.Event()
    async with Upstream([wait, head + b"content-length: %d\r\n\r\n%b" % (len(body), body)]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1")))
        async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
            wait.set()
            await answer.aread()
    assert (answer.status_code, error_of(answer)["code"]) == (200, code)
    assert (await relayed.kept(answer.headers["x-stream-id"]))[-1]["error"]["code"] == code


@KINDS
async def test_silence_has_an_end(stream: bool, relayed: Relayed) -> None:
    async with Upstream([Silence]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1"), chat={"head_s": 0.5}))
        answer = await said(relayed, stream=stream)
        assert answer.status_code == (200 if stream else 504)
        assert error_of(answer)["code"] == "upstream_timed_out"
        await until(lambda: upstream.open == 0)


async def test_silence_within_a_stream_has_an_end_too(relayed: Relayed) -> None:
    async with Upstream([EVENTS + chunked(words("a")), Silence]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1"), chat={"idle_s": 0.3}))
        answer = await said(relayed, stream=True)
        first, last = data_of(answer.content.replace(b": still here\n", b""))
        assert first["choices"][0]["delta"] == {"content": "a"}
        assert last["error"]["code"] == "upstream_timed_out"
        assert b": still here\n" in answer.content
        await until(lambda: upstream.open == 0)


# Callers who leave


async def begun(relayed: Relayed, upstream: Upstream, policy: Any) -> str:
    """A caller has heard the first words of a stream, and leaves. Its id."""
    await relayed.accounts(account(upstream.url.removesuffix("/v1"), chat={"on_disconnect": policy}))
    async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
        await anext(answer.aiter_bytes())
    return str(answer.headers["x-stream-id"])


@pytest.mark.parametrize("policy", ["cancel", {"*": "drain", "gpt-4o-mini": "cancel"}])
async def test_a_caller_who_leaves_ends_the_answer_where_that_is_wanted(policy: Any, relayed: Relayed) -> None:
    async with Upstream([EVENTS + chunked(words("a")), Silence]).serving() as upstream:
        id = await begun(relayed, upstream, policy)
        await until(lambda: upstream.open == 0)
        await relayed.at_rest()
        assert [event["choices"][0]["delta"]["content"] for event in await relayed.kept(id)] == ["a"]


@pytest.mark.parametrize("policy", ["drain", {"*": "cancel", "gpt-4o-mini": "drain"}])
async def test_otherwise_it_is_read_to_its_end_and_kept_for_who_comes_back(policy: Any, relayed: Relayed) -> None:
    left = asyncio.Event()
    rest = chunked(words("b"), words("", "stop"), "[DONE]") + b"0\r\n\r\n"
    async with Upstream([EVENTS + chunked(words("a")), left, rest]).serving() as upstream:
        id = await begun(relayed, upstream, policy)
        await until(lambda: gone(relayed))
        left.set()
        assert text_of(await relayed.kept(id)) == "ab"
        await relayed.at_rest()
        assert (upstream.connections, upstream.open) == (1, 1)  # the connection can be used again


async def gone(relayed: Relayed) -> bool:
    """Whether nobody is watched any more."""
    return not any("Downstream._watch" in task for task in (await relayed.watched())["tasks"])


async def test_what_its_caller_left_fails_in_the_end_as_well(relayed: Relayed) -> None:
    left = asyncio.Event()
    async with Upstream([EVENTS + chunked(words("a")), left, Reset]).serving() as upstream:
        id = await begun(relayed, upstream, "drain")
        await until(lambda: gone(relayed))
        left.set()
        assert (await relayed.kept(id))[-1]["error"]["code"] == "upstream_disconnected"


async def test_an_answer_in_one_piece_is_canceled_too(relayed: Relayed) -> None:
    async with Upstream([Silence]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1"), chat={"on_disconnect": "cancel"}))
        asking = asyncio.create_task(said(relayed, stream=False))
        await until(lambda: upstream.requests)
        asking.cancel()
        await until(lambda: upstream.open == 0)


@pytest.mark.parametrize("policy", ["cancel", "drain"])
async def test_a_caller_who_reads_nothing_is_not_kept_for_without_bound(policy: str, relayed: Relayed) -> None:
    event = chunked(words("x" * 100_000))
    answer: list[Step] = [EVENTS, *[event] * 1000, chunked(words("", "stop"), "[DONE]") + b"0\r\n\r\n"]
    async with Upstream(answer).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1"), chat={"on_disconnect": policy}))
        before = relayed.server.rss_bytes()
        async with relayed.http.stream("POST", CHAT, json=asked(stream=True)):
            await at_a_standstill(upstream)
            assert upstream.sent_bytes < 60 << 20
            assert relayed.server.rss_bytes() - before < 64 << 20
        if policy == "cancel":
            await until(lambda: upstream.open == 0)
        else:
            await until(lambda: upstream.sent_bytes > 100_000_000)


async def at_a_standstill(upstream: Upstream) -> None:
    """Nothing has gone out for a while."""
    seen: list[int] = []

    def still() -> bool:
        seen.append(upstream.sent_bytes)
        return len(seen) > 30 and len(set(seen[-30:])) == 1

    await until(still)


# Odd upstreams


async def test_what_comes_behind_the_end_of_a_stream_spoils_nothing(relayed: Relayed) -> None:
    good = EVENTS + chunked(words("a", "stop"), "[DONE]")
    odd: list[list[Step]] = [
        [good, b"zz\r\noops"],
        [good, Reset],
        [good, Close],
        [good, chunked("{", words("b"))],
        [good + b"0\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"],
        [good, Silence],
    ]
    for answer in odd:
        async with Upstream(answer).serving() as upstream:
            [name] = await relayed.accounts(account(upstream.url.removesuffix("/v1")))
            heard = await said(relayed, stream=True)
            assert text_of(data_of(heard.content)) == "a"
            await relayed.at_rest()
            assert await states(relayed, [name]) == ["ok"]
            assert not await relayed.store.redis.hexists(keys.account(name), "failures")


async def test_headers_of_an_upstream_go_no_further_than_they_should(relayed: Relayed) -> None:
    """A byte beyond ASCII is no reason to answer nothing; cookies, lengths and the like are not passed on."""
    odd = (
        b'x-request-id: r\xff\xe9\tq\r\nx-ratelimit-limit: \r\nx-ratelimit-\xc3\xa4: a\r\nopenai-version: a; b="c"\r\n'
        b"set-cookie: a=b\r\nx-gateway-engine: theirs\r\nx-stream-id: theirs\r\ncontent-type: application/json\r\n"
        b"location: /\r\nwww-authenticate: Basic\r\nconnection: x-ratelimit-limit\r\n"
    ).replace(b"x-ratelimit-\xc3\xa4: a\r\n", b"")  # which no parser takes for a name
    body = b'{"choices":[]}'
    raw = b"HTTP/1.1 200 OK\r\n" + odd + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    async with Upstream([raw]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1")))
        answer = await said(relayed, stream=False)
    assert (answer.status_code, answer.content) == (200, body)
    raw_headers = dict(answer.headers.raw)
    assert raw_headers.pop(b"date")
    assert raw_headers == {
        b"content-type": b"application/json",
        b"x-gateway-engine": b"openai",
        b"x-request-id": b"r\xff\xe9\tq",
        b"x-ratelimit-limit": b"",
        b"openai-version": b'a; b="c"',
        b"content-length": b"14",
        b"server": b"granian",
    }


async def test_a_stream_where_an_answer_in_one_piece_is_due_is_malformed(relayed: Relayed) -> None:
    async with Upstream([EVENTS + chunked(words("a", "stop"), "[DONE]") + b"0\r\n\r\n"]).serving() as upstream:
        await relayed.accounts(account(upstream.url.removesuffix("/v1")))
        answer = await said(relayed, stream=False)
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_malformed")


def test_a_stopping_server_waits_for_longer_than_answers_may_last() -> None:
    assert LAST_S < _PATIENCE_S - 1
