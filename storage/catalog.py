"""Which models callers may name, and what serves each. The default lists every name on the protocols' own pages.

An operator's catalog replaces it: a TOML file of tables such as

    [models."chirp-v3-0"]
    family = "music"
    engine = "composer"
    default = true

    [samplers]
    "My old sampler" = "Euler a"
"""

import tomllib
from pathlib import Path
from typing import Literal, NamedTuple, Self

import msgspec

from storage.errors import InvalidRequest, UnknownModel
from storage.rules import CHAT, PARTS, UPSTREAM


class Engine(NamedTuple):
    """What makes things: where its class is ('' if it does not run here), which lane and step serve it, and how it
    calls itself.

    `memory_mb`: the most its process may take. `stall_s`: how long it may work without saying how far it has come.
    `divides`: large jobs become parts (`storage/parts.py`).
    """

    spec: str
    lane: str
    step: str
    label: str
    memory_mb: int = 1500
    stall_s: float = 60.0
    divides: bool = False

    @property
    def lanes(self) -> tuple[str, ...]:
        """Those that have to be served for its jobs to be done."""
        return (self.lane, PARTS) if self.divides else (self.lane,)


ELSEWHERE = "upstream"
"""The engine of jobs that go to accounts."""

ENGINES = {
    "composer": Engine("workers.engines.music.engine:Music", "engines", "render", "composer (embedded)"),
    **{
        name: Engine("workers.engines.picture.engine:Pictures", "engines", "render", f"{name} (embedded)")
        for name in ("illustrator", "upscaler", "faceswap")
    },
    "kokoro": Engine(
        "workers.engines.speech.engine:Speech", "engines", "render", "kokoro-82m (embedded)", stall_s=180.0
    ),
    "whisper": Engine(
        "workers.engines.transcription.engine:Transcription",
        "engines",
        "transcribe",
        "whisper-base (embedded)",
        memory_mb=2500,
        stall_s=180.0,
        divides=True,
    ),
    "smollm2": Engine(
        "workers.engines.chat.engine:Chat", CHAT, "chat", "smollm2-135m (embedded)", memory_mb=1200, stall_s=600.0
    ),
    ELSEWHERE: Engine("", UPSTREAM, "submit", "upstream"),
}


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public model name. `family` is the first word of the kinds it makes, or the one kind; the `default` serves who
    names none. `variant` is what the engine itself calls it, where it has several. `on_disconnect`: what becomes of an
    answer that is being streamed when its reader leaves: "detach" (it is made all the same) or "cancel"."""

    family: str
    engine: str
    default: bool = False
    version: str = ""
    variant: str = ""
    on_disconnect: Literal["detach", "cancel"] = "detach"


IMAGE, UPSCALE, FACESWAP = "image", "image.upscale", "image.faceswap"
SPEECH, TRANSCRIPTION, TALK = "speech", "transcription", "chat"


_CHIRP = {  # every model key a Suno client has been seen to send (shared names; what serves them is ours)
    "chirp-v2-xxl-alpha": "v2",
    "chirp-v3-0": "v3",
    "chirp-v3-5": "v3.5",
    "chirp-v4": "v4",
    "chirp-auk": "v4.5",
    "chirp-auk-turbo": "v4.5",
    "chirp-bluejay": "v4.5+",
    "chirp-crow": "v5",
    "chirp-fenix": "v5.5",
}

_NETWORK = "realesr-animevideov3"
_UPSCALERS = {  # the names that WebUI clients know, and which of ours does the work
    "R-ESRGAN AnimeVideo": _NETWORK,
    "R-ESRGAN 4x+": _NETWORK,
    "R-ESRGAN 4x+ Anime6B": _NETWORK,
    "4x_NMKD-Superscale-SP_178000_G": _NETWORK,
    "ESRGAN_4x": _NETWORK,
    "Lanczos": "lanczos",
    "Nearest": "nearest",
}
_VOICES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro")
_LISTENERS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-base")
_TALKERS = ("smollm2-135m-instruct", "gpt-3.5-turbo", "gpt-4o-mini", "gpt-4o", "claude-3-7-sonnet-20250219")
_CHECKPOINTS = ("majicmixRealistic_v7", "juggernautXL_version2", "dall-e-2", "dall-e-3", "gpt-image-1")

DEFAULT = {
    **{name: Model("music", "composer", name == "chirp-v3-0", version) for name, version in _CHIRP.items()},
    **{name: Model(IMAGE, "illustrator", name == _CHECKPOINTS[0]) for name in _CHECKPOINTS},
    **{
        name: Model(UPSCALE, "upscaler", name == "R-ESRGAN AnimeVideo", variant=variant)
        for name, variant in _UPSCALERS.items()
    },
    "inswapper_128.onnx": Model(FACESWAP, "faceswap", default=True),
    **{name: Model(SPEECH, "kokoro", name == _VOICES[0]) for name in _VOICES},
    **{name: Model(TRANSCRIPTION, "whisper", name == _LISTENERS[0]) for name in _LISTENERS},
    **{name: Model(TALK, "smollm2", name == _TALKERS[0]) for name in _TALKERS},
}


class Catalog:
    """The models of one gateway. `samplers`: names that callers use, and the samplers they stand for."""

    def __init__(self, models: dict[str, Model] = DEFAULT, samplers: dict[str, str] | None = None) -> None:
        self.models, self.samplers = models, samplers or {}

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """The operator's catalog, or the default one. Raises InvalidRequest naming what is wrong with the file."""
        if path is None:
            return cls()
        try:
            tables = tomllib.loads(path.read_text())
            models = msgspec.convert(tables.get("models", {}), dict[str, Model])
            samplers = msgspec.convert(tables.get("samplers", {}), dict[str, str])
        except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"{path}: {error}", field="catalog") from error
        for name, model in models.items():
            if model.engine not in ENGINES:
                raise InvalidRequest(f"{path}: {name} names an unknown engine {model.engine!r}", field="catalog")
        return cls(models, samplers)

    def find(self, name: str | None, family: str) -> tuple[str, Model]:
        """The model called `name`, or the family's default if none was named. Raises UnknownModel."""
        if name:
            model = self.models.get(name)
            if model is None or model.family != family:
                raise UnknownModel(
                    f"no {family} model is called {name!r}; there are: {self._listed(family)}", field="model"
                )
            return name, model
        for candidate in self.names(family):
            if self.models[candidate].default:
                return candidate, self.models[candidate]
        raise UnknownModel(f"name a model; there are: {self._listed(family)}", field="model")

    def names(self, family: str) -> list[str]:
        """What the models of a family are called."""
        return [name for name, model in self.models.items() if model.family == family]

    def _listed(self, family: str) -> str:
        return ", ".join(self.names(family)) or "none"
