"""Kokoro-82M: symbols and a voice in, sound out. A network in ONNX, run on the processor."""

import os
from importlib import import_module
from typing import Any, NamedTuple

from workers.engines.speech import weights
from workers.engines.speech.phonemes import tokens

RATE = 24_000
"""Samples a second, mono. Source: Kokoro-82M's model card."""

FRAME = 600
"""Samples in which the network counts how long a symbol lasts. Seen: every sound is 600 times the sum of its counts."""

MOST = 510
"""Symbols in one call. Source: the positions of its text encoder, 512, less the two ends."""

_BREAK = ".!?…;:,— "

_SOUND, _FRAMES = "audio", "/encoder/Cast_output_0"
"""The network's own output, and the tensor inside it that says how many frames each symbol lasts."""


class Timed(NamedTuple):
    """Sound, and what it was made from. `frames`: one count for each symbol, one before and one behind them."""

    symbols: str
    samples: Any
    frames: list[int]


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
            _showing(weights.network(), _FRAMES), options, providers=["CPUExecutionProvider"]
        )

    def speak(self, symbols: str, voice: str, speed: float = 1.0) -> Any:
        """Sound for symbols of the vocabulary, shape (n,), float32, about -1..1. `speed` is good from 0.5 to 2."""
        import numpy as np

        said = [self._run(window, voice, speed, [_SOUND])[0] for window in windows(symbols)]
        return np.concatenate(said) if said else np.zeros(0, np.float32)

    def timed(self, symbols: str, voice: str, speed: float = 1.0) -> Timed:
        """The same for one window of symbols, MOST at the most, and how long each of them lasts."""
        samples, frames = self._run(symbols, voice, speed, [_SOUND, _FRAMES])
        return Timed(symbols, samples, [int(count) for count in frames])

    def _run(self, window: str, voice: str, speed: float, outputs: list[str]) -> list[Any]:
        import numpy as np

        styles, numbers = weights.voice(voice), tokens(window)
        inputs = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": styles[min(len(numbers), len(styles)) - 1][None],
            "speed": np.array([speed], np.float32),
        }
        made = self._session.run(outputs, inputs)
        return [np.asarray(made[0], np.float32).ravel(), *(np.asarray(rest).ravel() for rest in made[1:])]


def _showing(network: bytes, tensor: str) -> bytes:
    """`network`, with `tensor` as one more output.

    A message of Protocol Buffers that is appended is merged into the one before it, so an ONNX file need not be read
    to be given another output: ModelProto.graph (7) { output (12) { name (1) } }. Source: onnx.proto; protobuf.dev,
    "Encoding", "Last One Wins".
    """
    message = tensor.encode()
    for tag in (b"\x0a", b"\x62", b"\x3a"):
        message = tag + bytes([len(message)]) + message  # a length under 128 is one byte
    return network + message


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
