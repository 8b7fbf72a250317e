"""How OpenAI words errors, lists of models, and what it takes and answers. Source: shared/protocols/openai.md."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from cli.fakes.family import Refusal
from cli.fakes.sounds import Heard, segment

PAINTERS = ("dall-e-2", "dall-e-3", "gpt-image-1")
SPEAKERS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
LISTENERS = ("whisper-1", "gpt-4o-transcribe")
CHATTERS = ("gpt-3.5-turbo", "gpt-4o", "gpt-4o-mini", "o4-mini")

_SIZES = {
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
}
_MOST = {"dall-e-3": 1}


class Pictures(NamedTuple):
    """What a request for pictures asks for. `sized`: it says how large."""

    model: str
    prompt: str
    n: int
    size: tuple[int, int]
    sized: bool
    answers: str
    format: str
    quality: str | None

    @property
    def inline(self) -> bool:
        return self.model.startswith("gpt-image")

    @property
    def revises(self) -> bool:
        return self.model == "dall-e-3"


def error(
    status: int,
    message: str,
    code: str | None,
    param: str | None = None,
    *,
    type: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    body = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return Refusal(status, body, {"x-request-id": "req_fakerefused", **(headers or {})})


def refuse(message: str, param: str, code: str = "invalid_value", status: int = 400) -> Refusal:
    return error(status, message, code, param)


def models() -> dict[str, Any]:
    listed = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "fake"}
        for name in (*PAINTERS, *SPEAKERS, *LISTENERS, *CHATTERS)
    ]
    return {"object": "list", "data": listed}


def images_asked(body: Mapping[str, Any], known: Collection[str]) -> Pictures:
    """JSON, or a form, whose numbers are words. Raises Refusal."""
    model, prompt = body.get("model") or "dall-e-2", body.get("prompt")
    if model not in known:
        raise refuse(f"The model '{model}' does not exist.", "model", "model_not_found", 404)
    if not isinstance(prompt, str) or not prompt:
        raise refuse("Missing required parameter: 'prompt'.", "prompt")
    n, size = int(body.get("n") or 1), body.get("size") or "auto"
    if not 1 <= n <= _MOST.get(model, 10):
        raise refuse(f"Invalid n: {n}.", "n")
    if size != "auto" and size not in _SIZES.get(model, (size,)):
        raise refuse(f"Invalid value: '{size}'.", "size")
    if model.startswith("gpt-image") and body.get("response_format"):
        raise refuse("Unknown parameter: 'response_format'.", "response_format", "unknown_parameter")
    width, _, height = ("1024x1024" if size == "auto" else size).partition("x")
    format = body.get("output_format") or "png"
    return Pictures(
        model,
        prompt,
        n,
        (int(width), int(height)),
        size != "auto",
        body.get("response_format") or "url",
        format if model.startswith("gpt-image") else "png",
        body.get("quality"),
    )


def transcript(said: Heard, fields: Mapping[str, Any], task: str, granularities: Sequence[str]) -> dict[str, Any] | str:
    """In the format asked for: JSON or text. Raises Refusal for one that the model has not."""
    format, text = fields.get("response_format", "json"), said.text.strip()
    if format == "text":
        return text + "\n"
    if fields["model"] != "whisper-1":
        if format != "json":
            raise refuse(f"response_format '{format}' is not compatible with the model.", "response_format")
        usage = {"type": "tokens", "input_tokens": 14, "output_tokens": len(text.split()), "total_tokens": 0}
        return {"text": text, "usage": usage}
    usage = {"type": "duration", "seconds": round(said.duration_s)}
    if format == "json":
        return {"text": text, "usage": usage}
    if format != "verbose_json":
        raise refuse(f"Invalid value: '{format}'.", "response_format")
    told: dict[str, Any] = {"task": task, "language": "english", "duration": said.duration_s, "text": text}
    if "word" in granularities:
        told["words"] = [
            {"word": one.word.strip(" ."), "start": one.start, "end": one.end}
            for phrase in said.phrases
            for one in phrase.words
        ]
    if "segment" in granularities:
        told["segments"] = [segment(number, phrase) for number, phrase in enumerate(said.phrases)]
    return {**told, "usage": usage}
