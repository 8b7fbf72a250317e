"""The fake WebUI: webuiapi, the client that real servers have, uses it unmodified, and so does our adapter."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
import webuiapi
from PIL import Image, ImageDraw

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from cli.fakes.webui import Webui as Fake
from storage.errors import UpstreamError, UpstreamFailed, UpstreamMalformed, UpstreamRefused, UpstreamSessionExpired
from tests.portraits import apart, face, opened, sent
from tests.waiting import until
from tests.workers.adapters import asking
from tests.workers.adapters.asking import CUT_OUT, Order
from tests.workers.adapters.sending import sent as sent_call
from workers.adapters.base import Done, Failed, Item, Taken
from workers.adapters.webui import Webui

QUICK: dict[str, Any] = {"width": 128, "height": 96, "steps": 1}


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s=0.001)).serving() as fake:
        yield fake


def client(fake: FakeUpstream) -> webuiapi.WebUIApi:
    """Asks the server for its scripts as soon as it is there: not for the event loop's thread."""
    api = webuiapi.WebUIApi(host="127.0.0.1", port=int(fake.url.rpartition(":")[2]))
    api.session.trust_env = False
    return api


async def asked(fake: FakeUpstream, order: Order, **options: Any) -> Taken:
    adapter = Webui(options)
    reply = await sent_call(adapter.submit(order.task), fake.url, order.files)
    return adapter.taken(order.task, reply)


def shown(item: Item) -> Image.Image:
    assert isinstance(item, Done)
    image = Image.open(BytesIO(item.files[0].data or b""))
    image.load()
    return image


async def test_the_unmodified_client_draws_changes_enlarges_and_looks_around(fake: FakeUpstream) -> None:
    def use() -> None:
        api = client(fake)
        with api.session:
            made = api.txt2img(prompt="a red boat", seed=5, batch_size=2, **QUICK)
            assert [image.size for image in made.images] == [(128, 96)] * 2
            assert (made.info["all_seeds"], made.info["sd_model_name"]) == ([5, 6], "majicmixRealistic_v7")
            assert made.image.info["parameters"] == made.info["infotexts"][0]
            assert made.parameters["prompt"] == "a red boat"
            photo = Image.linear_gradient("L").resize((128, 96)).convert("RGB")
            mask = Image.new("L", photo.size, 0)
            ImageDraw.Draw(mask).rectangle((64, 0, 127, 95), fill=255)
            changed = api.img2img(images=[photo], mask_image=mask, alwayson_scripts={}, **QUICK).image
            left, right = (0, 0, 64, 96), (64, 0, 128, 96)
            assert apart(changed.crop(left), photo.crop(left)) == 0
            assert apart(changed.crop(right), photo.crop(right)) > 2
            assert api.extra_single_image(photo, upscaler_1=webuiapi.Upscaler.Lanczos).image.size == (256, 192)
            swapped = api.img2img(
                images=[photo],
                denoising_strength=0.0,
                reactor=webuiapi.ReActor(face("hopper.jpg")),
                alwayson_scripts={},
                **QUICK,
            )
            assert apart(swapped.image, photo) > 1
            assert api.png_info(made.image).info == made.info["infotexts"][0]
            api.util_set_model("juggernaut")
            assert api.util_get_current_model() == "juggernautXL_version2.safetensors [c9e3e68f89]"
            assert "DPM++ 2M" in api.util_get_sampler_names()
            assert "karras" in api.util_get_scheduler_names()
            assert api.interrupt() == {}
            api.util_wait_for_ready(check_interval=0.001)
            with pytest.raises(RuntimeError, match="422"):
                api.txt2img(steps="many")

    await asyncio.to_thread(use)
    assert fake.ledger.counts()["accepted"] == 4


async def test_the_adapter_has_pictures_made_with_the_seeds_asked_for(fake: FakeUpstream) -> None:
    first, second = (await asked(fake, asking.txt2img(prompt="a red boat", n_iter=2, seed=5, **QUICK))).items
    (again,) = (await asked(fake, asking.txt2img(prompt="a red boat", seed=6, **QUICK))).items
    assert isinstance(second, Done)
    assert (shown(second).size, second.metadata["seed"]) == ((128, 96), 6)
    assert apart(shown(second), shown(again)) == 0
    assert apart(shown(first), shown(second)) > 2


async def test_the_adapter_has_a_picture_changed_where_either_kind_of_mask_says(
    fake: FakeUpstream,
) -> None:
    order = asking.edit(
        CUT_OUT, asking.CHECKPOINT, mask=CUT_OUT, prompt="a hat", named="gpt-image-1", size="128x64", strength=1.0
    )
    before = opened(sent(Image.open(BytesIO(CUT_OUT)).convert("RGB").resize((128, 64))))
    (item,) = (await asked(fake, order)).items
    left, right = (0, 0, 60, 64), (68, 0, 128, 64)
    assert apart(shown(item).crop(left), before.crop(left)) == 0
    assert apart(shown(item).crop(right), before.crop(right)) > 2


