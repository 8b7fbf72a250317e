"""What a user of OpenAI's client does with pictures, in a script that runs under any version of it.

Prints what came of it as one JSON object. Pictures are as small, and as quickly made, as models allow.
"""

import base64
import json
import os
import sys
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import openai
from PIL import Image, ImageChops, ImageDraw

QUICK = {"steps": 1}
SMALL: Any = "64x64"


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    data = BytesIO()
    image.save(data, format)
    return data.getvalue()


def photo() -> Image.Image:
    image = Image.linear_gradient("L").resize((96, 80)).convert("RGB")
    ImageDraw.Draw(image).ellipse((10, 10, 50, 60), fill=(200, 40, 40))
    return image


def cut() -> bytes:
    """The head of it is whole, and its data is not: only who decodes it finds out."""
    whole = encoded(photo())
    return whole[: len(whole) // 2]


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def facts(data: bytes) -> list[Any]:
    image = opened(data)
    return [image.format, *image.size]


def fetched(url: str) -> bytes:
    return httpx.get(url, trust_env=False).raise_for_status().content


def decoded(made: Any) -> list[bytes]:
    return [base64.b64decode(each.b64_json, validate=True) for each in made.data]


def apart(one: bytes, other: bytes) -> float:
    """How far two pictures differ, the mean over all pixels, in 0..255."""
    difference = ImageChops.difference(opened(one).convert("RGB"), opened(other).convert("RGB")).convert("L")
    return sum(value * count for value, count in enumerate(difference.histogram())) / (
        difference.width * difference.height
    )


def generations(images: Any) -> dict[str, Any]:
    linked = images.generate(prompt="a red boat on a lake", n=2, size="256x256", extra_body=QUICK)
    inline = images.generate(prompt="a castle", size="256x256", response_format="b64_json", extra_body=QUICK)
    modern = images.generate(
        prompt="an owl in a snowy forest at night",
        model="gpt-image-1",
        n=2,
        size="96x64",
        quality="low",
        background="opaque",
        output_format="webp",
        output_compression=60,
        moderation="low",
    )
    same = [
        decoded(
            images.generate(
                prompt="a castle", model="gpt-image-1", size=SMALL, extra_body={"seed": seed, "negative_prompt": "sky"}
            )
        )[0]
        for seed in (7, 7, 8)
    ]
    return {
        "created": isinstance(linked.created, int),
        "linked": [facts(fetched(each.url)) for each in linked.data],
        "linked_b64": [each.b64_json for each in linked.data],
        "inline": [facts(data) for data in decoded(inline)],
        "inline_url": inline.data[0].url,
        "modern": [facts(data) for data in decoded(modern)],
        "modern_told": [modern.background, modern.output_format, modern.quality, modern.size],
        "modern_apart": apart(*decoded(modern)),
        "seeded": [same[0] == same[1], same[0] == same[2]],
    }


def edits(images: Any) -> dict[str, Any]:
    before = encoded(photo())
    whole = decoded(
        images.edit(image=before, prompt="snow at night", model="dall-e-2", response_format="b64_json")
    )  # bytes without a name
    mask = Image.new("RGBA", (96, 80), (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle((48, 0, 95, 79), fill=(0, 0, 0, 0))
    (inside,) = decoded(
        images.edit(
            image=[("photo.png", before, "image/png")],
            mask=("mask.png", encoded(mask)),
            prompt="a red apple",
            model="gpt-image-1",
            n=1,
        )
    )
    left = (0, 0, 48, 80)
    outside = [encoded(opened(data).convert("RGB").crop(left)) for data in (before, inside)]
    sized = images.edit(image=encoded(photo(), "JPEG"), prompt="fog", model="majicmixRealistic_v7", size="128x64", n=1)
    return {
        "whole": [facts(data) for data in whole],
        "whole_apart": apart(before, whole[0]),
        "masked": facts(inside),
        "masked_apart": apart(before, inside),
        "outside_apart": apart(*outside),
        "sized": facts(fetched(sized.data[0].url)),
    }


def variations(images: Any) -> dict[str, Any]:
    before = encoded(photo())
    made = decoded(images.create_variation(image=before, n=3, response_format="b64_json"))
    small = images.create_variation(image=BytesIO(before), size="256x256")
    return {
        "made": [facts(data) for data in made],
        "from_before": [apart(before, data) for data in made],
        "from_each_other": [apart(made[0], made[1]), apart(made[1], made[2]), apart(made[0], made[2])],
        "small": facts(fetched(small.data[0].url)),
    }


def refusals(images: Any) -> dict[str, Any]:
    before = encoded(photo())
    asked: dict[str, Callable[[], Any]] = {
        "model": lambda: images.generate(prompt="a cat", model="dall-e-9"),
        "prompt": lambda: images.generate(prompt="a" * 1001, model="dall-e-2"),
        "n": lambda: images.generate(prompt="a cat", n=11),
        "size": lambda: images.generate(prompt="a cat", size="99999x99999"),
        "response_format": lambda: images.generate(prompt="a", model="gpt-image-1", response_format="url"),
        "two": lambda: images.edit(image=[before, before], prompt="a hat"),
        "no_picture": lambda: images.create_variation(image=b"no picture"),
        "cut": lambda: images.create_variation(image=cut()),
        "mask": lambda: images.edit(image=before, mask=encoded(photo().resize((32, 32))), prompt="a hat"),
    }
    told = {}
    for name, call in asked.items():
        try:
            call()
        except openai.APIStatusError as error:
            told[name] = [type(error).__name__, error.status_code, error.param, error.code, str(error.message)]
    return told


def jobs(images: Any) -> dict[str, Any]:
    once = {"Idempotency-Key": "openai-" + openai.__version__}
    raw = [
        images.with_raw_response.generate(prompt="a cat", model="gpt-image-1", size=SMALL, extra_headers=once)
        for _ in range(2)
    ]
    later = images.generate(prompt="a cat", size="256x256", extra_headers={"Prefer": "respond-async"})
    later_raw = images.with_raw_response.generate(
        prompt="a cat", size="256x256", extra_headers={"Prefer": "respond-async"}
    )
    return {
        "ids": [each.headers["x-job-id"] for each in raw],
        "engine": raw[0].headers["x-gateway-engine"],
        "replayed": [each.headers.get("idempotent-replayed") for each in raw],
        "same": decoded(raw[0].parse()) == decoded(raw[1].parse()),
        "later": [later.data, later.created],
        "later_status": later_raw.status_code,
        "later_job": later_raw.headers["location"].endswith(later_raw.headers["x-job-id"]),
    }


def streams(images: Any) -> dict[str, Any]:
    asked = {"model": "gpt-image-1", "stream": True, "partial_images": 2}
    events = list(images.generate(prompt="a cat", size=SMALL, **asked))
    told = []
    try:
        told += list(images.edit(image=cut(), prompt="a hat", **asked))
    except openai.APIError as error:
        told += [error.param, error.code, error.message]
    return {
        "last": events[-1].type,
        "partial": [event.type for event in events[:-1] if event.type != "image_generation.partial_image"],
        "made": facts(base64.b64decode(events[-1].b64_json)),
        "about": [events[-1].size, events[-1].output_format],
        "broken": told,
    }


def main() -> None:
    warnings.filterwarnings("ignore", category=DeprecationWarning, message="deprecated")  # variations, by OpenAI
    client = openai.OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key=os.environ["KEY"], max_retries=0)
    told = {each.__name__: each(client.images) for each in (generations, edits, variations, refusals, jobs, streams)}
    json.dump({"version": openai.__version__, **told}, sys.stdout)
    client.close()


if __name__ == "__main__":
    main()
