"""One attempt at a webhook, against real receivers of every kind: what is sent, and what each answer leads to."""

import random
import time
from email.utils import formatdate
from functools import partial
from pathlib import Path

import msgspec
import pytest
from multidict import CIMultiDict
from openai import InvalidWebhookSignatureError, OpenAI
from pydantic import SecretStr
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from storage.job import Failure, Job, Status, Webhook
from storage.outbound import Answer
from storage.outbox import STRAINED
from storage.store import Store
from storage.webhooks import Endpoint, default_of, now_ms
from tests.certificates import self_signed
from tests.clock import pass_time
from tests.storage.receiver import (
    OK,
    Asked,
    Script,
    always,
    receiving,
    redirect,
    then_for_ever,
    then_nothing,
    then_reset,
)
from tests.waiting import until
from tests.workers.outgoing import (
    HOST,
    SIGNER,
    all_ended,
    answering,
    deliveries,
    delivering,
    ended,
    endpoint,
    happen,
    tried,
)
from workers.deliver import SCHEDULE_S, delay, judge, retry_after

GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
"""What a receiver says that wants no more."""


def attempts(delivery: Job) -> list[tuple[int | None, str | None]]:
    return [(each.get("status"), each.get("error")) for each in delivery.metadata["attempts"]]


async def test_an_event_arrives_signed_and_both_verifiers_take_it(store: Store) -> None:
    async with receiving(always(OK)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url("/hooks?key=1"))
        (job,) = await happen(store, metadata={"title": "Übersee №1"})
        delivery = await ended(store, to.id)
    (asked,) = receiver.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/hooks?key=1", "application/json")
    assert asked.headers["user-agent"].startswith("ai-gateway/")
    key = SIGNER.secret(to.whose, 1).get_secret_value()
    told = Verifier(key).verify(asked.body, asked.headers)
    assert told == OpenAI(api_key="unused").webhooks.unwrap(asked.body, asked.headers, secret=key).to_dict()
    assert (told["type"], told["data"]["id"], told["data"]["status"]) == ("job.canceled", job.id, "canceled")
    assert told["data"]["metadata"] == {"title": "Übersee №1"}
    assert told["data"]["urls"]["self"] == f"{HOST}/v1/jobs/{job.id}"
    assert asked.headers["webhook-id"] == told["id"] == f"evt_{job.id.replace('-', '')}_canceled"
    assert abs(int(asked.headers["webhook-timestamp"]) - time.time()) < 60
    assert (delivery.status, attempts(delivery), delivery.error) == (Status.SUCCEEDED, [(200, None)], None)
    for changed in (asked.body + b" ", asked.body.replace(b"canceled", b"failed")):
        with pytest.raises(WebhookVerificationError):
            Verifier(key).verify(changed, asked.headers)
        with pytest.raises(InvalidWebhookSignatureError):
            OpenAI(api_key="unused").webhooks.verify_signature(changed, asked.headers, secret=key)


async def test_a_url_that_came_with_a_job_is_signed_with_its_owner_s_default_secret(store: Store) -> None:
    async with receiving(always(OK)) as receiver, delivering(store):
        hook = Webhook(receiver.url("/one?token=a"), ["job.queued", "job.canceled"], HOST)
        await happen(store, webhook=hook)
        await until(lambda: len(receiver.asked) == 2)
    key = SIGNER.secret(default_of("owner"), 1).get_secret_value()
    types = {Verifier(key).verify(asked.body, asked.headers)["type"] for asked in receiver.asked}
    assert types == {"job.queued", "job.canceled"}
    assert {asked.path for asked in receiver.asked} == {"/one?token=a"}


