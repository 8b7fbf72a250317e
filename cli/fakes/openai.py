"""A fake of OpenAI's pictures, speech, transcriptions and chat. Its address ends in `/v1`, as the real one's does.

Source: shared/protocols/openai.md §1–§6.
"""

import asyncio
import base64
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image

from cli.fakes import drawing, sounds, streams
from cli.fakes.family import Asked, Family, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.openai_chat import Chat
from cli.fakes.openai_words import (
    LISTENERS,
    PAINTERS,
    SPEAKERS,
    Pictures,
    error,
    images_asked,
    models,
    refuse,
    transcript,
)
from cli.fakes.streams import Stream
from cli.fakes.working import Work

_TYPES = {"opus": "audio/opus"}


class OpenAI(Family):
    """`pace_s` is the time of a whole answer."""

    name = "openai"
    refusals: ClassVar = {
        "session_expired": error(401, "Incorrect API key provided: sk-proj-fake12345.", "invalid_api_key"),
        "busy": error(
            429,
            "Rate limit reached for images per minute.",
            "rate_limit_exceeded",
            type="requests",
            headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s"},
        ),
        "no_credits": error(
            429, "You exceeded your current quota.", "insufficient_quota", type="insufficient_quota",
            headers={"x-should-retry": "false"},
        ),
        "moderated": error(
            400, "Your request was rejected as a result of our safety system.", "content_policy_violation",
            type="image_generation_user_error",
        ),
        "suspended": error(401, "The account has been deactivated.", "account_deactivated"),
        "overloaded": error(503, "The engine is currently overloaded.", None, type="server_error"),
        "failed": error(500, "The server had an error while processing your request.", None, type="server_error"),
        "no_model": error(404, "The model does not exist or you do not have access to it.", "model_not_found"),
        "too_long": error(
            400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded", "messages"
        ),
    }  # fmt: skip
    faults: ClassVar = {
        **streams.FAULTS,
        "wrong_image": FaultKind("instead of a picture in JSON", "html", ("html", "empty", "truncated")),
        "short": FaultKind("one picture fewer than was asked for"),
        "empty": FaultKind("200, and nothing where a picture, sound or text is due"),
        "named_code": FaultKind("a transcript says its language as a code and no task, as Speaches does"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._work: set[Work] = set()
        self._files: dict[str, tuple[bytes, str, float]] = {}
        self._asked = 0

    def advanced(self) -> None:
        self._stirring = asyncio.gather(*(work.stir() for work in self._work))

    def routes(self) -> list[Route]:
        paid = {
            "images/generations": self._generate,
            "images/edits": self._edit,
            "images/variations": self._vary,
            "audio/speech": self._speak,
            "audio/transcriptions": self._transcribe,
            "audio/translations": self._translate,
            "chat/completions": self._chat,
        }
        return [
            *(Route("POST", f"/v1/{path}", "submit", handler, pays=True) for path, handler in paid.items()),
            Route("GET", "/v1/models", "list", self._models),
            Route("GET", "/made/{name}", "file", self._made, free=True),
        ]

    async def _generate(self, asked: Asked) -> web.Response:
        wanted = images_asked(asked.json, PAINTERS)
        return await self._answer(wanted, [drawing.drawn(wanted.prompt, n, wanted.size) for n in range(wanted.n)])

    async def _edit(self, asked: Asked) -> web.Response:
        wanted = images_asked(_fields(asked), PAINTERS)
        before = _picture(asked, "image", "image[]")
        mask = _picture(asked, "mask") if "mask" in asked.form else before
        if mask.size != before.size:
            raise refuse("Invalid mask: it must have the size of the image.", "mask")
        where = drawing.mask_by_alpha(mask)
        size = wanted.size if wanted.sized else before.size
        made = [
            drawing.changed(before, wanted.prompt, n, 1.0 if where else 0.7, where).resize(size)
            for n in range(wanted.n)
        ]
        return await self._answer(wanted, made)

    async def _vary(self, asked: Asked) -> web.Response:
        wanted = images_asked({**_fields(asked), "prompt": "another like it"}, ("dall-e-2",))
        before = _picture(asked, "image").resize(wanted.size)
        made = [drawing.changed(before, wanted.prompt, n, 0.3) for n in range(wanted.n)]
        return await self._answer(wanted, made)

    async def _answer(self, wanted: Pictures, made: list[Image.Image]) -> web.Response:
        await self._work_done()
        take = self.world.faults.take
        made = made[:-1] if take("short", "submit") else made
        data = [self._datum(wanted, image) for image in made]
        body: dict[str, Any] = {"created": int(self.world.unix_s()), "data": data}
        if take("empty", "submit"):
            body["data"] = [{"revised_prompt": wanted.prompt}]
        if wanted.inline:
            tokens = {"input_tokens": 12, "output_tokens": 272 * len(made), "total_tokens": 12 + 272 * len(made)}
            details = {"text_tokens": 12, "image_tokens": 0}
            body |= {"background": "opaque", "output_format": wanted.format, "quality": wanted.quality or "medium"}
            body |= {"size": f"{made[0].width}x{made[0].height}"} if made else {}
            body["usage"] = {**tokens, "input_tokens_details": details}
        return self._sent(body)

    def _datum(self, wanted: Pictures, image: Image.Image) -> dict[str, Any]:
        data = drawing.encoded(image, wanted.format)
        if wrong := self.world.faults.take("wrong_image", "submit"):
            data = drawing.spoilt(data, wrong.value)
        revised = {"revised_prompt": f"A picture of {wanted.prompt}"} if wanted.revises else {}
        if wanted.inline or wanted.answers == "b64_json":
            return {**revised, "b64_json": base64.b64encode(data).decode()}
        name = f"img-{len(self._files)}.{wanted.format}"
        self._files[name] = (data, f"image/{wanted.format}", self.world.now())
        return {**revised, "url": f"{self.world.url}/made/{name}"}

    async def _made(self, asked: Asked) -> web.Response:
        if asked.inside["name"] not in self._files:
            raise Refusal(404, {"error": "not found"})
        return self.file(*self._files[asked.inside["name"]], decoy=drawing.encoded(drawing.drawn("decoy", 0, (64, 64))))

    async def _speak(self, asked: Asked) -> web.Response:
        body = asked.json
        if body.get("model") not in SPEAKERS:
            raise refuse(f"The model '{body.get('model')}' does not exist.", "model", "model_not_found", 404)
        for name in ("input", "voice"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise refuse(f"Missing required parameter: '{name}'.", name)
        format = body.get("response_format", "mp3")
        data, kind = await asyncio.to_thread(
            sounds.speech, body["input"], body["voice"], format, body.get("speed", 1.0)
        )
        await self._work_done()
        if self.world.faults.take("empty", "submit"):
            data = b""
        sent = self.file(data, _TYPES.get(format, kind), self.world.now())
        sent.headers["x-request-id"] = self._request_id()
        return sent

    async def _transcribe(self, asked: Asked) -> web.Response:
        return await self._listen(asked, "transcribe")

    async def _translate(self, asked: Asked) -> web.Response:
        return await self._listen(asked, "translate")

    async def _listen(self, asked: Asked, task: str) -> web.Response:
        fields = _fields(asked)
        if fields.get("model") not in LISTENERS:
            raise refuse(f"The model '{fields.get('model')}' does not exist.", "model", "model_not_found", 404)
        try:
            said = await asyncio.to_thread(sounds.heard, _file(asked, "file"))
        except sounds.NoSound as gone:
            raise refuse("Invalid file format.", "file") from gone
        await self._work_done()
        if self.world.faults.take("empty", "submit"):
            return self._sent({"usage": {"type": "duration", "seconds": 1}})
        granularities = [str(each) for each in asked.form.get("timestamp_granularities[]", ["segment"])]
        answer = transcript(said, fields, task, granularities)
        if isinstance(answer, str):
            return web.Response(text=answer, headers={"x-request-id": self._request_id()})
        if self.world.faults.take("named_code", "submit") and "language" in answer:
            answer = {name: value for name, value in answer.items() if name != "task"} | {"language": "en"}
        return self._sent(answer)

    async def _chat(self, asked: Asked) -> web.StreamResponse:
        faults = self.world.faults
        chat = Chat(asked.json, int(self.world.unix_s()))
        finished = not faults.take("unfinished", "submit")
        if chat.streams:
            failure = self.refusals["failed"]
            headers = {"x-request-id": self._request_id(), "openai-version": "2020-10-01"}
            return Stream(chat.events(failure, finished=finished), faults, self.world.pace_s, headers)
        await self._work_done()
        return streams.packed(self._sent(chat.whole(finished=finished)), faults)

    async def _models(self, _asked: Asked) -> web.Response:
        return self._sent(models())

    async def _work_done(self) -> None:
        work = Work(self.world)
        self._work.add(work)
        try:
            work.begin(self.world.pace_s)
            await work.end()
        finally:
            self._work.discard(work)

    def _sent(self, body: Any) -> web.Response:
        response = web.json_response(body)
        response.headers["x-request-id"] = self._request_id()
        response.headers["openai-version"] = "2020-10-01"
        return response

    def _request_id(self) -> str:
        self._asked += 1
        return f"req_fake{self._asked:06d}"


def _fields(asked: Asked) -> dict[str, Any]:
    """A form as the JSON it stands for, without its files."""
    return {name: values[0] for name, values in asked.form.items() if isinstance(values[0], str)}


def _file(asked: Asked, *names: str) -> bytes:
    """The one file under any of these names. Raises Refusal."""
    found = [value for name in names for value in asked.form.get(name, ()) if isinstance(value, bytes)]
    if len(found) != 1:
        raise refuse(f"Missing required parameter: '{names[0]}'.", names[0])
    return found[0]


def _picture(asked: Asked, *names: str) -> Image.Image:
    data = _file(asked, *names)
    try:
        return drawing.opened(data)
    except drawing.NoPicture as gone:
        raise refuse("Invalid image file.", names[0]) from gone
