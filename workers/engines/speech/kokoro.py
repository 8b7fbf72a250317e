"""Kokoro-82M: symbols and a voice in, sound out. A network in ONNX, run on the processor."""

import os
from importlib import import_module
from typing import Any

from workers.engines.speech import weights
from workers.engines.speech.phonemes import tokens

RATE = 24_000
"""Samples a second, mono. Source: Kokoro-82M's model card."""

MOST = 510
"""Symbols in one call. Source: the positions of its text encoder, 512, less the two ends."""

_BREAK = ".!?…;:,— "


class Kokoro:
    """The network, loaded. Calls may come from any thread."""

    def __init__(self) -> None:
        onnxruntime: Any = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 2)
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the processor is shared
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            weights.network(), options, providers=["CPUExecutionProvider"]
        )

    def speak(self, symbols: str, voice: str, speed: float = 1.0) -> Any:
        """Sound for symbols of the vocabulary, shape (n,), float32, about -1..1. `speed` is good from 0.5 to 2."""
        import numpy as np

        styles = weights.voice(voice)
        said = []
        for window in windows(symbols):
            numbers = tokens(window)
            inputs = {
                "tokens": np.array([[0, *numbers, 0]], np.int64),
                "style": styles[min(len(numbers), len(styles)) - 1][None],
                "speed": np.array([speed], np.float32),
            }
            said.append(np.asarray(self._session.run(None, inputs)[0], np.float32).ravel())
        return np.concatenate(said) if said else np.zeros(0, np.float32)


def windows(symbols: str, most: int = MOST) -> list[str]:
    """`symbols` in parts that the network takes, cut behind a mark or between words if there are any."""
    parts = []
    while len(symbols) > most:
        head = symbols[:most]
        cuts = [head.rfind(mark) + 1 for mark in _BREAK]
        cut = next((cut for cut in cuts if cut > most // 2), most)
        parts.append(symbols[:cut].strip())
        symbols = symbols[cut:]
    return [part for part in (*parts, symbols.strip()) if part]
