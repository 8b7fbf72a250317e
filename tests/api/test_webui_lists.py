"""What WebUI's clients ask for before anything else: what there is, and what they have set."""

import asyncio
from pathlib import Path
from typing import Any

from api.dialects.webui import lists as webui_lists
from storage.catalog import Catalog
from tests.api.gateway import Caller, Gateway
from tests.api.images import answered
from tests.api.webui import OPTIONS, PNG, TXT2IMG, info


async def got(caller: Caller, name: str) -> Any:
    documented, at_the_root = [await caller.http.get(f"{path}/{name}") for path in ("/v1/sdapi/v1", "/sdapi/v1")]
    assert documented.status_code == 200, documented.text
    assert documented.content == at_the_root.content
    return documented.json()


async def test_models_are_the_catalogs(gateway: Gateway) -> None:
    models = await got(gateway.alice, "sd-models")
    assert models[0] == {
        "title": "majicmixRealistic_v7",
        "model_name": "majicmixRealistic_v7",
        "hash": None,
        "sha256": None,
        "filename": "majicmixRealistic_v7",
        "config": None,
    }
    assert "juggernautXL_version2" in [model["title"] for model in models]
    assert not {"Lanczos", "inswapper_128.onnx"} & {model["title"] for model in models}


async def test_samplers_and_schedulers_are_those_that_are_understood(gateway: Gateway) -> None:
    samplers = await got(gateway.alice, "samplers")
    assert samplers[0] == {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {"scheduler": "karras"}}
    schedulers = await got(gateway.alice, "schedulers")
    assert [*schedulers[2]] == ["name", "label", "aliases", "default_rho", "need_inner_model"]
    assert schedulers[2]["label"] == "Karras"


async def test_upscalers_begin_with_none(gateway: Gateway) -> None:
    upscalers = await got(gateway.alice, "upscalers")
    assert upscalers[0]["name"] == "None"
    assert {"R-ESRGAN 4x+", "4x_NMKD-Superscale-SP_178000_G", "Lanczos"} <= {each["name"] for each in upscalers}
    assert [*upscalers[1]] == ["name", "model_name", "model_path", "model_url", "scale"]


async def test_scripts_are_reactor_alone(gateway: Gateway) -> None:
    """Clients that find ControlNet, ADetailer or AnimateDiff here send them with every request."""
    assert await got(gateway.alice, "scripts") == {"txt2img": ["reactor"], "img2img": ["reactor"]}
    told = await got(gateway.alice, "script-info")
    assert [(each["name"], each["is_alwayson"], each["is_img2img"]) for each in told] == [
        ("reactor", True, False),
        ("reactor", True, True),
    ]
    assert len(told[0]["args"]) == 31
    assert [*told[0]["args"][9]] == ["label", "value", "minimum", "maximum", "step", "choices"]
    assert "R-ESRGAN 4x+" in told[0]["args"][8]["choices"]
    assert told[0]["args"][4]["choices"] == ["inswapper_128.onnx"]


async def test_what_there_is_none_of_is_an_empty_list(gateway: Gateway) -> None:
    for name in ("prompt-styles", "hypernetworks", "loras", "sd-vae", "sd-modules"):
        assert await got(gateway.alice, name) == []
    assert await got(gateway.alice, "embeddings") == {"loaded": {}, "skipped": {}}


async def test_names_of_the_rest(gateway: Gateway) -> None:
    for name, expected in (
        ("latent-upscale-modes", "Latent (nearest-exact)"),
        ("face-restorers", "CodeFormer"),
        ("realesrgan-models", "R-ESRGAN 4x+ Anime6B"),
    ):
        assert expected in [each["name"] for each in await got(gateway.alice, name)]


async def test_what_would_tell_of_the_server_is_not_there(gateway: Gateway) -> None:
    for name in ("cmd-flags", "memory"):
        answer = await gateway.alice.http.get(f"/sdapi/v1/{name}")
        assert answer.status_code == 404
        assert [*answer.json()] == ["error", "detail", "body", "errors"]


async def test_refreshing_is_answered_with_json(gateway: Gateway) -> None:
    for name in ("refresh-checkpoints", "refresh-vae", "refresh-loras", "unload-checkpoint", "reload-checkpoint"):
        answer = await gateway.alice.http.post(f"/sdapi/v1/{name}")
        assert (answer.status_code, answer.json()) == (200, {})


async def test_options_are_each_callers_own(stocked: Gateway) -> None:
    before = await got(stocked.alice, "options")
    assert before["sd_model_checkpoint"] == "majicmixRealistic_v7"
    assert (before["samples_format"], before["enable_pnginfo"], before["CLIP_stop_at_last_layers"]) == ("png", True, 1)
    sent = {"sd_model_checkpoint": "juggernautXL_version2.safetensors [c9e3e68f89]", "samples_format": "webp"}
    answer = await stocked.alice.http.post(OPTIONS, json=sent | {"CLIP_stop_at_last_layers": 2, "unheard_of": {}})
    assert (answer.status_code, answer.content) == (200, b"null")
    after = await got(stocked.alice, "options")
    assert after == before | {"sd_model_checkpoint": "juggernautXL_version2", "samples_format": "webp"}
    assert await got(stocked.bob, "options") == before
    served, job = await answered(stocked, PNG, path=TXT2IMG, prompt="a fox")
    assert (job.model, job.request["format"]) == ("juggernautXL_version2", "webp")
    assert info(served)["sd_model_name"] == "juggernautXL_version2"
    _, job = await answered(stocked, PNG, path=TXT2IMG, caller=stocked.bob, prompt="a fox")
    assert job.model == "majicmixRealistic_v7"
    await stocked.alice.http.post(OPTIONS, json={"sd_model_checkpoint": "", "samples_format": "png"})
    assert await got(stocked.alice, "options") == before


async def test_an_empty_change_changes_nothing(gateway: Gateway) -> None:
    before = await got(gateway.alice, "options")
    for body in ({}, {"sd_model_checkpoint": None}, {"sd_vae": "x.pt"}):
        assert (await gateway.alice.http.post(OPTIONS, json=body)).status_code == 200
    assert await got(gateway.alice, "options") == before


def test_an_operators_catalog_is_what_is_listed(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text(
        '[models."our model"]\nfamily = "image"\nengine = "illustrator"\n'
        '[models."our upscaler"]\nfamily = "image.upscale"\nengine = "upscaler"\nvariant = "nearest"\n'
    )
    catalog = Catalog.load(tmp_path / "catalog.toml")
    assert [model["title"] for model in webui_lists.models(catalog)] == ["our model"]
    assert [each["name"] for each in webui_lists.upscalers(catalog)] == ["None", "our upscaler"]
    assert webui_lists.swap_models(catalog) == []


async def test_lists_are_for_callers_only(gateway: Gateway) -> None:
    answers = await asyncio.gather(
        *(gateway.nobody.get(f"/sdapi/v1/{name}") for name in ("sd-models", "options", "progress", "scripts"))
    )
    assert {answer.status_code for answer in answers} == {401}
