"""Who is let in, how keys may be sent, and how soon a revoked one is worth nothing."""

import base64
from collections.abc import Iterator

import pytest
from litestar.routes import HTTPRoute
from pydantic import SecretStr

from api.auth import MOST_REMEMBERED, Authenticator, presented
from storage.apikeys import ApiKeys
from storage.errors import Unauthorized
from tests.api.gateway import SECRET, Gateway
from tests.waiting import until

_PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}
_OPENAI = frozenset({"error"})
_WEBUI = frozenset({"error", "detail", "body", "errors"})
_DETAIL = frozenset({"detail"})
_ERRORS = {
    **dict.fromkeys(("/v1/suno", "/v1/asr", "/asr", "/v1/detect", "/detect", "/v1/api/", "/api/"), _DETAIL),
    **dict.fromkeys(("/v1/files", "/v1/batches", "/v1/images", "/v1/audio", "/v1/chat", "/v1/models"), _OPENAI),
    **dict.fromkeys(("/v1/sdapi", "/sdapi", "/v1/reactor", "/reactor", "/internal"), _WEBUI),
}
"""What errors consist of, where they are no problem details."""

OPEN = ("/media", "/health", "/ready", "/docs", "/schema", "/v1/audio/voices", "/v1/callbacks")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def paths(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """Every operation that wants a key: method and path."""
    for route in gateway.app.routes:
        if isinstance(route, HTTPRoute) and not route.path_format.startswith(OPEN) and route.path_format.strip("/"):
            for method in route.methods - {"OPTIONS"}:
                yield method, route.path_format.replace("{", "").replace("}", "")


async def test_no_operation_but_the_open_ones_answers_without_a_key(gateway: Gateway) -> None:
    found = list(paths(gateway))
    assert len(found) >= 10
    for method, path in found:
        answer = await gateway.nobody.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == 'Bearer realm="ai-gateway"'
        keys = next((each for prefix, each in _ERRORS.items() if path.startswith(prefix)), _PROBLEM)
        assert method == "HEAD" or set(answer.json()) == keys


async def test_a_key_may_be_sent_in_three_ways(gateway: Gateway) -> None:
    secret = gateway.alice.secret
    for headers in (
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret}"},
        {"authorization": basic("anyone", secret)},
        {"authorization": basic("", secret)},
        {"x-api-key": secret},
    ):
        assert (await gateway.nobody.get("/v1/feed", headers=headers)).status_code == 200, headers


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-wrong"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer"},
        {"authorization": ""},
        {"authorization": "Digest username=x"},
        {"authorization": "Basic %%%"},
        {"authorization": "Basic é".encode("latin-1")},
        {"authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"authorization": basic("user", "sk-wrong")},
        {"x-api-key": "sk-wrong"},
        {"x-api-key": ""},
    ],
)
async def test_a_wrong_key_is_refused_however_it_is_sent(gateway: Gateway, headers: dict[str, str | bytes]) -> None:
    sent = {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in headers.items()}
    answer = await gateway.nobody.get("/v1/suno/api/feed/", headers=sent)
    assert answer.status_code == 401
    assert list(answer.json()) == ["detail"]


async def test_the_key_itself_is_never_in_an_answer(gateway: Gateway) -> None:
    answer = await gateway.nobody.get("/v1/feed", headers={"authorization": "Bearer sk-not-a-key-of-ours"})
    assert "sk-not-a-key" not in answer.text


async def test_the_key_as_basic_user_name_is_not_taken(gateway: Gateway) -> None:
    headers = {"authorization": basic(gateway.alice.secret, "x")}
    assert (await gateway.nobody.get("/v1/feed", headers=headers)).status_code == 401


async def test_what_needs_no_key_is_open(gateway: Gateway) -> None:
    for path in ("/health", "/docs", "/schema/openapi.json"):
        assert (await gateway.nobody.get(path)).status_code == 200, path
    assert (await gateway.nobody.get("/media/x/y")).status_code == 404


async def test_a_revoked_key_is_refused_at_once(gateway: Gateway) -> None:
    assert (await gateway.alice.http.get("/v1/feed")).status_code == 200
    await gateway.revoke(gateway.alice)

    async def refused() -> bool:
        return (await gateway.alice.http.get("/v1/feed")).status_code == 401

    await until(refused, "the revoked key is refused", limit_s=2.0)  # well below what it is trusted unheard
    assert (await gateway.bob.http.get("/v1/feed")).status_code == 200


async def test_a_new_key_works_at_once_though_it_was_refused_before(gateway: Gateway) -> None:
    keys = ApiKeys(gateway.services.store.redis, SecretStr(SECRET))
    _, spare = await keys.create("spare")
    headers = {"x-api-key": spare.get_secret_value()}
    await keys.revoke(next(key.id for key in await keys.all() if key.name == "spare"))
    await until(lambda: status_is(gateway, headers, 401), limit_s=2.0)
    await keys.create("spare again", key=spare)
    await until(lambda: status_is(gateway, headers, 200), limit_s=2.0)


async def status_is(gateway: Gateway, headers: dict[str, str], status: int) -> bool:
    return (await gateway.nobody.get("/v1/feed", headers=headers)).status_code == status


async def test_a_known_key_is_not_looked_up_for_each_request(gateway: Gateway) -> None:
    redis = gateway.services.store.redis
    await gateway.alice.http.get("/v1/jobs/nonsense")
    before = (await redis.info("commandstats"))["cmdstat_get"]["calls"]
    for _ in range(10):
        await gateway.alice.http.get("/v1/jobs/nonsense")
    assert (await redis.info("commandstats"))["cmdstat_get"]["calls"] == before


async def test_it_remembers_only_so_many(gateway: Gateway) -> None:
    authenticator = Authenticator(
        ApiKeys(gateway.services.store.redis, SecretStr(SECRET)), gateway.services.store.signals
    )
    known = authenticator._known
    for number in range(3):
        known[str(number)] = (0.0, None)  # type: ignore[assignment]
    known.update({f"more {number}": (0.0, None) for number in range(MOST_REMEMBERED - 3)})  # type: ignore[misc]
    with pytest.raises(Unauthorized):
        await authenticator.caller({"headers": [(b"x-api-key", b"sk-unknown")]})
    assert len(known) == MOST_REMEMBERED
    assert "0" not in known


def test_authorization_goes_before_the_other_header() -> None:
    scope = {"headers": [(b"x-api-key", b"one"), (b"authorization", b"Bearer two")]}
    assert presented(scope) == "two"
