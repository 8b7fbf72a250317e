"""A fake of Stable Diffusion's WebUI with ReActor: one picture at a time, behind a lock, answered when it is there.

Source: shared/protocols/stable-diffusion.md. True to it in what hurts: an unknown checkpoint or sampler is passed over
silently, `info` is JSON as a text, an interrupt is answered with 200 and what there is by then, progress is
everybody's.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from PIL import Image

from cli.fakes import drawing, webui_lists
from cli.fakes.family import Asked, Family, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.webui_request import Drawing, read
from cli.fakes.working import Work

_UNREADABLE = Refusal(
    500, {"error": "HTTPException", "detail": "Invalid encoded image", "body": "", "errors": "Invalid encoded image"}
)


class Webui(Family):
    """`pace_s` is the time of one picture."""

    name = "webui"
    needs_key = False  # it has none without --api-auth
    refusals: ClassVar = {
        "session_expired": Refusal(401, {"detail": "Incorrect username or password"}, {"WWW-Authenticate": "Basic"}),
        "busy": Refusal(429, {"detail": "Too Many Requests"}),
        "out_of_memory": Refusal(
            500,
            {
                "error": "OutOfMemoryError",
                "detail": "",
                "body": "",
                "errors": "CUDA out of memory. Tried to allocate 2.00 GiB",
            },
        ),
        "forge_fails": Refusal(
            500,
            {"error": "TypeError", "detail": "", "body": "", "message": "'NoneType' object is not iterable"},
        ),
        "no_api": Refusal(404, {"detail": "Not Found"}),
    }
    faults: ClassVar = {
        "other_checkpoint": FaultKind("override_settings is passed over, as by builds of Forge in 2024"),
        "interrupted": FaultKind("somebody else interrupts: half of it is answered"),
        "no_face": FaultKind("ReActor finds no face, and the picture comes back unchanged"),
        "grid": FaultKind("a grid before the pictures, if there are several"),
        "wrong_image": FaultKind("instead of a picture", "html", ("html", "empty", "truncated")),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._work, self._turn = Work(self.world), asyncio.Lock()
        self._now: Drawing | None = None
        self._loaded = next(iter(webui_lists.CHECKPOINTS))

    @property
    def working(self) -> bool:
        """Whether it makes something just now."""
        return self._work.going_on

    def advanced(self) -> None:
        self._stirring = asyncio.ensure_future(self._work.stir())

    def routes(self) -> list[Route]:
        sd = "/sdapi/v1"
        paid = {
            f"{sd}/txt2img": self._txt2img,
            f"{sd}/img2img": self._img2img,
            f"{sd}/extra-single-image": self._enlarge,
            "/reactor/image": self._swap,
        }
        lists: dict[str, Callable[[], Any]] = {
            f"{sd}/sd-models": webui_lists.models,
            f"{sd}/samplers": webui_lists.samplers,
            f"{sd}/schedulers": webui_lists.schedulers,
            f"{sd}/upscalers": webui_lists.upscalers,
            f"{sd}/scripts": lambda: webui_lists.SCRIPTS,
            f"{sd}/options": self._options,
            "/reactor/models": lambda: {"models": ["inswapper_128.onnx"]},
            "/reactor/upscalers": lambda: {"upscalers": [*webui_lists.UPSCALERS]},
        }
        return [
            *(Route("POST", path, "submit", handler, pays=True) for path, handler in paid.items()),
            *(Route("GET", path, "list", _told(what)) for path, what in lists.items()),
            Route("GET", f"{sd}/progress", "poll", self._progress),
            Route("POST", f"{sd}/interrupt", "cancel", self._interrupt),
            Route("POST", f"{sd}/options", "list", self._set_options),
            Route("POST", f"{sd}/png-info", "list", self._png_info),
        ]

    async def _txt2img(self, asked: Asked) -> Any:
        return await self._drawn(read(asked.json, "txt2img"))

    async def _img2img(self, asked: Asked) -> Any:
        body = asked.json
        if body.get("init_images") is None:
            raise Refusal(404, {"detail": "Init image not found"})
        try:
            return await self._drawn(read(body, "img2img"))
        except drawing.NoPicture as error:
            raise _UNREADABLE.with_headers() from error

    async def _drawn(self, wanted: Drawing) -> dict[str, Any]:
        async with self._turn:
            self._now = wanted
            take = self.world.faults.take
            self._work.begin(self.world.pace_s * wanted.pictures)
            share = await self._work.end()
            self._now = None
        share = 0.5 if take("interrupted", "submit") else share
        name = None if take("other_checkpoint", "submit") else webui_lists.checkpoint(wanted.checkpoint)
        drawn = await asyncio.to_thread(self._made, wanted, share)
        info = wanted.info(name or self._loaded, webui_lists.CHECKPOINTS[name or self._loaded], len(drawn))
        images = [self._sent(image, wanted, info, number) for number, image in enumerate(drawn)]
        if len(images) > 1 and take("grid", "submit"):
            info["index_of_first_image"] = 1
            images = [base64.b64encode(drawing.encoded(drawn[0])).decode(), *images]
        return {"images": images, "parameters": wanted.echo, "info": json.dumps(info)}

    def _made(self, wanted: Drawing, share: float) -> list[Image.Image]:
        """As many as were done in that share of the time, the last of them perhaps half."""
        if share >= 1:
            return [self._one(wanted, number) for number in range(wanted.pictures)]
        whole = int(share * wanted.pictures)
        return [self._one(wanted, number) for number in range(whole)] + [drawing.unfinished(self._one(wanted, whole))]

    def _one(self, wanted: Drawing, number: int) -> Image.Image:
        image = wanted.picture(number)
        if wanted.face is None or self.world.faults.take("no_face", "submit"):
            return image
        return drawing.swapped(wanted.face, image)

    def _sent(self, image: Image.Image, wanted: Drawing, info: dict[str, Any], number: int) -> str:
        data = drawing.encoded(image, wanted.format, info["infotexts"][number])
        if wrong := self.world.faults.take("wrong_image", "submit"):
            data = drawing.spoilt(data, wrong.value)
        return base64.b64encode(data).decode()

    async def _enlarge(self, asked: Asked) -> dict[str, Any]:
        body = asked.json
        try:
            image = drawing.from_text(body.get("image"))
        except drawing.NoPicture as error:
            raise _UNREADABLE.with_headers() from error
        if body.get("upscaler_1", "None") not in webui_lists.UPSCALERS:
            text = f"could not find upscaler named {body['upscaler_1']}"
            raise Refusal(500, {"error": "AssertionError", "detail": "", "body": "", "errors": text})
        by = body.get("upscaling_resize", 2)
        size = (int(image.width * by), int(image.height * by))
        if body.get("resize_mode"):
            size = (body["upscaling_resize_w"], body["upscaling_resize_h"])
        return {"html_info": "<p></p>", "image": await self._alone(image.resize(size))}

    async def _swap(self, asked: Asked) -> dict[str, Any]:
        body = asked.json
        try:
            source, target = (drawing.from_text(body.get(name)) for name in ("source_image", "target_image"))
        except drawing.NoPicture as error:
            raise _UNREADABLE.with_headers() from error
        found = not self.world.faults.take("no_face", "submit")
        return {"image": await self._alone(drawing.swapped(source, target) if found else target)}

    async def _alone(self, image: Image.Image) -> str:
        async with self._turn:
            self._work.begin(self.world.pace_s)
            await self._work.end()
        data = await asyncio.to_thread(drawing.encoded, image)
        if wrong := self.world.faults.take("wrong_image", "submit"):
            data = drawing.spoilt(data, wrong.value)
        return base64.b64encode(data).decode()

    async def _progress(self, asked: Asked) -> dict[str, Any]:
        """Of whatever runs now; from 0.01 on as soon as something does."""
        wanted, progress = self._now, max(0.01, round(self._work.progress, 4))
        state: dict[str, Any] = {"skipped": False, "interrupted": self._work.stopped, "stopping_generation": False}
        if wanted is None:
            idle = {"job": "", "job_count": 0, "job_timestamp": "0", "job_no": 0}
            state |= idle | {"sampling_step": 0, "sampling_steps": 0}
            return {"progress": 0.0, "eta_relative": 0.0, "state": state, "current_image": None, "textinfo": None}
        at = progress * wanted.pictures
        state |= {"job": f"scripts_{wanted.way}", "job_count": wanted.pictures, "job_timestamp": "20260101000000"}
        state |= {"job_no": int(at), "sampling_step": int(at % 1 * wanted.steps), "sampling_steps": wanted.steps}
        shown = None
        if asked.query.get("skip_current_image", "false").lower() != "true":
            small = drawing.unfinished(wanted.picture(int(at)).resize((64, 64)))
            shown = base64.b64encode(drawing.encoded(small)).decode()
        told = {"progress": progress, "eta_relative": round(self._work.left_s, 3), "state": state}
        return {**told, "current_image": shown, "textinfo": None}

    async def _interrupt(self, _asked: Asked) -> dict[str, Any]:
        await self._work.stop()
        return {}

    def _options(self) -> dict[str, Any]:
        return {"sd_model_checkpoint": webui_lists.title(self._loaded), "samples_format": "png", "return_grid": True}

    async def _set_options(self, asked: Asked) -> None:
        wanted = asked.json.get("sd_model_checkpoint")
        if wanted is None:
            return
        name = webui_lists.checkpoint(wanted)
        if name is None:
            text = f"model {wanted!r} not found"
            raise Refusal(500, {"error": "RuntimeError", "detail": "", "body": "", "errors": text})
        self._loaded = name

    async def _png_info(self, asked: Asked) -> dict[str, Any]:
        text = str(drawing.from_text(asked.json.get("image")).info.get("parameters", ""))
        return {"info": text, "items": {"parameters": text}, "parameters": {}}


def _told(what: Callable[[], Any]) -> Callable[[Asked], Awaitable[Any]]:
    async def answer(_asked: Asked) -> Any:
        return what()

    return answer