async def test_while_a_rotation_overlaps_old_and_new_secrets_verify_and_afterwards_the_new_one_alone(
    store: Store,
) -> None:
    async with receiving(always(OK)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await store.webhooks.rotate_default("owner", 3600)
        hook = Webhook(receiver.url(), ["job.canceled"], HOST)
        for overlap_s in (3600, 0):

            def rotated(before: Endpoint, overlap_s: int = overlap_s) -> Endpoint:
                return msgspec.structs.replace(before, signing=before.signing.rotated(now_ms(), overlap_s))

            await store.webhooks.change("owner", to.id, rotated)
            await happen(store)
            await ended_all(store, to.id)
        await store.webhooks.remove("owner", to.id)
        await happen(store, webhook=hook)
        await until(lambda: len(receiver.asked) == 3)
    expected = [(to.whose, {1, 2}), (to.whose, {3}), (default_of("owner"), {1, 2})]
    for asked, (whose, good) in zip(receiver.asked, expected, strict=True):
        assert {version for version in (1, 2, 3) if verifies(asked, SIGNER.secret(whose, version))} == good
        assert asked.headers["webhook-signature"].count(" ") == len(good) - 1


async def ended_all(store: Store, to: str) -> None:
    await until(lambda: all_ended(store, to, Status.SUCCEEDED))


def verifies(asked: Asked, secret: SecretStr) -> bool:
    """By both verifiers, which must agree."""
    key = secret.get_secret_value()
    try:
        Verifier(key).verify(asked.body, asked.headers)
        one = True
    except WebhookVerificationError:
        one = False
    try:
        OpenAI(api_key="unused").webhooks.verify_signature(asked.body, asked.headers, secret=key)
        other = True
    except InvalidWebhookSignatureError:
        other = False
    assert one == other
    return one


async def test_every_attempt_says_the_same_under_the_same_id(store: Store) -> None:
    async with receiving(answering(500)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        (job,) = await happen(store)
        await tried(store, to.id)
        await store.jobs.forget(job)  # whatever becomes of the job
        await pass_time(store.redis, 7)
        await tried(store, to.id, 2)
        receiver.script = always(OK)
        await pass_time(store.redis, 40)
        delivery = await ended(store, to.id)
    assert len({asked.body for asked in receiver.asked}) == 1
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1
    assert attempts(delivery) == [(500, None), (500, None), (200, None)]
    key = SIGNER.secret(to.whose, 1)
    assert all(verifies(asked, key) for asked in receiver.asked)


REFUSALS = [
    300,
    301,
    302,
    304,
    308,
    400,
    401,
    403,
    404,
    405,
    408,
    413,
    415,
    422,
    429,
    451,
    500,
    501,
    502,
    503,
    504,
    599,
]


@pytest.mark.parametrize("status", REFUSALS)
async def test_whatever_is_no_success_is_tried_again(store: Store, status: int) -> None:
    async with receiving(answering(status)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        delivery = await tried(store, to.id)
        (health,) = await store.outbox.health(to.id)
        receiver.script = always(OK)
        await pass_time(store.redis, 7)
        assert (await ended(store, to.id)).status == Status.SUCCEEDED
    assert delivery.error
    assert delivery.error.message.startswith(f"answered {status}")
    assert (health.failures, health.last) == (1, str(status))
    assert health.strained == (status in (429, *range(500, 600)))
    assert 0 < delivery.not_before - now_ms() <= 1000 * SCHEDULE_S[0] * 1.2


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_success(store: Store, status: int) -> None:
    async with receiving(answering(status)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        delivery = await ended(store, to.id)
        assert (delivery.status, attempts(delivery)) == (Status.SUCCEEDED, [(status, None)])


async def test_a_redirect_is_reported_and_not_followed(store: Store) -> None:
    async with receiving(always(OK)) as elsewhere, receiving(always(b"")) as receiver, delivering(store):
        receiver.script = always(redirect(301, elsewhere.url("/new")))
        to = await endpoint(store, receiver.url())
        await happen(store)
        delivery = await tried(store, to.id)
    told = f"answered 301 with Location {elsewhere.url('/new')}; redirects are not followed"
    assert delivery.error == Failure("redirected", told, retryable=True)
    assert attempts(delivery) == [(301, told)]
    assert elsewhere.asked == []


async def test_410_switches_the_endpoint_off_and_nothing_more_is_sent(store: Store) -> None:
    async with receiving(always(GONE)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        delivery = await ended(store, to.id)
        now = await store.webhooks.find("owner", to.id)
        await happen(store, 3)
        assert len(await deliveries(store, to.id)) == 1
    assert delivery.status == Status.FAILED
    assert delivery.error == Failure("receiver_gone", "answered 410: it wants no more webhooks")
    assert (now.enabled, now.disabled_reason) == (False, "it answered 410 Gone")
    assert len(receiver.asked) == 1


async def test_410_of_a_url_that_came_with_a_job_ends_that_delivery_alone(store: Store) -> None:
    async with receiving(always(GONE)) as receiver, delivering(store):
        await happen(store, 2, webhook=Webhook(receiver.url(), ["job.canceled"], HOST))
        await until(lambda: len(receiver.asked) == 2)
        to = (await store.redis.keys("jobs:url_*"))[0].decode().removeprefix("jobs:")
        await until(lambda: all_ended(store, to, Status.FAILED))


async def test_what_waits_for_an_endpoint_that_is_off_or_gone_ends_and_says_why(store: Store) -> None:
    off, gone = await endpoint(store, "http://127.0.0.1:9"), await endpoint(store, "http://127.0.0.1:9")
    await happen(store)
    await store.webhooks.switch_off(off, "tired")
    await store.webhooks.remove("owner", gone.id)
    async with delivering(store):
        codes = [(await ended(store, one.id)).error for one in (off, gone)]
    assert [code and code.code for code in codes] == ["endpoint_off", "endpoint_deleted"]


TROUBLES: list[tuple[Script, str]] = [
    (then_nothing(), "upstream_timed_out"),
    (then_nothing(b"HTTP/1.1 200 OK\r\n"), "upstream_timed_out"),
    (then_reset(), "upstream_disconnected"),
    (always(b"SSH-2.0-OpenSSH_9.6\r\n"), "upstream_malformed"),
    (then_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n"), "upstream_malformed"),
]


@pytest.mark.parametrize(("script", "code"), TROUBLES)
async def test_a_receiver_that_does_not_answer_is_tried_again(
    store: Store, script: Script, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sender.TIMEOUT_S", 0.3)
    async with receiving(script) as receiver, delivering(store):
        to = await endpoint(store, receiver.url("/?secret=1"))
        await happen(store)
        delivery = await tried(store, to.id)
        (health,) = await store.outbox.health(to.id)
    assert delivery.error
    assert (delivery.error.code, delivery.error.retryable) == (code, True)
    assert "secret" not in delivery.error.message
    assert (health.strained, health.last) == (1, code)
    (attempt,) = delivery.metadata["attempts"]
    assert attempt["error"] == delivery.error.message
    assert "status" not in attempt


@pytest.mark.parametrize("script", [then_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536), then_nothing(OK[:-1])])
async def test_a_success_is_one_however_long_its_body_takes(
    store: Store, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sender.TIMEOUT_S", 0.5)
    async with receiving(script) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        assert (await ended(store, to.id)).status == Status.SUCCEEDED


async def test_a_receiver_that_is_not_there_is_tried_again(store: Store) -> None:
    async with delivering(store):
        to = await endpoint(store, "http://127.0.0.1:9/")
        await happen(store)
        delivery = await tried(store, to.id)
    assert delivery.error
    assert delivery.error.code == "upstream_unreachable"


async def test_a_certificate_must_be_good_and_one_that_is_not_may_be_mended(store: Store, tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path, ["127.0.0.1"])
    async with receiving(always(OK), server) as receiver:
        to = await endpoint(store, receiver.url(scheme="https"))
        await happen(store)
        async with delivering(store):
            delivery = await tried(store, to.id)
        assert delivery.error
        assert (delivery.error.code, delivery.error.retryable) == ("upstream_untrusted", True)
        assert receiver.asked == []
        await pass_time(store.redis, 7)
        async with delivering(store, tls=trusting):
            assert (await ended(store, to.id)).status == Status.SUCCEEDED


async def test_an_address_that_may_not_be_called_is_never_called(store: Store) -> None:
    async with receiving(always(OK)) as receiver, delivering(store, allow=""):
        for url in (receiver.url(), receiver.url(host="localhost")):
            to = await endpoint(store, url)
            await happen(store)
            delivery = await ended(store, to.id)
            assert delivery.error
            assert (delivery.status, delivery.error.code) == (Status.FAILED, "address_refused")
            assert "GATEWAY_OUTBOUND_ALLOW" in delivery.error.message
            await store.webhooks.remove("owner", to.id)
    assert receiver.accepted == 0


async def test_after_the_last_attempt_it_has_failed_and_every_attempt_is_on_record(store: Store) -> None:
    async with receiving(answering(404)) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        for attempt, pause_s in enumerate(SCHEDULE_S, 1):
            delivery = await tried(store, to.id, attempt)
            wait_s = (delivery.not_before - now_ms()) / 1000
            assert 0.8 * pause_s - 10 < wait_s <= 1.2 * pause_s
            await pass_time(store.redis, wait_s + 1)
        delivery = await ended(store, to.id)
    assert len(receiver.asked) == len(SCHEDULE_S) + 1
    assert attempts(delivery) == [(404, None)] * (len(SCHEDULE_S) + 1)
    assert delivery.error == Failure("exhausted", "11 attempts have failed; the last one: answered 404")


async def test_a_receiver_is_left_alone_for_as_long_as_it_asks(store: Store) -> None:
    async with receiving(answering(429, "Retry-After: 3600")) as receiver, delivering(store):
        to = await endpoint(store, receiver.url())
        await happen(store)
        delivery = await tried(store, to.id)
        assert 3590 < (delivery.not_before - now_ms()) / 1000 <= 3600
        receiver.script = always(OK)
        await happen(store, 5)
        await pass_time(store.redis, 3500)
        assert [one.attempt for one in await deliveries(store, to.id)] == [0, 0, 0, 0, 0, 1]
        assert len(receiver.asked) == 1
        await pass_time(store.redis, 200)
        await until(lambda: all_ended(store, to.id, Status.SUCCEEDED))
    assert len(receiver.asked) == 7


async def test_nothing_that_a_url_carries_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    location = "http://127.0.0.1:9/moved?location-token"
    scripts = {
        "rests for 5 s: 500": answering(500),
        "attempt 1: 302": always(redirect(302, location)),
        "is switched off": always(GONE),
        "rests for 5 s: upstream_disconnected": then_reset(),
    }
    for said, script in scripts.items():
        async with receiving(script) as receiver, delivering(store):
            to = await endpoint(store, receiver.url("/path-token?query-token"))
            await happen(store, STRAINED + 1)
            await until(partial(logged, caplog, said), said)
            await store.webhooks.remove("owner", to.id)
    assert "token" not in caplog.text


def logged(caplog: pytest.LogCaptureFixture, said: str) -> bool:
    return said in caplog.text


def test_attempts_are_spread_over_a_day() -> None:
    assert 22 * 3600 < sum(SCHEDULE_S) < 25 * 3600
    assert list(SCHEDULE_S) == sorted(SCHEDULE_S)
    for attempt, pause_s in enumerate(SCHEDULE_S, 1):
        assert delay(attempt, 0) == pause_s
        assert (delay(attempt, -1), delay(attempt, 1)) == pytest.approx((0.8 * pause_s, 1.2 * pause_s))
        assert len({delay(attempt) for _ in range(20)}) > 10
    assert delay(len(SCHEDULE_S) + 1) is None


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("Tue, 14 Nov 2023 22:15:20 -0000", 120),
        ("999999", 86_400),
        (formatdate(NOW + 10 * 86_400, usegmt=True), 86_400),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("", 0),
        ("٣", 0),
    ],
)
def test_retry_after_is_read_in_both_of_its_forms(text: str, seconds: float) -> None:
    assert retry_after(CIMultiDict({"retry-after": text}), NOW) == pytest.approx(seconds, abs=1)


def test_no_retry_after_breaks_anything() -> None:
    chance = random.Random(1)
    parts = ["Tue", ",", " ", "14", "Nov", "2023", "22:15:20", "GMT", "99999999", "+0000", "-99999", ":", "é", "\x00"]
    for _ in range(3000):
        text = "".join(chance.choice(parts) for _ in range(chance.randint(0, 9)))
        assert 0 <= retry_after(CIMultiDict({"Retry-After": text}), NOW) <= 86_400


def test_only_a_receiver_that_is_busy_is_asked_how_long_it_wants() -> None:
    headers = CIMultiDict({"Retry-After": "60"})
    for status, asked_s in ((429, 60), (502, 60), (503, 60), (504, 60), (500, 0), (404, 0), (301, 0), (200, 0)):
        assert judge(Answer(status, headers, b"", False), NOW).asked_s == asked_s
