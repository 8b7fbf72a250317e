"""A picture that comes back as it was sent is no face swap, however it was stored again; any that is changed is one."""

from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.fakes import drawing
from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.errors import InvalidRequest
from storage.job import Job, Kind, OutputStatus, Status
from storage.media import inputs_prefix
from tests.portraits import face
from tests.storage.samples import sample
from tests.workers.upstream.bench import Bench
from workers.upstream.unchanged import check_swapped

MODEL = "inswapper_128.onnx"
JPEGS = [{"quality": quality, "subsampling": sampling} for quality in (40, 75, 95) for sampling in (0, 2)]


def stored(image: Image.Image, path: Path, format: str = "PNG", **how: Any) -> Path:
    image.save(path, format, **how)
    return path


def swap(**request: Any) -> Job:
    kind = Kind.IMAGE_EDIT if "faceswap" in request else Kind.IMAGE_FACESWAP
    return sample(kind=kind, request=request, items=1)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return stored(face("hopper.jpg"), tmp_path / "target.png")


@pytest.fixture
def changed(target: Path) -> Image.Image:
    """With another's face in a thousandth of it, hardly to be seen."""
    with Image.open(target) as image:
        whole = image.convert("RGB")
    spot = whole.crop((100, 100, 112, 112)).point(lambda value: min(255, value + 12))
    whole.paste(spot, (100, 100))
    return whole


def checks(path: Path, job: Job, given: Mapping[str, Path]) -> bool:
    """Whether it counts as swapped."""
    try:
        check_swapped(path, job, given)
    except InvalidRequest:
        return False
    return True


def test_the_same_pixels_are_no_swap_and_few_others_are(target: Path, changed: Image.Image, tmp_path: Path) -> None:
    with Image.open(target) as image:
        same = stored(image, tmp_path / "same.png", compress_level=1)
    assert not checks(same, swap(), {"target_image": target})
    assert checks(stored(changed, tmp_path / "other.png"), swap(), {"target_image": target})


@pytest.mark.parametrize("how", JPEGS, ids=str)
def test_nor_is_what_was_only_compressed(
    target: Path, changed: Image.Image, tmp_path: Path, how: dict[str, int]
) -> None:
    with Image.open(target) as image:
        same = stored(image, tmp_path / "same.jpg", "JPEG", **how)
    assert not checks(same, swap(), {"target_image": target})
    assert checks(stored(changed, tmp_path / "other.jpg", "JPEG", **how), swap(), {"target_image": target})


@pytest.mark.parametrize("how", JPEGS, ids=str)
def test_a_jpeg_that_was_sent_is_compared_as_it_looks(target: Path, tmp_path: Path, how: dict[str, int]) -> None:
    with Image.open(target) as image:
        sent = stored(image, tmp_path / "sent.jpg", "JPEG", **how)
    with Image.open(sent) as image:
        assert not checks(stored(image, tmp_path / "made.png"), swap(), {"target_image": sent})


def test_one_that_lies_on_its_side_is_compared_both_ways(target: Path, tmp_path: Path) -> None:
    with Image.open(target) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        sent = stored(image.transpose(Image.Transpose.ROTATE_90), tmp_path / "sent.png", exif=exif)
        upright = stored(image, tmp_path / "made.png")
    assert not checks(upright, swap(), {"target_image": sent})


def test_what_has_another_size_is_taken_for_changed(target: Path, tmp_path: Path) -> None:
    with Image.open(target) as image:
        larger = stored(image.resize((720, 826)), tmp_path / "larger.png")
    assert checks(larger, swap(), {"target_image": target})


def test_an_edit_is_compared_only_if_a_face_was_to_be_put_into_it(target: Path) -> None:
    assert not checks(target, swap(faceswap={"face_index": [0]}), {"image": target})
    assert checks(target, sample(kind=Kind.IMAGE_EDIT, request={}), {"image": target})
    assert checks(
        target, sample(kind=Kind.IMAGE_GENERATE, request={"faceswap": {"face_index": [0]}}), {"source_image": target}
    )


@pytest.fixture
async def painter(bench: Bench) -> AsyncIterator[FakeUpstream]:
    async with bench.fake("webui", 0.1) as painter:
        yield painter


def png(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


async def asked(bench: Bench) -> Job:
    job = sample(kind=Kind.IMAGE_FACESWAP)
    inputs = {}
    for name, seed in (("source_image", 1), ("target_image", 2)):
        inputs[name] = f"{inputs_prefix(job.id)}{name}"
        await bench.objects.put_bytes(
            inputs[name], png(drawing.drawn("a face", seed, (96, 64))), content_type="image/png"
        )
    more: dict[str, Any] = {"id": job.id, "dialect": "webui", "model": MODEL, "inputs": inputs}
    return await bench.admit(Kind.IMAGE_FACESWAP, {"format": "png"}, **more)


@pytest.mark.parametrize("way", ["reactor", "script"])
async def test_a_server_that_finds_no_face_fails_the_job_in_our_engine_s_words(
    bench: Bench, painter: FakeUpstream, way: str
) -> None:
    bench.account("painter", painter, models=[MODEL], options=f'{{ swap = "{way}" }}')
    async with bench.worker():
        painter.world.faults.set([parse("no_face,times=1")])
        failed = await bench.ended(await asked(bench))
        done = await bench.ended(await asked(bench))
    assert (failed.status, failed.output(1).status) == (Status.FAILED, OutputStatus.FAILED)
    assert failed.error
    assert (failed.error.code, failed.error.field) == ("invalid_request", "target_image")
    assert failed.error.message.startswith("no face was found in the target image")
    assert done.status == Status.SUCCEEDED, done.error
