"""What is asked of each kind of upstream where it is made to fail: small jobs, each with what its account needs."""

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, NamedTuple

from PIL import Image

from storage.completions import BODY
from storage.job import Kind
from tests.api.recordings import wav

SONG = {"prompt": "[Verse]\nThe sea is wide", "tags": "calm folk", "title": "Sea", "make_instrumental": False}
_PICTURE = {"prompt": "a fox", "width": 64, "height": 64, "steps": 1, "format": "png"}
_SPOKEN = {"input": "good morning", "voice": "alloy", "response_format": "mp3", "speed": 1.0}


_CHAT = {"model": "any", "messages": [{"role": "user", "content": "say: good morning"}]}


class Asked(NamedTuple):
    """A job, and the account that makes it. `model`: what the account calls it; `options`: the account's, as TOML."""

    kind: Kind
    model: str
    request: dict[str, Any]
    items: int = 1
    inputs: Mapping[str, bytes] = MappingProxyType({})
    options: str = ""


def _png(colour: str) -> bytes:
    data = BytesIO()
    Image.new("RGB", (96, 96), colour).save(data, "PNG")
    return data.getvalue()


_FACES = {"source_image": _png("teal"), "target_image": _png("coral")}
_SWAP = {"source_faces_index": [0], "face_index": [0], "seed": 0, "format": "png"}

USUAL: dict[str, Asked] = {
    "suno": Asked(Kind.MUSIC_GENERATE, "chirp-v3-0", SONG, 2),
    "suno_relay": Asked(Kind.MUSIC_GENERATE, "chirp-v3-0", SONG, 2),
    "sunoapi": Asked(Kind.MUSIC_GENERATE, "V4", SONG, 2),
    "webui": Asked(Kind.IMAGE_GENERATE, "majicmixRealistic_v7", _PICTURE),
    "openai": Asked(Kind.IMAGE_GENERATE, "dall-e-2", {**_PICTURE, "width": 256, "height": 256}),
    "anthropic": Asked(Kind.CHAT, "claude-haiku-4-5-20251001", {BODY: _CHAT}),
    "whisper_asr": Asked(Kind.TRANSCRIPTION, "base", {"task": "transcribe"}, 1, {"file": wav(0.5)}),
}
"""By the names of adapters."""

OTHERS: dict[str, Asked] = {
    "another checkpoint": USUAL["webui"]._replace(model="juggernautXL_version2"),
    "two pictures": USUAL["webui"]._replace(items=2),
    "four pictures": USUAL["webui"]._replace(items=4),
    "a face swap": Asked(Kind.IMAGE_FACESWAP, "inswapper_128.onnx", _SWAP, 1, _FACES),
    "two of OpenAI's": USUAL["openai"]._replace(items=2),
    "a linked picture": USUAL["openai"]._replace(options='answers = "url"'),
    "speech": Asked(Kind.SPEECH, "tts-1", _SPOKEN),
    "a transcript": Asked(Kind.TRANSCRIPTION, "whisper-1", {"task": "transcribe"}, 1, {"file": wav(0.5)}),
    "a chat": Asked(Kind.CHAT, "gpt-4o", {BODY: _CHAT}),
    "a language": USUAL["whisper_asr"]._replace(request={"task": "detect"}),
    **{
        f"{name}, in 3 s": USUAL[name]._replace(options="timeout_s = 3.0")
        for name in ("webui", "openai", "anthropic", "whisper_asr")
    },
    "a whole": Asked(Kind.MUSIC_CONCAT, "chirp-v3-0", {}, options="concat = true"),
}
"""By what the matrix calls them, where it is not the usual that is asked for."""
