"""The documentation: complete, and all of it from here."""

import re
from typing import Any

import pytest
from pydantic import BaseModel

from api import jobs_body
from api.batches import body as batch_body
from api.dialects import asr, chat, images, reactor, speech, transcriptions
from api.dialects.suno import Concat, Generate
from api.dialects.webui import bodies as webui
from api.dialects.webui import extras as webui_extras
from api.dialects.webui import models as webui_models
from api.dialects.webui import progress as webui_progress
from api.webhooks import body as webhooks_body
from tests.api.gateway import Gateway


@pytest.fixture
async def schema(gateway: Gateway) -> dict[str, Any]:
    answer = await gateway.nobody.get("/schema/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


async def test_the_page_and_all_it_loads_come_from_here(gateway: Gateway) -> None:
    page = await gateway.nobody.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 4
    for part in parts:
        assert part.startswith("/docs/")
        assert (await gateway.nobody.get(part)).status_code == 200, part
    assert "default-src 'none'" in page.headers["content-security-policy"]
    script = (await gateway.nobody.get("/docs/start.js")).text
    assert re.findall(r'url: "([^"]+)"', script) == ["/schema/openapi.json"]
    assert "http" not in page.text + script


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_operation_is_described(schema: dict[str, Any]) -> None:
    found = operations(schema)
    assert {operation["summary"] for operation in found.values()} >= {
        "Suno Generate · Suno Generate (Extend)",
        "Suno Feed",
        "Suno Concat",
        "Submit a job",
        "Read a job",
        "Cancel a job",
        "Delete a job",
        "List jobs",
    }
    for name, operation in found.items():
        assert operation["description"], name
        if "/v1/" in name and name not in OPEN:
            assert {"401", "503"} <= set(operation["responses"]), name
            assert operation["security"] == [{"bearer": []}, {"basic": []}, {"x-api-key": []}], name
        assert ("requestBody" in operation) == (name in BODIES.keys() | STREAMS.keys()), name


OPEN = {"GET /v1/audio/voices"}
"""What needs neither a key nor Redis."""

BODIES: dict[str, type[BaseModel]] = {
    "POST /v1/suno/api/generate/v2": Generate,
    "POST /v1/suno/api/generate/concat/v2": Concat,
    "POST /v1/images/generations": images.Generation,
    "POST /v1/images/edits": images.Edit,
    "POST /v1/images/variations": images.Variation,
    "POST /v1/audio/speech": speech.Speech,
    "POST /v1/chat/completions": chat.Completion,
    "POST /v1/sdapi/v1/txt2img": webui.Txt2Img,
    "POST /v1/sdapi/v1/img2img": webui.Img2Img,
    "POST /v1/sdapi/v1/extra-single-image": webui_extras.ExtraSingleImage,
    "POST /v1/sdapi/v1/png-info": webui_extras.PngInfo,
    "POST /v1/sdapi/v1/options": webui_models.Settings,
    "POST /internal/progress": webui_progress.TaskProgress,
    "POST /v1/reactor/image": reactor.ReactorImage,
    "POST /v1/audio/transcriptions": transcriptions.Transcription,
    "POST /v1/audio/translations": transcriptions.Translation,
    "POST /v1/asr": asr.Asr,
    "POST /v1/detect-language": asr.Detect,
    "POST /v1/api/v1/asr": asr.SenseVoice,
    "POST /v1/jobs": jobs_body.Submission,
    "POST /v1/batches": batch_body.NewBatch,
    "POST /v1/webhooks": webhooks_body.Registration,
    "PATCH /v1/webhooks/{endpoint_id}": webhooks_body.Change,
    "POST /v1/webhooks/{endpoint_id}/rotate": webhooks_body.Rotation,
    "POST /v1/webhooks/secret/rotate": webhooks_body.Rotation,
    "POST /v1/webhooks/{endpoint_id}/replay": webhooks_body.Replay,
}

STREAMS = {"POST /v1/files": "multipart/form-data", "POST /v1/jobs/batch": "application/jsonl"}
"""Bodies that are no JSON, and their media type."""


@pytest.mark.parametrize("name", STREAMS)
async def test_a_body_that_is_no_json_has_a_schema(schema: dict[str, Any], name: str) -> None:
    assert operations(schema)[name]["requestBody"]["content"][STREAMS[name]]["schema"]["type"]


@pytest.mark.parametrize("name", BODIES)
async def test_the_examples_are_bodies_that_would_be_taken(schema: dict[str, Any], name: str) -> None:
    content = operations(schema)[name]["requestBody"]["content"]["application/json"]
    assert content["schema"]["properties"].keys() == BODIES[name].model_fields.keys()
    assert content["examples"]
    for example in content["examples"].values():
        BODIES[name].model_validate(example["value"])


async def test_generation_and_extension_have_an_example_each(schema: dict[str, Any]) -> None:
    content = operations(schema)["POST /v1/suno/api/generate/v2"]["requestBody"]["content"]["application/json"]
    titles = list(content["examples"])
    assert any(title.startswith("Suno Generate:") for title in titles)
    assert "Suno Generate (Extend)" in titles


async def test_the_example_answers_have_the_keys_that_real_ones_have(gateway: Gateway, schema: dict[str, Any]) -> None:
    found = operations(schema)

    def example(name: str, status: str) -> Any:
        return found[name]["responses"][status]["content"]["application/json"]["example"]

    submission = await gateway.alice.generate()
    assert example("POST /v1/suno/api/generate/v2", "200").keys() == submission.keys()
    assert example("GET /v1/suno/api/feed", "200")[0].keys() == submission["clips"][0].keys()
    assert example("GET /v1/jobs/{job_id}", "200").keys() == (await gateway.alice.job(submission["id"])).keys()
