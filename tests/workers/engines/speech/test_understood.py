"""What is spoken is understood: a recogniser writes down what it hears. It needs its own package and weights."""

import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from tests.workers.engines.speech.conftest import Speak
from workers.engines.transcription import weights

SENTENCES = {
    "en": "The harbor was quiet, and nobody saw the small boat leave.",
    "es": "El viejo pescador caminaba despacio por la orilla.",
    "fr": "La petite fille regarde les étoiles depuis la fenêtre.",
    "zh": "昨天晚上我们一起吃了一顿很好吃的晚饭。",
}
MOST_WRONG = {"en": 0.1, "es": 0.1, "fr": 0.1, "zh": 0.2}


@pytest.fixture(scope="module")
def whisper() -> Any:
    if not (find_spec("faster_whisper") and weights.are_here()):
        pytest.skip("no recogniser here: install ai-gateway[transcription]")
    faster_whisper: Any = import_module("faster_whisper")
    return faster_whisper.WhisperModel(str(weights.folder()), device="cpu", compute_type="int8", cpu_threads=1)


@pytest.mark.parametrize("language", list(SENTENCES))
def test_its_own_speech_is_written_down_again(language: str, speak: Speak, whisper: Any) -> None:
    made = speak(SENTENCES[language], voice="alloy")
    segments, _ = whisper.transcribe(made.artifacts[0].path, language=language, beam_size=5)
    heard = units("".join(segment.text for segment in segments), language)
    meant = units(SENTENCES[language], language)
    assert distance(meant, heard) <= MOST_WRONG[language] * len(meant), heard


def units(text: str, language: str) -> list[str]:
    """Characters of Chinese, words of everything else."""
    return re.findall(r"\w" if language == "zh" else r"[\w']+", text.lower())


def distance(one: list[str], other: list[str]) -> int:
    """Insertions, deletions and changes between them (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, 1):
        row, above = [at], row
        for column, right in enumerate(other, 1):
            row.append(min(above[column - 1] + (left != right), above[column] + 1, row[-1] + 1))
    return row[-1]
