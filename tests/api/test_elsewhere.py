"""Where jobs go: to accounts that serve their model, or to what runs here; and what goes on from a clip follows it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.ids import line_job_id
from storage.job import Job, OutputStatus, Status
from tests.api.batches import create, line, when
from tests.api.gateway import SONG, Gateway, serving, storage_settings
from tests.waiting import until

GENERATE = "/v1/suno/api/generate/v2/"
CONCAT = "/v1/suno/api/generate/concat/v2/"
STUDIO = """
[accounts.studio]
adapter = "suno"
base_url = "https://example.com"
models = { "chirp-v4" = "chirp-v4" }
"""
SPARE = """
[accounts.spare]
adapter = "sunoapi"
base_url = "https://example.org"
models = { "chirp-v4" = "V4", "chirp-v3-5" = "V3_5" }
"""
HERE, ELSEWHERE = ("composer", "engines", "render"), ("upstream", "upstream", "submit")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(STUDIO)
    return path


@pytest.fixture
async def wide(redis_url: str, s3: dict[str, Any], path: Path) -> AsyncIterator[Gateway]:
    """A gateway with accounts."""
    async with serving(storage_settings(redis_url, s3).model_copy(update={"accounts": path})) as running:
        yield running


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)


async def post(gateway: Gateway, path: str, status: int = 200, **body: Any) -> httpx.Response:
    answer = await gateway.alice.http.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer


async def song(gateway: Gateway, **body: Any) -> tuple[httpx.Response, Job]:
    answer = await post(gateway, GENERATE, **{**SONG, **body})
    return answer, await gateway.read(answer.headers["x-job-id"])


def goes(job: Job) -> tuple[str, str, str]:
    return job.engine, job.lane, job.step


async def made(gateway: Gateway, job: Job, account: str = "studio") -> str:
    """The id of a job's first clip, made by an account."""
    store = gateway.services.store
    _, (held,) = await store.queue.claim(job.lane, 1, lease_s=60, taken=Status.SUBMITTING)
    assert held.id == job.id
    for output in held.outputs:
        output.status, output.duration_s, output.upstream_id = OutputStatus.STORED, 60.0, f"u{output.item}"
    fields = {"outputs": held.outputs, "account": account, "served_by": "suno"}
    assert await store.queue.report(held, **fields)
    for step in (Status.STORING, Status.SUCCEEDED):
        assert await store.queue.advance(held.id, step, token=held.token)
    return job.output_id(job.output(1))


async def test_a_model_that_an_account_serves_goes_there_and_no_other_does(wide: Gateway) -> None:
    answer, job = await song(wide, mv="chirp-v4")
    assert (goes(job), answer.headers["x-gateway-engine"]) == (ELSEWHERE, "suno")
    told = await wide.alice.job(job.id)
    assert (told["engine"], told["queue"]["why_waiting"]) == ("suno", "no worker serves the upstream lane")
    assert "studio" not in str(told)
    answer, job = await song(wide, mv="chirp-v3-0")
    assert (goes(job), answer.headers["x-gateway-engine"]) == (HERE, "composer (embedded)")


async def test_accounts_of_several_kinds_are_told_apart_when_one_has_been_chosen(wide: Gateway, path: Path) -> None:
    rewrite(path, STUDIO + SPARE)  # while it runs
    answer, job = await song(wide, mv="chirp-v4")
    assert answer.headers["x-gateway-engine"] == "upstream"
    store = wide.services.store
    _, (held,) = await store.queue.claim("upstream", 1, lease_s=60, taken=Status.SUBMITTING)
    assert await store.upstreams.intend(held, b"x", served_by="sunoapi")
    assert (await wide.alice.job(job.id))["engine"] == "sunoapi"
    answer, _ = await song(wide, mv="chirp-v3-5")
    assert answer.headers["x-gateway-engine"] == "sunoapi"


async def test_a_job_of_our_own_surface_and_a_line_of_a_batch_go_the_same_way(wide: Gateway) -> None:
    answer = await post(wide, "/v1/jobs", 202, kind="music.generate", input={**SONG, "mv": "chirp-v4"})
    assert goes(await wide.read(answer.json()["id"])) == ELSEWHERE
    batch = await create(wide.alice, [line("a", mv="chirp-v4"), line("b", mv="chirp-v3-0")])
    await when(wide.alice, batch["id"], "in_progress")
    ids = [line_job_id(batch["id"], number) for number in (1, 2)]

    async def both() -> list[tuple[str, str, str]] | None:
        jobs = await wide.services.store.jobs.get(*ids)
        return [goes(job) for job in jobs if job] if all(jobs) else None

    assert await until(both, "both lines are submitted") == [ELSEWHERE, HERE]


async def test_what_goes_on_from_a_clip_goes_where_that_was_made(wide: Gateway, path: Path) -> None:
    _, elsewhere = await song(wide, mv="chirp-v4")
    theirs = await made(wide, elsewhere)
    (ours, _) = await wide.finish(mv="chirp-v3-0")
    rewrite(path, STUDIO.replace('{ "chirp-v4"', '{ "chirp-v3-0" = "chirp-v3", "chirp-v4"') + SPARE)
    _, longer = await song(wide, mv="chirp-v4", continue_clip_id=theirs, continue_at=30)
    assert (goes(longer), longer.served_by) == (ELSEWHERE, "suno")
    whole = await post(wide, CONCAT, clip_id=await made(wide, longer))
    assert goes(await wide.read(whole.headers["x-job-id"])) == ELSEWHERE
    _, stays = await song(wide, mv="chirp-v4", continue_clip_id=ours, continue_at=30)
    assert goes(stays) == HERE
    _, new = await song(wide, mv="chirp-v3-0")
    assert goes(new) == ELSEWHERE


async def test_a_clip_whose_account_is_gone_cannot_be_gone_on_from(wide: Gateway, path: Path) -> None:
    _, elsewhere = await song(wide, mv="chirp-v4")
    clip = await made(wide, elsewhere)
    rewrite(path, SPARE)
    refused = await post(wide, GENERATE, 422, **{**SONG, "mv": "chirp-v4", "continue_clip_id": clip})
    assert "what made this clip does not serve chirp-v4 any more" in refused.text
