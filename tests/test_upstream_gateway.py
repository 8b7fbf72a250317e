"""A gateway as another's upstream: what our adapters ask in WebUI's and OpenAI's words, our own API answers."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from cli.gateway import Gateway
from storage.errors import UpstreamRefused, UpstreamSessionExpired, UpstreamTimedOut
from tests.api.images import encoded, picture
from tests.portraits import apart, face
from tests.portraits import sent as raw
from tests.workers.adapters import asking
from tests.workers.adapters.asking import CUT_OUT, Order
from tests.workers.adapters.sending import sent
from workers.adapters.base import Call, Done, Reply
from workers.adapters.openai import OpenAI
from workers.adapters.webui import Webui

QUICK: dict[str, Any] = {"width": 128, "height": 96, "steps": 1}
EXTRAS = ["seed", "negative_prompt", "steps", "strength"]
LEFT, RIGHT = (0, 0, 56, 64), (64, 0, 128, 64)  # between them the mask is soft


@pytest.fixture(scope="module")
def key(running_gateway: Gateway) -> str:
    return (running_gateway.data / "api_key").read_text()


class Ours:
    """A gateway by the two dialects of its pictures."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.url, self.key = gateway.url, key

    async def webui(self, order: Order, **options: Any) -> list[Done]:
        return await self._made(Webui(options), self.url, order)

    async def openai(self, order: Order, **options: Any) -> list[Done]:
        return await self._made(OpenAI({"extras": EXTRAS, **options}), f"{self.url}/v1", order)

    async def _made(self, adapter: Webui | OpenAI, url: str, order: Order) -> list[Done]:
        reply = await self.asked(adapter, adapter.submit(order.task), url, order.files)
        items = adapter.taken(order.task, reply).items
        return [item for item in items if isinstance(item, Done)]

    async def asked(
        self, adapter: Webui | OpenAI, call: Call, url: str, files: Mapping[str, bytes] | None = None
    ) -> Reply:
        secret = f"anybody:{self.key}" if adapter.auth == "basic" else self.key
        return await sent(call, url, files, auth=adapter.auth, key=secret)


@pytest.fixture
def ours(running_gateway: Gateway, key: str) -> Ours:
    return Ours(running_gateway, key)


def shown(item: Done) -> Image.Image:
    return opened(item.files[0].data or b"")


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


async def test_pictures_come_by_webuis_words(ours: Ours) -> None:
    order = asking.txt2img(prompt="a red fox in the snow", n_iter=2, seed=5, **QUICK)
    first, second = await ours.webui(order)
    assert [shown(each).size for each in (first, second)] == [(128, 96)] * 2
    assert [each.metadata["seed"] for each in (first, second)] == [5, 6]
    assert first.metadata["checkpoint"] == "majicmixRealistic_v7"
    assert apart(shown(first), shown(second)) > 2


async def test_the_same_pictures_come_by_openais_words(ours: Ours) -> None:
    body: dict[str, Any] = {"prompt": "a red fox in the snow", "seed": 5, "steps": 1, "size": "256x256"}
    (inline,) = await ours.openai(asking.generation(**body))
    (linked,) = await ours.openai(asking.generation(**body), answers="url")
    assert linked.files[0].url
    async with httpx.AsyncClient(trust_env=False) as http:
        fetched = opened((await http.get(linked.files[0].url)).content)
    assert apart(shown(inline), fetched) == 0
    (drawn,) = await ours.webui(
        asking.txt2img("dall-e-2", prompt="a red fox in the snow", seed=5, steps=1, width=256, height=256)
    )
    assert apart(shown(inline), shown(drawn)) == 0


async def test_a_picture_is_changed_where_the_mask_says_by_either_dialect(ours: Ours) -> None:
    clear = picture((128, 64), mode="RGBA", hole=RIGHT)
    before = opened(clear).convert("RGB")
    white = Image.new("L", before.size, 0)
    white.paste(255, RIGHT)
    asked: dict[str, Any] = {"prompt": "a red balloon", "seed": 1, "steps": 1}
    by_light = asking.img2img(
        init_images=[raw(before)], mask=raw(white), denoising_strength=1.0, width=128, height=64, **asked
    )
    by_alpha = asking.edit(encoded(before), asking.CHECKPOINT, "gpt-image-1", mask=clear, **asked)
    for made in (await ours.openai(by_light), await ours.webui(by_alpha)):
        after = shown(made[0])
        assert after.size == (128, 64)
        assert apart(after.crop(LEFT), before.crop(LEFT)) == 0
        assert apart(after.crop(RIGHT), before.crop(RIGHT)) > 2


async def test_a_variation_and_a_larger_picture(ours: Ours) -> None:
    (varied,) = await ours.openai(asking.variation(CUT_OUT, size="256x256"))
    assert shown(varied).size == (256, 256)
    order = asking.enlarge("Lanczos", image=raw(face("hopper.jpg").resize((64, 48))), upscaling_resize=2)
    (large,) = await ours.webui(order)
    assert shown(large).size == (128, 96)


async def test_progress_is_seen_and_an_interrupt_ends_it(ours: Ours) -> None:
    adapter = Webui()
    order = asking.txt2img(prompt="a harbour at night", n_iter=16, seed=1, width=1024, height=1024)
    making = asyncio.create_task(ours.webui(order))

    async def progress() -> float:
        return adapter.watched(await ours.asked(adapter, adapter.watch(), ours.url)).progress or 0.0

    while not (seen := await progress()):
        assert not making.done(), "all of it was made before anything was seen of it"
    assert seen < 1
    interrupt = adapter.cancel([])
    assert interrupt
    assert (await ours.asked(adapter, interrupt, ours.url)).status == 200
    assert len(await making) < 16
    assert await progress() == 0


async def test_what_our_gateway_refuses_is_refused(ours: Ours) -> None:
    with pytest.raises(UpstreamRefused, match=r"model: .*dall-e-9"):
        await ours.openai(asking.generation("dall-e-9", prompt="a boat"))
    with pytest.raises(UpstreamRefused, match="sd15"):
        await ours.webui(asking.txt2img("sd15", **QUICK))


async def test_a_wrong_key_is_refused_by_either_dialect(running_gateway: Gateway) -> None:
    stranger = Ours(running_gateway, "gw_nobody")
    with pytest.raises(UpstreamSessionExpired):
        await stranger.openai(asking.generation(prompt="a boat"))
    with pytest.raises(UpstreamSessionExpired):
        await stranger.webui(asking.txt2img(**QUICK))


async def test_a_job_that_outlives_the_answer_is_in_doubt_and_asking_again_with_its_key_finds_it(ours: Ours) -> None:
    adapter = OpenAI({"extras": EXTRAS, "idempotent": True})
    order = asking.generation(prompt="a castle", size="256x256", seed=3)
    call = adapter.submit(order.task)
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {**call.headers, "authorization": f"Bearer {ours.key}", "prefer": "respond-async"}
        answer = await http.post(f"{ours.url}/v1{call.path}", json=call.json, headers=headers)
    with pytest.raises(UpstreamTimedOut):
        adapter.taken(order.task, Reply(answer.status_code, dict(answer.headers), answer.content))
    reply = await ours.asked(adapter, call, f"{ours.url}/v1")
    assert reply.headers["x-job-id"] == answer.headers["x-job-id"]
    (item,) = adapter.taken(order.task, reply).items
    assert isinstance(item, Done)
    assert shown(item).size == (256, 256)
