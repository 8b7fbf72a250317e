"""A song that is sung, made once, with its recordings in a folder of its own; and recordings as the voice would leave
them, made of sine waves, for what can be tested without the voice.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.engines.music.clips import Clip, Make, generate
from workers.engines.music.vocals import recordings, speaking

WORDS = """[Verse]
Walking in the summer rain
Every star above the sea

[Chorus]
The river runs beneath the bridge at night
And I remember all the words you said

[Chorus]
The river runs beneath the bridge at night
And I remember all the words you said
"""


@pytest.fixture(scope="session")
def voice() -> None:
    """Skips where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GATEWAY_SINGING", raising=False)
        if told := speaking.missing():
            pytest.skip(told)


@pytest.fixture(scope="session")
def spoken_lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where recordings are kept for this run."""
    folder = tmp_path_factory.mktemp("spoken-lines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "folder", lambda: folder)
        yield folder


@pytest.fixture(scope="session")
def sing(voice: None, spoken_lines: Path, make: Make) -> Make:
    """Make a clip with singing on."""

    def made(task: dict[str, Any]) -> Clip:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("GATEWAY_SINGING", raising=False)
            return make(task)

    return made


@pytest.fixture(scope="session")
def sung_song(sing: Make) -> Clip:
    return sing(generate(7, prompt=WORDS, tags="pop, 112 bpm, female vocals", title="The River"))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The symbols that the voice speaks from now on."""
    from workers.engines.speech.kokoro import Kokoro, Timed

    spoken: list[str] = []
    speak: Callable[..., Timed] = Kokoro.timed

    def watched(self: Kokoro, symbols: str, voice: str, speed: float = 1.0) -> Timed:
        spoken.append(symbols)
        return speak(self, symbols, voice, speed)

    monkeypatch.setattr(Kokoro, "timed", watched)
    return spoken


def plan_of(clip: Clip) -> Any:
    return json.loads((clip.folder / "plan.json").read_bytes())


def hummed(frames: Sequence[int], symbols: str) -> bytes:
    """A recording in which vowels are a harmonic tone of 180 Hz, and all else is soft noise."""
    from workers.engines.music.vocals.syllables import FRAME_S, LEAD_S, VOWELS

    rate = 24_000
    total = round(sum(frames) * FRAME_S * rate)
    seconds = np.arange(total) / rate
    tone = sum(np.sin(2 * np.pi * 180 * n * seconds) / n for n in range(1, 25))
    loud, at = np.zeros(total), frames[0]
    for symbol, count in zip(symbols, frames[1:-1], strict=True):
        start, stop = (round((frame * FRAME_S - LEAD_S) * rate) for frame in (at, at + count))
        loud[start:stop] = symbol in VOWELS
        at += count
    smooth = np.convolve(loud, np.hanning(480) / np.hanning(480).sum(), "same")
    noise = np.random.default_rng(1).standard_normal(total) * 0.002
    return bytes(np.asarray((0.15 * smooth * tone + noise) * 32767, "<i2").tobytes())