@pytest.mark.parametrize("way", ["reactor", "script"])
async def test_the_adapter_has_faces_swapped_in_both_ways(fake: FakeUpstream, way: str) -> None:
    source, target = face("hopper.jpg").resize((96, 96)), face("astronaut.jpg").resize((96, 96))
    order = asking.swap(source_image=sent(source), target_image=sent(target))
    (item,) = (await asked(fake, order, swap=way)).items
    assert shown(item).size == (96, 96)
    middle = (40, 40, 56, 56)
    assert apart(shown(item).crop(middle), target.crop(middle)) > 5
    fake.world.faults.set([parse("no_face")])
    (item,) = (await asked(fake, order, swap=way)).items
    assert apart(shown(item), target) == 0  # which only a comparison finds out


async def test_the_adapter_has_pictures_enlarged(fake: FakeUpstream) -> None:
    order = asking.enlarge(image=sent(face("hopper.jpg").resize((40, 30))), upscaling_resize=3)
    assert shown((await asked(fake, order)).items[0]).size == (120, 90)
    with pytest.raises(UpstreamFailed, match="could not find upscaler"):
        await asked(fake, order._replace(task=asking.enlarge("Magic", image=sent(face("hopper.jpg"))).task))


async def test_progress_moves_and_an_interrupt_leaves_what_there_is() -> None:
    family = Fake(pace_s=100.0)
    async with FakeUpstream(family).serving() as fake:
        adapter, order = Webui(), asking.txt2img(prompt="a boat", n_iter=4, **QUICK)
        asking_for = asyncio.create_task(asked(fake, order))

        async def progress() -> float | None:
            return adapter.watched(await sent_call(adapter.watch(), fake.url)).progress

        await until(progress)
        family.world.advance(150.0)
        found = await progress()
        assert found
        assert 0.375 <= found < 0.5
        interrupt = adapter.cancel([])
        assert interrupt
        assert (await sent_call(interrupt, fake.url)).status == 200
        items = (await asking_for).items
        assert [type(item) for item in items] == [Done, Done, Failed, Failed]
        assert await progress() is None


async def test_time_that_leaps_ends_the_work() -> None:
    family = Fake(pace_s=3600.0)
    async with FakeUpstream(family).serving() as fake, httpx.AsyncClient(trust_env=False) as http:
        asking_for = asyncio.create_task(asked(fake, asking.txt2img(**QUICK)))
        await until(lambda: family.working)
        await http.post(f"{fake.url}/_fake/advance", json={"seconds": 3600})
        assert shown((await asking_for).items[0]).size == (128, 96)


async def test_one_picture_is_made_at_a_time() -> None:
    family = Fake(pace_s=1000.0)
    async with FakeUpstream(family).serving() as fake:
        left = {asyncio.create_task(asked(fake, asking.txt2img(prompt=word, **QUICK))) for word in ("a", "b")}
        while left:
            await until(lambda: family.working)
            family.world.advance(1000.0)
            family.advanced()
            ended, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            assert len(ended) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("out_of_memory", UpstreamFailed),
        ("forge_fails", UpstreamFailed),
        ("session_expired", UpstreamSessionExpired),
        ("no_api", UpstreamRefused),
        ("other_checkpoint", UpstreamRefused),
        ("html", UpstreamMalformed),
        ("cut_json", UpstreamMalformed),
        ("error_after=502", UpstreamFailed),
    ],
)
async def test_faults_are_what_the_adapter_takes_them_for(
    fake: FakeUpstream, fault: str, error: type[UpstreamError]
) -> None:
    fake.world.faults.set([parse(fault)])
    order = asking.txt2img("juggernautXL_version2", prompt="a boat", **QUICK)
    with pytest.raises(UpstreamError) as failed:
        await asked(fake, order, paid=True)
    assert type(failed.value) is error
    taken = fault in ("other_checkpoint", "html", "cut_json", "error_after=502")
    assert fake.ledger.counts()["accepted"] == taken
    assert failed.value.in_doubt == (taken and fault != "other_checkpoint")


async def test_bytes_that_are_no_picture_come_through_for_the_collector_to_judge(fake: FakeUpstream) -> None:
    fake.world.faults.set([parse("wrong_image=html")])
    (item,) = (await asked(fake, asking.txt2img(**QUICK))).items
    assert isinstance(item, Done)
    assert (item.files[0].data or b"").startswith(b"<!DOCTYPE")
    fake.world.faults.set([parse("wrong_image=empty")])
    with pytest.raises(UpstreamMalformed):
        await asked(fake, asking.txt2img(**QUICK))


async def test_a_grid_and_an_interrupt_by_somebody_else(fake: FakeUpstream) -> None:
    fake.world.faults.set([parse("grid,times=1")])
    order = asking.txt2img(prompt="a boat", n_iter=2, seed=1, **QUICK)
    first, second = (await asked(fake, order)).items
    assert apart(shown(first), shown(second)) > 2
    fake.world.faults.set([parse("interrupted")])
    assert [type(item) for item in (await asked(fake, asking.txt2img(n_iter=4, **QUICK))).items][-1] is Failed
