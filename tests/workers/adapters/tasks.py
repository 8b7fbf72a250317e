"""A task of each kind, as an account gets it. `REQUESTS`: what its job holds, as the dialect kept it."""

from typing import Any

from storage.completions import BODY
from storage.ids import output_id
from storage.job import Job, Kind
from workers.adapters.base import Source, Task

JOB = "01890000-0000-7000-8000-000000000000"
CLIP = output_id("01880000-0000-7000-8000-000000000000", 1)
UPSTREAM = Source("up-1", "task-up-1")
"""What `CLIP` is called by the upstream that made it."""

SONG = {"prompt": "[Verse]\nShips come home", "tags": "folk, slow", "title": "Harbour Lights", "mv": "chirp-v4"}

_PICTURE = {"prompt": "a red boat", "negative_prompt": "", "seed": 7, "format": "png", "model": "dall-e-2"}

REQUESTS: dict[Kind, dict[str, Any]] = {
    Kind.MUSIC_GENERATE: {**SONG, "make_instrumental": False},
    Kind.MUSIC_EXTEND: {
        **SONG,
        "continue_clip_id": CLIP,
        "continue_at": 60.5,
        "history": [{"id": CLIP, "continue_at": 60.5, "type": "gen", "source": "web", "infill": False}],
    },
    Kind.MUSIC_CONCAT: {"clip_id": CLIP, "concat_history": [{"id": CLIP, "continue_at": None}]},
    Kind.IMAGE_GENERATE: {**_PICTURE, "steps": 20, "width": 512, "height": 512},
    Kind.IMAGE_EDIT: {**_PICTURE, "steps": 20, "denoising_strength": 0.6},
    Kind.IMAGE_UPSCALE: {"upscaler": "lanczos", "scale": 2.0, "seed": 0, "format": "png"},
    Kind.IMAGE_FACESWAP: {"source_faces_index": [0], "face_index": [0], "seed": 0, "format": "png"},
    Kind.SPEECH: {"input": "hello there", "voice": "alloy", "response_format": "mp3", "speed": 1.0},
    Kind.TRANSCRIPTION: {"task": "transcribe"},
    Kind.CHAT: {BODY: {"model": "any-model", "messages": [{"role": "user", "content": "Hello"}]}},
}
_ITEMS = {Kind.MUSIC_GENERATE: 2, Kind.MUSIC_EXTEND: 2, Kind.IMAGE_GENERATE: 2}
_INPUTS = {
    Kind.IMAGE_EDIT: ("image", "mask"),
    Kind.IMAGE_UPSCALE: ("image",),
    Kind.IMAGE_FACESWAP: ("source_image", "target_image"),
    Kind.TRANSCRIPTION: ("file",),
}
_MODELS = {"image": "majicmixRealistic_v7", "transcription": "whisper-1", "speech": "tts-1", "chat": "gpt-4o"}
_SIZE = (640, 480)


def task(
    kind: Kind, *, model: str | None = None, callback_url: str | None = None, items: int | None = None, **request: Any
) -> Task:
    """A task of this kind. `request` replaces fields of it; None takes one away."""
    model = model or _MODELS.get(kind.partition(".")[0], "chirp-v4")
    asked = {name: value for name, value in {**REQUESTS[kind], **request}.items() if value is not None}
    job = Job(
        id=JOB,
        kind=kind,
        owner="owner",
        dialect="suno",
        model="any-model",
        engine="upstream",
        lane="upstream",
        step="submit",
        request=asked,
        priority=5,
        items=items or _ITEMS.get(kind, 1),
        inputs={name: f"inputs/{JOB}/{name}" for name in _INPUTS.get(kind, ())},
    )
    sizes = {name: _SIZE for name in job.inputs if name != "file"}
    return Task(job=job, model=model, sources={CLIP: UPSTREAM}, callback_url=callback_url, sizes=sizes)
