"""The operators' surface: accounts and their states, jobs in doubt and the word on them; for nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from storage.apikeys import ApiKeys
from storage.capacity import AccountState
from storage.job import Job, Status
from tests.api.gateway import SECRET, Gateway, serving, storage_settings

ACCOUNTS = """
[accounts.studio]
adapter = "suno"
base_url = "https://example.com"
token_command = ["cat", "/run/secrets/tulip"]
models = { "chirp-v4" = "chirp-v4" }
concurrent = 2
"""
WORDS = [
    ("GET", "/v1/admin/accounts"),
    ("POST", "/v1/admin/accounts/studio/pause"),
    ("POST", "/v1/admin/accounts/studio/resume"),
    ("GET", "/v1/admin/doubts"),
    ("POST", "/v1/admin/doubts/0197e1f2-6c3a-7b1d-9e42-5f8a3c210000/resubmit"),
    ("POST", "/v1/admin/doubts/0197e1f2-6c3a-7b1d-9e42-5f8a3c210000/fail"),
]


@pytest.fixture
async def run(redis_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with an account."""
    path = tmp_path / "gateway.toml"
    path.write_text(ACCOUNTS)
    async with serving(storage_settings(redis_url).model_copy(update={"accounts": path})) as running:
        yield running


@pytest.fixture
async def operator(run: Gateway) -> httpx.AsyncClient:
    keys = ApiKeys(run.services.store.redis, SecretStr(SECRET))
    _, key = await keys.create("operator", admin=True)
    run.nobody.headers["authorization"] = f"Bearer {key.get_secret_value()}"
    return run.nobody


async def asked(who: httpx.AsyncClient, method: str, path: str, status: int = 200) -> Any:
    answer = await who.request(method, path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def in_doubt(run: Gateway) -> Job:
    """A song that may have been taken."""
    await run.alice.generate(mv="chirp-v4")
    store = run.services.store
    _, (held,) = await store.queue.claim("upstream", 1, lease_s=60, taken=Status.SUBMITTING)
    assert await store.capacity.take(held, run.services.accounts.serving("chirp-v4"), lease_s=60) == "studio"
    assert await store.upstreams.intend(held, b"a song", served_by="suno")
    assert await store.upstreams.doubt(held, look_after_s=None)
    return held


@pytest.mark.parametrize(("method", "path"), WORDS)
async def test_it_is_for_keys_with_the_admin_scope(run: Gateway, method: str, path: str) -> None:
    assert (await asked(run.alice.http, method, path, 403))["code"] == "forbidden"
    await asked(run.nobody, method, path, 401)


async def test_accounts_are_listed_with_their_state_and_no_secret(run: Gateway, operator: httpx.AsyncClient) -> None:
    (account,) = (await asked(operator, "GET", "/v1/admin/accounts"))["data"]
    assert (account["name"], account["adapter"], account["state"], account["why"]) == ("studio", "suno", "ok", None)
    assert "tulip" not in str(account)
    await run.services.store.capacity.out_of_use("studio", AccountState.NO_CREDITS, "Insufficient credits.")
    (account,) = (await asked(operator, "GET", "/v1/admin/accounts"))["data"]
    assert (account["state"], account["why"], account["until"]) == ("no_credits", "Insufficient credits.", None)
    assert account["since"]


async def test_an_account_is_paused_and_resumed(run: Gateway, operator: httpx.AsyncClient) -> None:
    assert (await asked(operator, "POST", "/v1/admin/accounts/studio/pause"))["state"] == "paused"
    await run.alice.generate(mv="chirp-v4")
    store = run.services.store
    _, (held,) = await store.queue.claim("upstream", 1, lease_s=60, taken=Status.SUBMITTING)
    assert await store.capacity.take(held, run.services.accounts.serving("chirp-v4"), lease_s=60) is None
    told = await run.alice.job(held.id)
    assert told["queue"]["why_waiting"] == "the account is not in use (paused)"
    assert (await asked(operator, "POST", "/v1/admin/accounts/studio/resume/"))["state"] == "ok"
    _, (again,) = await store.queue.claim("upstream", 1, lease_s=60, taken=Status.SUBMITTING)
    assert again.id == held.id


async def test_an_account_that_there_is_not_is_not_found(operator: httpx.AsyncClient) -> None:
    for word in ("pause", "resume"):
        await asked(operator, "POST", f"/v1/admin/accounts/nobody/{word}", 404)


async def test_a_job_in_doubt_is_listed_and_sent_again_on_an_operators_word(
    run: Gateway, operator: httpx.AsyncClient
) -> None:
    job = await in_doubt(run)
    (doubt,) = (await asked(operator, "GET", "/v1/admin/doubts"))["data"]
    assert (doubt["job"], doubt["account"], doubt["model"], doubt["owner"]) == (
        job.id, "studio", "chirp-v4", run.alice.key.id,
    )  # fmt: skip
    assert doubt["sent_at"]
    assert (await run.alice.job(job.id))["stage"] == "in_doubt"
    told = await asked(operator, "POST", f"/v1/admin/doubts/{job.id}/resubmit")
    assert (told["id"], told["stage"]) == (job.id, "waiting_capacity")
    assert (await asked(operator, "GET", "/v1/admin/doubts"))["data"] == []
    await asked(operator, "POST", f"/v1/admin/doubts/{job.id}/resubmit", 404)
    await asked(operator, "POST", f"/v1/admin/doubts/{job.id}/fail", 404)
    assert (await run.read(job.id)).status == Status.QUEUED


async def test_a_job_in_doubt_is_given_up_on_an_operators_word(run: Gateway, operator: httpx.AsyncClient) -> None:
    job = await in_doubt(run)
    told = await asked(operator, "POST", f"/v1/admin/doubts/{job.id}/fail")
    assert (told["status"], told["error"]["code"]) == ("failed", "upstream_failed")
    assert (await asked(operator, "GET", "/v1/admin/doubts"))["data"] == []
    assert (await run.services.store.capacity.fares("studio"))[0].busy == 0
