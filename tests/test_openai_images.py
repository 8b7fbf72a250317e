"""OpenAI's own client, in an old version and in the current one, has whole gateways make pictures."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from cli.gateway import Gateway
from tests.api.images import shown
from tests.clients import WITHIN_S, run_with_openai_1
from tests.waiting import until

SCRIPT = Path(__file__).with_name("openai_images.py").read_text()
OLD, CURRENT = "1.x", "current"


@pytest.fixture(scope="module", params=[OLD, CURRENT])
def told(request: pytest.FixtureRequest, running_gateway: Gateway) -> dict[str, Any]:
    """What came of the script, under each version."""
    variables = {"GATEWAY": running_gateway.url, "KEY": key(running_gateway)}
    run = run_with_openai_1 if request.param == OLD else run_with_the_current
    found: dict[str, Any] = json.loads(run(SCRIPT, **variables))
    assert found["version"].startswith("1.") == (request.param == OLD)
    return found


def run_with_the_current(script: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def key(gateway: Gateway) -> str:
    return (gateway.data / "api_key").read_text()


def test_pictures_are_made_as_asked(told: dict[str, Any]) -> None:
    made = told["generations"]
    assert made["created"]
    assert made["linked"] == [["PNG", 256, 256]] * 2
    assert made["linked_b64"] == [None, None]
    assert (made["inline"], made["inline_url"]) == ([["PNG", 256, 256]], None)
    assert made["modern"] == [["WEBP", 96, 64]] * 2
    assert made["modern_told"] == ["opaque", "webp", "low", "96x64"]
    assert made["modern_apart"] > 5
    assert made["seeded"] == [True, False]


def test_pictures_are_edited_where_the_mask_says(told: dict[str, Any]) -> None:
    edited = told["edits"]
    assert edited["whole"] == [["PNG", 96, 80]]
    assert edited["whole_apart"] > 5
    assert edited["masked"] == ["PNG", 96, 80]
    assert edited["masked_apart"] > 2
    assert edited["outside_apart"] == 0
    assert edited["sized"] == ["PNG", 128, 64]


def test_variations_differ_from_the_picture_and_from_each_other(told: dict[str, Any]) -> None:
    varied = told["variations"]
    assert varied["made"] == [["PNG", 96, 80]] * 3
    assert min(varied["from_before"]) > 2
    assert min(varied["from_each_other"]) > 2
    assert varied["small"] == ["PNG", 256, 256]


@pytest.mark.parametrize(
    ("what", "param", "said"),
    [
        ("prompt", "prompt", "1000"),
        ("n", "n", "10"),
        ("size", "size", "256x256"),
        ("response_format", "response_format", "b64_json"),
        ("two", "image", "takes 1 picture"),
        ("no_picture", "image", "no picture"),
        ("cut", "image", "ends early"),
        ("mask", "mask", "32 × 32"),
    ],
)
def test_refusals_are_bad_requests_that_name_the_parameter(
    told: dict[str, Any], what: str, param: str, said: str
) -> None:
    kind, status, blamed, code, message = told["refusals"][what]
    assert (kind, status, blamed, code) == ("BadRequestError", 400, param, "invalid_request")
    assert said in message


def test_an_unknown_model_is_not_found(told: dict[str, Any]) -> None:
    kind, status, blamed, code, message = told["refusals"]["model"]
    assert (kind, status, blamed, code) == ("NotFoundError", 404, "model", "model_not_found")
    assert "dall-e-9" in message


def test_the_job_behind_an_answer_is_there_for_who_wants_it(told: dict[str, Any]) -> None:
    jobs = told["jobs"]
    assert len(set(jobs["ids"])) == 1
    assert jobs["replayed"] == [None, "true"]
    assert jobs["same"]
    assert jobs["engine"] == "illustrator (embedded)"
    assert jobs["later"] == [None, None]
    assert (jobs["later_status"], jobs["later_job"]) == (202, True)


def test_a_stream_ends_with_the_picture_or_with_what_was_wrong(told: dict[str, Any]) -> None:
    streamed = told["streams"]
    assert (streamed["last"], streamed["partial"]) == ("image_generation.completed", [])
    assert (streamed["made"], streamed["about"]) == (["PNG", 64, 64], ["64x64", "png"])
    param, code, message = streamed["broken"]
    assert (param, code) == ("image", "invalid_request")
    assert "ends early" in message


def test_the_documented_example_works_as_printed(running_gateway: Gateway) -> None:
    example = {"prompt": "A white siamese cat", "model": "dall-e-3"}
    headers = {"authorization": f"Bearer {key(running_gateway)}", "content-type": "application/json"}
    url = f"{running_gateway.url}/v1/images/generations"
    answer = httpx.post(url, content=json.dumps(example), headers=headers, timeout=WITHIN_S, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert body.keys() == {"created", "data"}
    assert isinstance(body["created"], int)
    (datum,) = body["data"]
    picture = httpx.get(datum["url"], trust_env=False)
    assert (picture.headers["content-type"], shown(picture.content)) == ("image/png", ("PNG", (1024, 1024)))


def test_dall_e_3_says_what_it_understood(running_gateway: Gateway) -> None:
    with openai.OpenAI(base_url=f"{running_gateway.url}/v1", api_key=key(running_gateway), max_retries=0) as client:
        made = client.images.generate(
            prompt="two cats on a beach at sunset",
            model="dall-e-3",
            quality="hd",
            style="natural",
            user="u-17",
            extra_body={"steps": 1},
        )
    (datum,) = made.data or []
    assert datum.revised_prompt == "What the embedded illustrator understood: 2 × cat, beach, sunset"
    assert shown(httpx.get(str(datum.url), trust_env=False).content) == ("PNG", (1024, 1024))


async def test_a_batch_of_pictures_is_made(running_gateway: Gateway) -> None:
    bodies: list[dict[str, Any]] = [
        {"prompt": "a cat", "size": "256x256", "steps": 1},
        {"prompt": "a dog", "size": "64x64", "model": "gpt-image-1"},
    ]
    path = "/v1/images/generations"
    lines = [{"custom_id": f"p{n}", "method": "POST", "url": path, "body": body} for n, body in enumerate(bodies)]
    async with openai.AsyncOpenAI(base_url=f"{running_gateway.url}/v1", api_key=key(running_gateway)) as client:
        file = await client.files.create(file="\n".join(map(json.dumps, lines)).encode(), purpose="batch")
        batch: Any = await client.batches.create(input_file_id=file.id, endpoint=path, completion_window="24h")

        async def look() -> Any:
            found = await client.batches.retrieve(batch.id)
            return found if found.status in ("completed", "failed", "expired", "cancelled") else None

        batch = await until(look, "the batch has ended", limit_s=WITHIN_S)
        assert (batch.status, batch.request_counts.completed, batch.errors) == ("completed", 2, None)
        output = await client.files.content(batch.output_file_id)
    made = {each["custom_id"]: each["response"]["body"]["data"] for each in map(json.loads, output.text.splitlines())}
    async with httpx.AsyncClient(trust_env=False) as http:
        linked = await http.get(made["p0"][0]["url"])
    assert shown(linked.content) == ("PNG", (256, 256))
    assert shown(base64.b64decode(made["p1"][0]["b64_json"])) == ("PNG", (64, 64))
