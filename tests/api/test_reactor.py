"""Faces swapped in ReActor's own words, with the engine's work done by hand."""

import asyncio
import base64

import pytest

from storage.job import Failure, Kind, Status
from tests.api.gateway import Gateway
from tests.api.images import answered, asked, data_uri, picture
from tests.api.webui import PNG, RAW, REACTOR

OTHER = picture((64, 96), "JPEG")
SWAP = {"source_image": RAW, "target_image": data_uri(OTHER, "image/jpeg")}


async def test_the_answer_is_the_picture(stocked: Gateway) -> None:
    answer, job = await answered(stocked, PNG, path=REACTOR, **SWAP)
    assert list(answer.json()) == ["image"]
    assert base64.b64decode(answer.json()["image"], validate=True) == PNG
    assert (job.kind, job.model) == (Kind.IMAGE_FACESWAP, "inswapper_128.onnx")
    assert job.inputs.keys() == {"source_image", "target_image"}
    assert {name: job.request[name] for name in job.request if name != "webui"} == {
        "source_faces_index": [0],
        "face_index": [0],
        "det_thresh": 0.5,
        "det_maxnum": 0,
        "restorer_visibility": 0.0,
        "model": "inswapper_128.onnx",
        "seed": 0,
        "format": "png",
    }


async def test_all_fields_are_read(stocked: Gateway) -> None:
    body = {
        **SWAP,
        "source_faces_index": [1, 0],
        "face_index": [0, 1],
        "upscaler": "4x_NMKD-Superscale-SP_178000_G",
        "scale": 1.5,
        "upscale_visibility": 1,
        "face_restorer": "CodeFormer",
        "restorer_visibility": 0.5,
        "codeformer_weight": 0.5,
        "restore_first": 1,
        "model": "inswapper_128.onnx",
        "gender_source": 0,
        "gender_target": 0,
        "save_to_file": 0,
        "result_file_path": "",
        "device": "CUDA",
        "mask_face": 1,
        "select_source": 0,
        "face_model": "None",
        "source_folder": "",
        "random_image": 0,
        "upscale_force": 0,
        "det_thresh": 0.7,
        "det_maxnum": 3,
    }
    _, job = await answered(stocked, PNG, path="/reactor/image", **body)
    assert (
        job.request.items()
        >= {
            "det_thresh": 0.7,
            "det_maxnum": 3,
            "restorer_visibility": 0.5,
            "scale": 1.5,
            "upscaler": "realesr-animevideov3",
        }.items()
    )
    assert (job.request["source_faces_index"], job.request["face_index"]) == ([1, 0], [0, 1])


async def test_a_swap_that_found_no_face_is_an_error_that_names_the_picture(stocked: Gateway) -> None:
    for field in ("source_image", "target_image", "face_index"):
        posting = asyncio.create_task(stocked.alice.http.post(REACTOR, json=SWAP))
        job = await asked(stocked)
        await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "no face was found", field=field))
        answer = await posting
        assert (answer.status_code, answer.json()["errors"]) == (422, f"{field}: no face was found")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"source_image": ""}, "source_image", "a picture is wanted"),
        ({"target_image": None}, "target_image", "a picture is wanted"),
        ({"target_image": "junk!"}, "target_image", "Base64"),
        ({"target_image": "aGVsbG8="}, "target_image", "known formats"),
        ({"source_image": "http://127.0.0.1:6379/"}, "source_image", ""),
        ({"result_file_path": "/etc/passwd"}, "result_file_path", "nothing is written on the server"),
        ({"save_to_file": 1}, "save_to_file", "nothing is written on the server"),
        ({"select_source": 2}, "select_source", "has to be 0"),
        ({"source_folder": "/home"}, "source_folder", "a folder on the server"),
        ({"face_model": "elena.safetensors"}, "face_model", "no face models"),
        ({"model": "/models/x.onnx"}, "model", "a path on the server"),
        ({"model": "reswapper_256.onnx"}, "model", "there are: inswapper_128.onnx"),
        ({"gender_target": 1}, "gender_target", "has to be 0"),
        ({"face_index": [0, 0]}, "face_index", "named once"),
        ({"face_index": [100]}, "face_index", "0 to 99"),
        ({"source_faces_index": [-1]}, "source_faces_index", "0 to 99"),
        ({"face_restorer": "RestoreFormer"}, "face_restorer", "None, CodeFormer, GFPGAN"),
        ({"upscaler": "SwinIR", "scale": 2}, "upscaler", "R-ESRGAN 4x+"),
        ({"upscaler": "Lanczos", "scale": 2, "upscale_visibility": 0.5}, "upscale_visibility", "has to be 1"),
    ],
)
async def test_what_will_not_do_is_named(stocked: Gateway, body: dict[str, object], field: str, said: str) -> None:
    answer = await stocked.alice.http.post(REACTOR, json={**SWAP, **body})
    assert answer.status_code == 422, answer.text
    assert list(answer.json()) == ["error", "detail", "body", "errors"]
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert said in answer.json()["detail"]


async def test_numbers_that_do_not_fit_are_a_list(stocked: Gateway) -> None:
    for name, value in (("scale", 9), ("det_thresh", 2), ("det_maxnum", -1), ("face_index", "0"), ("gender_source", 3)):
        answer = await stocked.alice.http.post(REACTOR, json={**SWAP, name: value})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", name]


async def test_what_there_is_for_swaps(gateway: Gateway) -> None:
    for path in ("/v1/reactor", "/reactor"):
        models, upscalers, faces = [
            (await gateway.alice.http.get(f"{path}/{name}")).json() for name in ("models", "upscalers", "facemodels")
        ]
        assert models == {"models": ["inswapper_128.onnx"]}
        assert upscalers["upscalers"][0] == "None"
        assert "4x_NMKD-Superscale-SP_178000_G" in upscalers["upscalers"]
        assert faces == {"facemodels": []}
    assert (await gateway.nobody.get("/reactor/models")).status_code == 401
