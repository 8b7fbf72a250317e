"""The engine with its real network. What it says is measured; whether it is understood, `test_understood.py` asks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from storage.errors import EngineFailed, InvalidRequest
from tests.workers.engines.speech.conftest import Speak
from workers.engines.base import Made
from workers.engines.host import EngineHost
from workers.engines.limits import Limits
from workers.engines.speech import weights
from workers.engines.speech.engine import Speech

ONE = "We can go out now."
TWO = f"The rain has stopped at last. {ONE}"


def task(input: str, **request: Any) -> dict[str, Any]:
    return {"kind": "speech", "request": {"input": input, **request}, "seed": 3}


def samples(path: Path) -> Any:
    import numpy as np

    return np.fromfile(path, "<i2").astype(np.float64) / 32768


class Spoken(NamedTuple):
    """What came of `TWO`; `seen`: at each report, how far it was, and which files lay there."""

    made: Made
    folder: Path
    seen: list[tuple[float, list[str]]]


@pytest.fixture(scope="module")
def two(engine: Speech, tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    """The two sentences, spoken once for all tests that listen to them: a second takes the processor a second."""
    folder = tmp_path_factory.mktemp("two")
    seen: list[tuple[float, list[str]]] = []

    def report(reached: float) -> None:
        seen.append((reached, sorted(path.name for path in folder.iterdir())))

    return Spoken(engine.generate(task(TWO, response_format="pcm", streamed=True), folder, report), folder, seen)


@pytest.fixture(scope="module")
def plain(engine: Speech, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A sentence at its usual speed."""
    return engine.generate(task(ONE, voice="nova"), tmp_path_factory.mktemp("plain"), lambda _: None)


def test_each_sentence_lies_there_before_the_next_is_spoken(two: Spoken) -> None:
    made, folder, seen = two
    first, second, whole = "piece-0001", "piece-0002", "speech.pcm"
    assert [names for _, names in seen[:3]] == [[], [first, whole], [first, second, whole]]
    assert [reached for reached, _ in seen] == sorted(reached for reached, _ in seen)
    assert seen[-1][0] == 1.0
    parts = (folder / first).read_bytes() + (folder / second).read_bytes()
    assert parts == Path(made.artifacts[0].path).read_bytes()
    facts = {"engine": "kokoro", "embedded": True, "voice": "af_alloy", "language": "en-us", "sentences": 2}
    assert facts.items() <= made.metadata.items()


def test_without_a_listener_there_are_no_pieces(plain: Made) -> None:
    assert [path.name for path in Path(plain.artifacts[0].path).parent.iterdir()] == ["speech.mp3"]


def test_it_is_speech_of_a_plausible_length_and_level(two: Spoken) -> None:
    made = two.made
    heard = samples(Path(made.artifacts[0].path))
    assert made.artifacts[0].duration_s == pytest.approx(len(heard) / 24_000, abs=0.001)
    assert 2.0 < len(heard) / 24_000 < 6.0
    assert 0.02 < (heard**2).mean() ** 0.5 < 0.3
    frames = heard[: len(heard) // 240 * 240].reshape(-1, 240)
    quiet = (abs(frames).max(axis=1) < 0.002).mean()
    assert 0.02 < quiet < 0.5  # the pause between the sentences is there, and little more


@pytest.mark.parametrize("speed", [0.5, 2.5])
def test_speed_is_heard(speak: Speak, plain: Made, speed: float) -> None:
    made = speak(ONE, voice="nova", speed=speed)
    usual_s, s = (one.artifacts[0].duration_s or 0 for one in (plain, made))
    assert usual_s / s == pytest.approx(speed, rel=0.3)


def test_a_voice_gives_way_to_one_that_reads_the_text(speak: Speak) -> None:
    made = speak("今天天气很好。", voice="af_heart")
    assert made.metadata["voice"] == "zf_xiaobei"
    assert made.metadata["voice_asked"] == "af_heart"
    assert made.metadata["language"] == "zh"


def test_without_the_voices_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_MODELS", str(tmp_path))
    with pytest.raises(EngineFailed, match="the operator"):
        Speech().load()


@pytest.fixture
async def host() -> AsyncIterator[EngineHost]:
    if told := weights.missing():
        pytest.skip(told)
    host = EngineHost("workers.engines.speech.engine:Speech", limits=Limits(1500, 60))
    yield host
    await host.close()


async def test_in_its_process_it_refuses_speaks_and_is_stopped(host: EngineHost, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await host.generate(task("Hello", voice="nobody"), tmp_path, lambda _: None)
    assert refused.value.field == "voice"

    begun = asyncio.Event()
    speaking = asyncio.create_task(
        host.generate(task(TWO * 20, streamed=True), tmp_path, lambda done: done > 0.03 and begun.set())
    )
    async with asyncio.timeout(60):
        await begun.wait()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert (tmp_path / "piece-0001").stat().st_size > 4_000
