"""The ways to have something made elsewhere: one for each adapter; three for OpenAI's, which answers in three ways."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storage.completions import BODY
from storage.job import Kind
from tests.api.recordings import wav
from tests.workers.upstream.bench import SONG


class Way(NamedTuple):
    """By which adapter, what, and as what it is asked for.

    `submits`, `polls`: how these requests begin; `polls` is empty where the answer is the result. `pays`: whether it
    costs something. `lists`: whether a submission that was lost can be looked for. `input`: what the caller sent along.
    `writes`: whether what is made is text in the job's record, and no file.
    """

    family: str
    kind: Kind
    request: Mapping[str, Any]
    model: str
    submits: bytes
    polls: bytes = b""
    items: int = 1
    pays: bool = True
    lists: bool = False
    input: bytes = b""
    writes: bool = False

    @property
    def polled(self) -> bool:
        return bool(self.polls)

    @property
    def sorts(self) -> set[str]:
        """Which steps it takes (`Step.of`)."""
        kept = "polled" if self.polled else "told" if self.writes else "spooled"
        return {"all", kept, "polled" if self.polled else "answering", "told" if self.writes else "stored"}


def _song(family: str, submits: bytes, polls: bytes, **more: Any) -> Way:
    usual: dict[str, Any] = {"model": "chirp-v3-0", "items": 2}
    return Way(family, Kind.MUSIC_GENERATE, SONG, submits=submits, polls=polls, **(usual | more))


def _picture(family: str, model: str, side: int, submits: bytes, **more: Any) -> Way:
    asked = {"prompt": "a fox", "width": side, "height": side, "steps": 1, "format": "png", "seed": 3}
    return Way(family, Kind.IMAGE_GENERATE, asked, model, submits, items=2, **more)


_SPOKEN = {"input": "The tide comes in.", "voice": "alloy", "response_format": "mp3", "speed": 1.0}
_HEARD = {"task": "transcribe"}
_ASKED = {"model": "any", "messages": [{"role": "user", "content": "say: Hello"}]}

WAYS = {
    "suno": _song("suno", b"POST /api/generate/", b"GET /api/feed/?ids", lists=True),
    "suno_relay": _song("suno_relay", b"POST /suno/submit/", b"POST /suno/fetch"),
    "sunoapi": _song("sunoapi", b"POST /api/v1/generate", b"GET /api/v1/generate/record", model="V4"),
    "webui": _picture("webui", "majicmixRealistic_v7", 64, b"POST /sdapi/v1/txt2img", pays=False),
    "openai": _picture("openai", "dall-e-2", 256, b"POST /v1/images/"),
    "openai's speech": Way("openai", Kind.SPEECH, _SPOKEN, "tts-1", b"POST /v1/audio/speech"),
    "openai's chat": Way(
        "openai", Kind.CHAT, {BODY: {**_ASKED, "n": 2}}, "gpt-4o", b"POST /v1/chat/completions", items=2, writes=True
    ),
    "anthropic": Way(
        "anthropic", Kind.CHAT, {BODY: _ASKED}, "claude-haiku-4-5-20251001", b"POST /v1/messages", writes=True
    ),
    "whisper_asr": Way(
        "whisper_asr", Kind.TRANSCRIPTION, _HEARD, "whisper-1", b"POST /asr", pays=False, input=wav(1.0)
    ),
}
