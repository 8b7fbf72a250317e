"""What is said of pictures that are made."""

from typing import Any

import pytest

from api.dialects.images_answer import Shown, answer, pictures, revised
from storage.job import Job, Kind, Output, OutputStatus

UNDERSTOOD = {"places": ["beach"], "time": "sunset", "weather": ["rain"], "colours": ["red"], "styles": ["oil"]}
CATS = [{"name": "cat", "box": [0, 0, 9, 9]}] * 2


def made(model: str, kind: Kind = Kind.IMAGE_GENERATE, items: int = 1, **metadata: Any) -> Job:
    job = Job(
        id="0197e1f2-6c3a-7b1d-9e42-5f8a3c210000",
        kind=kind,
        owner="key_1",
        dialect="openai",
        model=model,
        engine="illustrator",
        lane="engines",
        step="render",
        request={"prompt": "two cats", "format": "webp", "openai": {"inline": False, "quality": "low"}},
        priority=5,
        items=items,
        created=1_751_328_000_999,
    )
    for output in job.outputs:
        output.status, output.width_px, output.height_px = OutputStatus.STORED, 96, 64
        output.metadata = {"embedded": True, **metadata}
    return job


def shown(output: Output) -> Shown:
    return Shown(output, url=f"https://gateway.example/{output.item}")


def test_links_come_in_the_order_of_the_pictures() -> None:
    job = made("dall-e-2", items=2)
    assert answer(job, [shown(output) for output in pictures(job)]) == {
        "created": 1_751_328_000,
        "data": [{"url": "https://gateway.example/1"}, {"url": "https://gateway.example/2"}],
    }


def test_a_picture_that_failed_alone_is_left_out() -> None:
    job = made("dall-e-2", items=2)
    job.outputs[0].status = OutputStatus.FAILED
    assert [output.item for output in pictures(job)] == [2]


def test_gpt_image_tells_how_the_pictures_were_made() -> None:
    job = made("gpt-image-1")
    assert answer(job, [Shown(job.outputs[0], b64_json="aGk=")]) == {
        "created": 1_751_328_000,
        "data": [{"b64_json": "aGk="}],
        "background": "opaque",
        "output_format": "webp",
        "quality": "low",
        "size": "96x64",
    }


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-1"])
def test_the_revised_prompt_says_what_was_understood(model: str) -> None:
    job = made(model, understood=UNDERSTOOD, subjects=CATS)
    (datum,) = answer(job, [shown(job.outputs[0])])["data"]
    said = "What the embedded illustrator understood: 2 × cat, beach, rain, red, oil, sunset"
    assert datum["revised_prompt"] == said


@pytest.mark.parametrize(
    ("model", "metadata"),
    [
        ("dall-e-2", {"understood": UNDERSTOOD}),
        ("majicmixRealistic_v7", {"understood": UNDERSTOOD}),
        ("dall-e-3", {}),
        ("dall-e-3", {"understood": UNDERSTOOD, "embedded": False}),
    ],
)
def test_nothing_is_revised_where_nobody_said_so(model: str, metadata: dict[str, Any]) -> None:
    job = made(model, **metadata)
    assert revised(job, job.outputs[0]) is None


def test_an_edit_that_understood_nothing_says_so() -> None:
    nothing = {"places": [], "time": "day", "weather": [], "colours": [], "styles": []}
    job = made("gpt-image-1", Kind.IMAGE_EDIT, understood=nothing)
    assert revised(job, job.outputs[0]) == "What the embedded illustrator understood: nothing"
