"""What became of webhooks, over HTTP; and sending them again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.ids import new_job_id
from storage.job import Job, Status
from storage.outbox import Posted
from storage.rules import DELIVERY
from tests.api.gateway import Caller, Gateway
from tests.api.test_webhooks import ENDS, URL, ok, register

ATTEMPT = {"at": 1_751_328_021_000, "duration_ms": 84, "status": 503}
SINCE = {"since": (datetime.now(UTC) - timedelta(days=1)).isoformat()}


async def canceled(gateway: Gateway, caller: Caller | None = None, **headers: str) -> str:
    """A job that was cancelled as soon as it was there."""
    caller = caller or gateway.alice
    body = {"kind": "music.generate", "input": {"prompt": "a song"}}
    job: str = (await ok(caller.http.post("/v1/jobs", json=body, headers=headers), 202))["id"]
    await ok(caller.http.post(f"/v1/jobs/{job}/cancel"))
    return job


async def take(gateway: Gateway) -> list[Job]:
    return (await gateway.services.store.queue.claim(DELIVERY, 100, lease_s=60))[1]


async def end(gateway: Gateway, status: Status, *deliveries: Job) -> None:
    for one in deliveries:
        assert await gateway.services.store.queue.advance(
            one.id, status, token=one.token, metadata={"attempts": [ATTEMPT]}
        )


async def listed(gateway: Gateway, endpoint: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = (
        await ok(gateway.alice.http.get(f"/v1/webhooks/{endpoint['id']}/deliveries", params=query))
    )["data"]
    return data


async def replay(gateway: Gateway, endpoint: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await ok(
        gateway.alice.http.post(f"/v1/webhooks/{endpoint['id']}/replay", json=SINCE | body)
    )
    return answer


async def test_a_delivery_is_shown_with_every_attempt(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice)
    job = await canceled(gateway)
    (waiting,) = await listed(gateway, endpoint)
    assert waiting == {
        "id": waiting["id"],
        "object": "webhook_delivery",
        "endpoint": endpoint["id"],
        "url": None,
        "job": job,
        "event_id": f"evt_{job.replace('-', '')}_canceled",
        "event_type": "job.canceled",
        "status": "pending",
        "attempts": [],
        "next_attempt_at": None,
        "error": None,
        "created_at": waiting["created_at"],
        "finished_at": None,
    }
    (held,) = await take(gateway)
    await gateway.services.store.queue.advance(
        held.id, Status.QUEUED, token=held.token, delay_s=60, metadata={"attempts": [ATTEMPT]}
    )
    (again,) = await listed(gateway, endpoint)
    assert again["next_attempt_at"] > again["created_at"]
    assert again["attempts"] == [{"at": "2025-07-01T00:00:21.000Z", "duration_ms": 84, "status": 503, "error": None}]
    assert (await ok(gateway.alice.http.get(f"/v1/jobs/{job}/deliveries")))["data"] == [again]


async def test_deliveries_come_in_pages_and_by_status(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice)
    jobs = [await canceled(gateway) for _ in range(5)]
    held = sorted(await take(gateway), key=lambda one: one.created)
    await end(gateway, Status.SUCCEEDED, *held[:2])
    await end(gateway, Status.FAILED, held[2])
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"/v1/webhooks/{endpoint['id']}/deliveries"
        page = await ok(gateway.alice.http.get(path, params={"limit": "2", **cursor}))
        found += [one["job"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted(jobs)
    for status, count in (("delivered", 2), ("failed", 1), ("pending", 2), ("failed,pending", 3), ("", 5)):
        data = await listed(gateway, endpoint, status=status)
        assert len(data) == count
        assert {one["status"] for one in data} <= {*(status or "delivered,failed,pending").split(",")}
    for query, parameter in (({"status": "lost"}, "status"), ({"limit": "0"}, "limit"), ({"cursor": "x"}, "cursor")):
        answer = await gateway.alice.http.get(f"/v1/webhooks/{endpoint['id']}/deliveries", params=query)
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, parameter)


async def test_deliveries_about_a_job_are_its_owner_s_and_outlive_it(gateway: Gateway) -> None:
    await register(gateway.alice)
    await register(gateway.alice, events=["job.*"])
    job = await canceled(gateway, **{"x-webhook-url": URL})
    path = f"/v1/jobs/{job}/deliveries"
    assert len((await ok(gateway.alice.http.get(path)))["data"]) == 4
    assert (await gateway.bob.http.get(path)).status_code == 404
    assert (await gateway.alice.http.delete(f"/v1/jobs/{job}")).status_code == 204
    types = Counter(one["event_type"] for one in (await ok(gateway.alice.http.get(path)))["data"])
    assert types == {"job.queued": 1, "job.canceled": 3, "job.deleted": 1}
    quiet = await canceled(gateway, gateway.bob)
    assert (await ok(gateway.bob.http.get(f"/v1/jobs/{quiet}/deliveries")))["data"] == []
    for unknown in (new_job_id(), "x", "we_1"):
        assert (await gateway.alice.http.get(f"/v1/jobs/{unknown}/deliveries")).status_code == 404


async def test_a_delivery_is_no_job_of_anybody_s(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice)
    await canceled(gateway)
    (delivery,) = await listed(gateway, endpoint)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/events"), ("GET", "/deliveries")):
        answer = await gateway.alice.http.request(method, f"/v1/jobs/{delivery['id']}{path}")
        assert answer.status_code == 404, path
    kinds = {job["kind"] for job in (await ok(gateway.alice.http.get("/v1/feed")))["data"]}
    assert kinds == {"music.generate"}


async def test_a_deleted_endpoint_s_deliveries_end_and_say_so(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice)
    job = await canceled(gateway)
    assert (await gateway.alice.http.delete(f"/v1/webhooks/{endpoint['id']}")).status_code == 204
    (delivery,) = (await ok(gateway.alice.http.get(f"/v1/jobs/{job}/deliveries")))["data"]
    assert delivery["status"] == "failed"
    assert delivery["error"] == {"code": "endpoint_deleted", "message": "the webhook endpoint has been deleted"}
    assert await take(gateway) == []


async def test_a_delivery_is_sent_again_byte_for_byte(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice)
    job = await canceled(gateway)
    (first,) = await take(gateway)
    path = f"/v1/webhooks/{endpoint['id']}/deliveries/{first.id}/redeliver"
    under_way = await ok(gateway.alice.http.post(path), 202)
    assert (under_way["id"], under_way["status"]) == (first.id, "pending")
    await end(gateway, Status.SUCCEEDED, first)
    assert (await gateway.alice.http.delete(f"/v1/jobs/{job}")).status_code == 204
    again = await ok(gateway.alice.http.post(path), 202)
    assert again["id"] != first.id
    assert (again["event_id"], again["status"], again["attempts"]) == (under_way["event_id"], "pending", [])
    assert (await ok(gateway.alice.http.post(path), 202))["id"] == again["id"]
    (second,) = await take(gateway)
    assert (second.id, second.request) == (again["id"], first.request)


async def test_a_url_of_a_job_can_be_sent_its_event_again_too(gateway: Gateway) -> None:
    job = await canceled(gateway, **{"x-webhook-url": URL})
    (first,) = await take(gateway)
    await end(gateway, Status.FAILED, first)
    (shown,) = (await ok(gateway.alice.http.get(f"/v1/jobs/{job}/deliveries")))["data"]
    path = f"/v1/webhooks/{shown['endpoint']}/deliveries/{shown['id']}/redeliver"
    assert (await gateway.bob.http.post(path)).status_code == 404
    again = await ok(gateway.alice.http.post(path), 202)
    assert again["url"] == URL
    (second,) = await take(gateway)
    assert Posted.of(second) == Posted.of(first)


async def test_what_cannot_be_sent_again_is_refused(gateway: Gateway) -> None:
    endpoint, other = await register(gateway.alice), await register(gateway.alice)
    await canceled(gateway)
    (first,) = await listed(gateway, endpoint)
    for where in (other["id"], "we_unknown", "url_unknown"):
        path = f"/v1/webhooks/{where}/deliveries/{first['id']}/redeliver"
        assert (await gateway.alice.http.post(path)).status_code == 404
    for id in (new_job_id(), "x"):
        path = f"/v1/webhooks/{endpoint['id']}/deliveries/{id}/redeliver"
        assert (await gateway.alice.http.post(path)).status_code == 404
    path = f"/v1/webhooks/{endpoint['id']}"
    await ok(gateway.alice.http.patch(path, json={"enabled": False}))
    answer = await gateway.alice.http.post(f"{path}/deliveries/{first['id']}/redeliver")
    assert (answer.status_code, "switched off" in answer.json()["detail"]) == (422, True)
    assert (await gateway.alice.http.post(f"{path}/replay", json=SINCE)).status_code == 422
    assert (await gateway.alice.http.delete(path)).status_code == 204
    answer = await gateway.alice.http.post(f"{path}/deliveries/{first['id']}/redeliver")
    assert answer.status_code == 404


async def test_a_replay_sends_what_was_missed_or_has_failed_and_nothing_else(gateway: Gateway) -> None:
    before = [await canceled(gateway) for _ in range(3)]
    endpoint = await register(gateway.alice)
    after = [await canceled(gateway) for _ in range(4)]
    held = {Posted.of(one).job: one for one in await take(gateway)}
    await end(gateway, Status.SUCCEEDED, held[after[0]])
    await end(gateway, Status.FAILED, held[after[1]], held[after[2]])
    assert (await gateway.alice.http.delete(f"/v1/jobs/{before[0]}")).status_code == 204
    assert (await gateway.alice.http.delete(f"/v1/jobs/{after[1]}")).status_code == 204  # its event is kept
    told = await replay(gateway, endpoint)
    assert told == {
        "object": "webhook.replay",
        "endpoint": endpoint["id"],
        "posted": 4,
        "waiting": 1,
        "delivered": 1,
        "gone": 1,
        "missed": None,
        "next_cursor": None,
    }
    sent = await take(gateway)
    assert {Posted.of(one).job for one in sent} == {*before[1:], *after[1:3]}
    await end(gateway, Status.SUCCEEDED, *sent)
    once_more = await replay(gateway, endpoint)
    assert (once_more["posted"], once_more["waiting"], once_more["delivered"]) == (0, 1, 5)
    everything = await replay(gateway, endpoint, all=True)
    assert (everything["posted"], everything["waiting"], everything["delivered"]) == (5, 1, 0)


async def test_a_replay_keeps_to_its_time_and_to_the_endpoint_s_events(gateway: Gateway) -> None:
    early = await canceled(gateway)
    last = await stamp(gateway)
    while await stamp(gateway) <= last:
        pass
    late = await canceled(gateway)
    endpoint = await register(gateway.alice, events=["job.queued"])
    at = datetime.fromtimestamp((last + 1) / 1000, UTC)
    told = await replay(gateway, endpoint, since=at.isoformat())
    assert told["posted"] == 1
    [sent] = await take(gateway)
    assert (Posted.of(sent).job, Posted.of(sent).event) == (late, "queued")
    told = await replay(gateway, endpoint, until=at.isoformat())
    assert told["posted"] == 1
    [sent] = await take(gateway)
    assert Posted.of(sent).job == early
    nothing = await replay(gateway, endpoint, since=(at + timedelta(days=1)).isoformat())
    assert (nothing["posted"], nothing["waiting"]) == (0, 0)


async def stamp(gateway: Gateway) -> int:
    """Unix ms by Redis' clock."""
    seconds, micros = await gateway.services.store.redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def test_a_long_replay_goes_on_from_its_cursor(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webhooks.deliveries.MOST_REPLAYED", 10)
    monkeypatch.setattr("api.webhooks.deliveries._AT_A_TIME", 4)
    jobs = [await canceled(gateway) for _ in range(14)]
    endpoint = await register(gateway.alice, events=["job.*"])
    posted, cursor, calls = 0, {}, 0
    while cursor is not None:
        told = await replay(gateway, endpoint, **cursor)
        posted += told["posted"]
        calls += 1
        cursor = {"cursor": told["next_cursor"]} if told["next_cursor"] else None  # type: ignore[assignment]
    assert posted == 2 * len(jobs)
    assert calls == 3
    assert len(await listed(gateway, endpoint, limit=100)) == 28


async def test_a_replay_says_what_the_feed_no_longer_holds(gateway: Gateway) -> None:
    endpoint = await register(gateway.alice, events=["job.*"])
    await canceled(gateway)
    await gateway.services.store.redis.xtrim(f"feed:{gateway.alice.key.id}", maxlen=1, approximate=False)
    told = await replay(gateway, endpoint)
    assert told["missed"]["since"] < told["missed"]["until"]
    assert told["waiting"] == 1
    long_ago = await replay(gateway, endpoint, since="2020-01-01T00:00:00Z")
    assert long_ago["missed"]["since"].startswith("2019-12-31T23:59:59")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/since"),
        ({"since": "yesterday"}, "#/since"),
        ({"since": "2026-01-01T00:00:00"}, "#/since"),
        (SINCE | {"until": "x"}, "#/until"),
        (SINCE | {"cursor": "x"}, "#/cursor"),
        (SINCE | {"types": []}, "#/types"),
    ],
)
async def test_a_wrong_replay_is_told_which_field_is_wrong(
    gateway: Gateway, body: dict[str, Any], pointer: str
) -> None:
    endpoint = await register(gateway.alice)
    answer = await gateway.alice.http.post(f"/v1/webhooks/{endpoint['id']}/replay", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_the_documentation_shows_what_is_answered(gateway: Gateway) -> None:
    paths = (await ok(gateway.nobody.get("/schema/openapi.json")))["paths"]

    def example(method: str, path: str, status: str) -> Any:
        return paths[path][method]["responses"][status]["content"]["application/json"]["example"]

    endpoint = await register(gateway.alice)
    job = await canceled(gateway)
    (delivery,) = await listed(gateway, endpoint)
    one = "/v1/webhooks/{endpoint_id}"
    assert example("post", "/v1/webhooks", "201").keys() == endpoint.keys()
    assert example("get", one, "200").keys() == endpoint.keys() - {"signing_secret"}
    assert example("get", one, "200")["health"].keys() == endpoint["health"].keys()
    assert example("get", f"{one}/deliveries", "200")["data"][0].keys() == delivery.keys()
    assert example("post", f"{one}/replay", "200").keys() == (await replay(gateway, endpoint)).keys()
    default = await ok(gateway.alice.http.get("/v1/webhooks/secret"))
    assert example("get", "/v1/webhooks/secret", "200").keys() == default.keys()
    about = await ok(gateway.alice.http.get(f"/v1/jobs/{job}/deliveries"))
    assert example("get", "/v1/jobs/{job_id}/deliveries", "200").keys() == about.keys()


async def test_times_may_be_unix_seconds(gateway: Gateway) -> None:
    await canceled(gateway)
    endpoint = await register(gateway.alice)
    assert (await replay(gateway, endpoint, since=1_600_000_000))["posted"] == 1
    assert endpoint["event_types"] == ENDS
