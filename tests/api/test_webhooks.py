"""Webhook endpoints over HTTP: what is taken, what is refused and why, what is shown and what never is."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from openai import OpenAI
from standardwebhooks import Webhook as Verifier

from storage.addresses import Allowed
from storage.outbox import Heard
from storage.rules import DELIVERY
from storage.webhooks import MAX_ENDPOINTS
from tests.api.gateway import SONG, Caller, Gateway, serving, storage_settings
from tests.storage.receiver import OK, always, receiving, redirect, then_nothing

URL = "https://app.example/hooks"
ENDS = ["job.succeeded", "job.failed", "job.canceled", "job.expired"]
EMPTY = {
    "failing_since": None,
    "consecutive_failures": 0,
    "last_status": None,
    "last_error": None,
    "last_success_at": None,
}


@pytest.fixture
async def local(redis_url: str) -> AsyncIterator[Gateway]:
    """A gateway whose operator allows webhooks to this machine."""
    allowing = storage_settings(redis_url).model_copy(update={"outbound_allow": Allowed.parse("127.0.0.1")})
    async with serving(allowing) as running:
        yield running


async def register(caller: Caller, **body: Any) -> dict[str, Any]:
    answer = await caller.http.post("/v1/webhooks", json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    return cast(dict[str, Any], answer.json())


async def ok(call: Any, status: int = 200) -> Any:
    answer: httpx.Response = await call
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_an_endpoint_is_registered_shown_listed_changed_and_deleted(gateway: Gateway) -> None:
    http = gateway.alice.http
    made = await register(gateway.alice, name="the shop")
    secret = made.pop("signing_secret")
    path = f"/v1/webhooks/{made['id']}"
    assert made == {
        "id": made["id"],
        "object": "webhook_endpoint",
        "name": "the shop",
        "url": URL,
        "event_types": ENDS,
        "enabled": True,
        "disabled_reason": None,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "health": EMPTY,
        "signing_secret_hint": f"whsec_…{secret[-4:]}",
        "older_secrets": [],
    }
    assert await ok(http.get(path)) == made
    assert await ok(http.get("/v1/webhooks/")) == {"object": "list", "data": [made]}
    changed = await ok(http.patch(path, json={"events": ["job.*"], "enabled": False, "name": ""}))
    assert (changed["enabled"], changed["name"], changed["url"]) == (False, "", URL)
    assert len(changed["event_types"]) == 9
    assert await ok(http.patch(path)) == changed | {"updated_at": (await ok(http.get(path)))["updated_at"]}
    answer = await http.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (http.get(path), http.delete(path), http.patch(path, json={})):
        assert (await again).status_code == 404
    assert (await ok(http.get("/v1/webhooks")))["data"] == []


async def test_what_was_read_may_be_sent_back(gateway: Gateway) -> None:
    made = await register(gateway.alice, event_types=["job.failed"])
    assert made["event_types"] == ["job.failed"]
    body = {"event_types": made["event_types"], "url": made["url"], "name": made["name"], "enabled": made["enabled"]}
    assert (await ok(gateway.alice.http.patch(f"/v1/webhooks/{made['id']}", json=body)))["event_types"] == [
        "job.failed"
    ]


async def test_nobody_sees_or_touches_another_key_s_endpoint(gateway: Gateway) -> None:
    made = await register(gateway.alice)
    path = f"/v1/webhooks/{made['id']}"
    for method, where in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
    ):
        assert (await gateway.bob.http.request(method, where)).status_code == 404, where
        assert (await gateway.nobody.request(method, where)).status_code == 401, where
    since = {"since": "2026-01-01T00:00:00Z"}
    assert (await gateway.bob.http.post(f"{path}/replay", json=since)).status_code == 404
    assert (await ok(gateway.bob.http.get("/v1/webhooks")))["data"] == []
    theirs = (await ok(gateway.bob.http.get("/v1/webhooks/secret")))["key"]
    assert theirs != (await ok(gateway.alice.http.get("/v1/webhooks/secret")))["key"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "#/url", "Field required"),
    ({"url": 5}, "#/url", "valid string"),
    ({"url": ""}, "#/url", "starts with http"),
    ({"url": "app.example"}, "#/url", "starts with http"),
    ({"url": "ftp://app.example/"}, "#/url", "starts with http"),
    ({"url": "https://user:pass@app.example/"}, "#/url", "no user name"),
    ({"url": "https://app.example/" + "x" * 2048}, "#/url", "2048 characters"),
    ({"url": "http://127.0.0.1/"}, "#/url", "GATEWAY_OUTBOUND_ALLOW"),
    ({"url": "http://localhost/"}, "#/url", "GATEWAY_OUTBOUND_ALLOW"),
    ({"url": "http://169.254.169.254/latest/meta-data"}, "#/url", "GATEWAY_OUTBOUND_ALLOW"),
    ({"url": "http://[::ffff:10.0.0.1]/"}, "#/url", "GATEWAY_OUTBOUND_ALLOW"),
    ({"url": "http://0x7f.1/"}, "#/url", "written like 192.0.2.1"),
    ({"url": URL, "events": ["job.done"]}, "#/events", "there is no event type 'job.done'; there are: job.queued"),
    ({"url": URL, "events": "job.*"}, "#/events", "valid array"),
    ({"url": URL, "events": ["job.failed"] * 51}, "#/events", "at most 50"),
    ({"url": URL, "name": "x" * 201}, "#/name", "at most 200"),
    ({"url": URL, "enabled": "perhaps"}, "#/enabled", "boolean"),
    ({"url": URL, "secret": "mine"}, "#/secret", "not permitted"),
]


@pytest.mark.parametrize(("body", "pointer", "said"), REFUSED)
async def test_a_wrong_registration_is_told_which_field_is_wrong(
    gateway: Gateway, body: dict[str, Any], pointer: str, said: str
) -> None:
    path = f"/v1/webhooks/{(await register(gateway.alice))['id']}"
    answers = [await gateway.alice.http.post("/v1/webhooks", json=body)]
    if "Field required" not in said:
        answers.append(await gateway.alice.http.patch(path, json=body))
    for answer in answers:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["pointer"] == pointer
        assert said in error["detail"]
    assert len((await ok(gateway.alice.http.get("/v1/webhooks")))["data"]) == 1


async def test_the_limit_of_endpoints_is_named(gateway: Gateway) -> None:
    for _ in range(MAX_ENDPOINTS):
        await register(gateway.alice)
    answer = await gateway.alice.http.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 422
    assert "20 webhook endpoints" in answer.json()["detail"]


async def test_a_registration_that_is_repeated_with_its_key_is_one(gateway: Gateway) -> None:
    headers = {"idempotency-key": "setup-1"}
    first = await gateway.alice.http.post("/v1/webhooks", json={"url": URL}, headers=headers)
    again = await gateway.alice.http.post("/v1/webhooks/", json={"url": URL}, headers=headers)
    other = await gateway.alice.http.post("/v1/webhooks", json={"url": URL + "2"}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"
    assert len((await ok(gateway.alice.http.get("/v1/webhooks")))["data"]) == 1


async def test_a_rotated_secret_is_shown_once_and_the_old_one_s_end_is_told(gateway: Gateway) -> None:
    made = await register(gateway.alice)
    path = f"/v1/webhooks/{made['id']}"
    rotated = await ok(gateway.alice.http.post(f"{path}/rotate"))
    assert rotated["signing_secret"] != made["signing_secret"]
    assert rotated["signing_secret_hint"].endswith(rotated["signing_secret"][-4:])
    (older,) = rotated["older_secrets"]
    assert older["signs_until"] > rotated["updated_at"]
    shown = await ok(gateway.alice.http.get(path))
    assert "signing_secret" not in shown
    assert shown["older_secrets"] == [older]
    at_once = await ok(gateway.alice.http.post(f"{path}/rotate", json={"overlap_s": 0}))
    assert at_once["older_secrets"] == []
    for overlap_s in (-1, 604_801, "x"):
        answer = await gateway.alice.http.post(f"{path}/rotate", json={"overlap_s": overlap_s})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/overlap_s")


async def test_the_default_secret_can_be_read_again_and_rotated(gateway: Gateway) -> None:
    http = gateway.alice.http
    first = await ok(http.get("/v1/webhooks/secret"))
    assert first == {"object": "webhook_secret", "key": first["key"], "older_secrets": []}
    assert first["key"].startswith("whsec_")
    assert await ok(http.get("/v1/webhooks/secret")) == first
    rotated = await ok(http.post("/v1/webhooks/secret/rotate", json={"overlap_s": 60}))
    assert rotated["key"] != first["key"]
    assert len(rotated["older_secrets"]) == 1
    assert await ok(http.get("/v1/webhooks/secret")) == rotated


async def test_a_test_is_sent_at_once_signed_and_its_answer_told(local: Gateway) -> None:
    async with receiving(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        made = await register(local.alice, url=receiver.url("/in"), enabled=False)
        told = await ok(local.alice.http.post(f"/v1/webhooks/{made['id']}/test"))
    (asked,) = receiver.asked
    event = Verifier(made["signing_secret"]).verify(asked.body, asked.headers)
    OpenAI(api_key="unused").webhooks.verify_signature(asked.body, asked.headers, secret=made["signing_secret"])
    assert (event["type"], event["object"]) == ("webhook.test", "event")
    assert event["data"] == {"id": made["id"], "object": "webhook_endpoint"}
    assert event["id"] == asked.headers["webhook-id"] == told["event_id"]
    assert "." not in event["id"]
    assert told | {"duration_ms": 0} == {
        "object": "webhook_endpoint.test",
        "endpoint": made["id"],
        "event_id": event["id"],
        "event_type": "webhook.test",
        "delivered": True,
        "status": 204,
        "duration_ms": 0,
        "error": None,
    }


async def test_a_test_says_what_is_wrong_with_a_receiver(local: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sender.TIMEOUT_S", 0.3)
    scripts = {
        "redirected": always(redirect(301, "https://elsewhere.example/")),
        "refused": always(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        "upstream_timed_out": then_nothing(),
    }
    for code, script in scripts.items():
        async with receiving(script) as receiver:
            made = await register(local.alice, url=receiver.url())
            told = await ok(local.alice.http.post(f"/v1/webhooks/{made['id']}/test"))
            assert (told["delivered"], told["error"]["code"]) == (False, code)
            assert (told["status"] is None) == (code == "upstream_timed_out")
    made = await register(local.alice, url=receiver.url())  # nobody is there any more
    told = await ok(local.alice.http.post(f"/v1/webhooks/{made['id']}/test"))
    assert told["error"]["code"] == "upstream_unreachable"
    for shown in (await ok(local.alice.http.get("/v1/webhooks")))["data"]:
        assert shown["health"] == EMPTY  # tests are no deliveries


async def test_how_a_receiver_does_is_shown_and_forgotten_when_it_is_switched_on_or_moved(gateway: Gateway) -> None:
    made = await register(gateway.alice)
    path = f"/v1/webhooks/{made['id']}"
    outbox = gateway.services.store.outbox
    for word in ("503", "upstream_timed_out"):
        for _ in range(3):
            await outbox.heard(made["id"], Heard.STRAINED, word)
        health = (await ok(gateway.alice.http.get(path)))["health"]
        assert (health["last_status"], health["last_error"]) == ((503, None) if word == "503" else (None, word))
        assert health["failing_since"]
    assert health["consecutive_failures"] == 6
    rest = f"rest:{DELIVERY}:5:{made['id']}"
    assert await gateway.services.store.redis.exists(rest)
    assert (await ok(gateway.alice.http.patch(path, json={"name": "x"})))["health"] == health
    for body in ({"enabled": True}, {"url": URL + "/new"}):
        await outbox.heard(made["id"], Heard.STRAINED, "500", asked_s=60)
        assert (await ok(gateway.alice.http.patch(path, json=body)))["health"] == EMPTY
        assert not await gateway.services.store.redis.exists(rest)


async def test_a_webhook_may_come_with_a_job_in_the_body_or_in_a_header(gateway: Gateway) -> None:
    http = gateway.alice.http
    body = {"kind": "music.generate", "input": SONG, "webhook": URL, "webhook_events": ["job.output"]}
    job = await ok(http.post("/v1/jobs", json=body), 202)
    headers = {"x-webhook-url": URL, "x-webhook-events": "job.queued, job.failed"}
    song = await ok(http.post("/v1/suno/api/generate/v2/", json=SONG, headers=headers))
    kept = [(await gateway.read(id)).webhook for id in (job["id"], song["id"])]
    assert [(one.url, one.events, one.base_url) for one in kept if one] == [
        (URL, ["job.output"], "http://gateway.test"),
        (URL, ["job.queued", "job.failed"], "http://gateway.test"),
    ]
    (waiting,) = (await ok(http.get(f"/v1/jobs/{song['id']}/deliveries")))["data"]
    assert (waiting["event_type"], waiting["url"], waiting["status"]) == ("job.queued", URL, "pending")


@pytest.mark.parametrize(
    ("headers", "header", "said"),
    [
        ({"x-webhook-url": "http://10.0.0.1/"}, "X-Webhook-Url", "GATEWAY_OUTBOUND_ALLOW"),
        ({"x-webhook-url": "nonsense"}, "X-Webhook-Url", "starts with http"),
        ({"x-webhook-url": URL, "x-webhook-events": "job.won"}, "X-Webhook-Events", "no event type 'job.won'"),
        ({"x-webhook-events": "job.failed"}, "X-Webhook-Events", "of no use without X-Webhook-Url"),
    ],
)
async def test_a_wrong_webhook_of_a_job_is_refused_before_anything_is_accepted(
    gateway: Gateway, headers: dict[str, str], header: str, said: str
) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", json={"kind": "music.generate", "input": SONG}, headers=headers)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["header"] == header
    assert said in error["detail"]
    suno = await gateway.alice.http.post("/v1/suno/api/generate/v2/", json=SONG, headers=headers)
    assert (suno.status_code, said in suno.json()["detail"]) == (422, True)
    assert await gateway.alice.feed() == []


async def test_a_wrong_webhook_in_a_job_s_body_is_refused_by_its_field(gateway: Gateway) -> None:
    for wrong, pointer in (
        ({"webhook": "http://192.168.0.1/"}, "#/webhook"),
        ({"webhook": URL, "webhook_events": ["x"]}, "#/webhook_events"),
        ({"webhook_events": ["job.failed"]}, "#/webhook_events"),
    ):
        answer = await gateway.alice.http.post("/v1/jobs", json={"kind": "music.generate", "input": SONG} | wrong)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_no_secret_and_no_url_is_logged(local: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with receiving(always(OK)) as receiver:
        made = await register(local.alice, url=receiver.url("/path-token?query-token"))
        await ok(local.alice.http.post(f"/v1/webhooks/{made['id']}/test"))
    ours = "".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    )
    assert "token" not in ours
    assert made["signing_secret"] not in ours
