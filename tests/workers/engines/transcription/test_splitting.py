from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.workers.engines.transcription.conftest import Run, Signal, write_wav
from workers.engines.transcription.reading import RATE, sound
from workers.engines.transcription.speech import FRAMES_PER_S, regions
from workers.engines.transcription.splitting import cut_after, pieces

Probabilities = np.ndarray[tuple[int], np.dtype[np.float32]]


def heard(*stretches: tuple[float, float]) -> Probabilities:
    """Probabilities of speech: (seconds, how likely) after one another."""
    return np.concatenate([np.full(round(s * FRAMES_PER_S), p, np.float32) for s, p in stretches])


def cut_s(probabilities: Probabilities, target_s: float) -> float:
    return cut_after(probabilities, target_s) / FRAMES_PER_S


def test_nothing_is_cut_before_the_target() -> None:
    assert cut_after(heard((9.9, 0.0)), 10) == 0


def test_the_longest_pause_near_the_target_is_cut_in_its_middle() -> None:
    said = heard((4, 0.9), (2, 0.0), (2, 0.9), (0.4, 0.0), (1, 0.9), (0.6, 0.0), (0.2, 0.9))
    assert cut_s(said, 10) == pytest.approx(9.7, abs=0.1)


def test_a_word_is_waited_for() -> None:
    assert cut_after(heard((11, 0.9)), 10) == 0
    assert cut_s(heard((11, 0.9), (0.4, 0.0), (0.1, 0.9)), 10) == pytest.approx(11.2, abs=0.05)


def test_who_never_pauses_is_cut_where_it_is_least_like_speech() -> None:
    assert cut_s(heard((9, 0.9), (0.3, 0.5), (3.4, 0.9)), 10) == pytest.approx(9.15, abs=0.15)


def test_regions_have_margins_and_bridge_short_pauses() -> None:
    said = heard((2, 0.0), (3, 0.9), (1, 0.1), (2, 0.9), (6, 0.0), (1, 0.9), (2, 0.0))
    assert [tuple(round(second, 1) for second in one) for one in regions(said, 3, 30)] == [(1.7, 8.3), (13.7, 15.3)]
    assert len(regions(said, 3, 5)) == 3
    assert regions(heard((5, 0.1)), 3, 30) == []


def twice(voices: list[Signal], pause_s: float) -> Signal:
    gap = np.zeros(round(pause_s * RATE), np.float32)
    return np.concatenate([part for voice in voices for part in (voice, gap)])


def blocks_of(samples: Signal, size: int) -> Iterator[Signal]:
    for at in range(0, len(samples), size):
        yield samples[at : at + size]


@pytest.mark.parametrize("size", [999, 40_000])
def test_pieces_are_the_whole_and_are_cut_in_pauses(listener: None, spoken: Callable[[str], Signal], size: int) -> None:
    said = twice([spoken("en"), spoken("es"), spoken("fr"), spoken("en")], 1.0)
    cut = list(pieces(blocks_of(said, size), 10.0))
    assert np.array_equal(np.concatenate([one.samples for one in cut]), said)
    assert [one.start_s for one in cut][1:] == [one.end_s for one in cut][:-1]
    assert all(7.5 <= one.end_s - one.start_s <= 12.7 for one in cut[:-1])
    for one in cut[1:]:
        around = said[round((one.start_s - 0.05) * RATE) : round((one.start_s + 0.05) * RATE)]
        assert float(np.sqrt(np.mean(around**2))) < 0.01


def test_a_recording_is_split_into_files_that_are_the_whole(
    run: Run, spoken: Callable[[str], Signal], tmp_path: Path
) -> None:
    said = twice([spoken("en"), spoken("es"), spoken("fr"), spoken("en")], 1.0)
    made = run(write_wav(tmp_path / "long.wav", said), task="split", part_s=30)
    parts = [np.concatenate(list(sound(Path(one.path)))) for one in made.artifacts]
    assert [one.part for one in made.artifacts] == ["part-0", "part-1"]
    assert abs(sum(map(len, parts)) - len(said)) <= 1
    assert float(np.max(np.abs(np.concatenate(parts) - said))) < 0.001
    told = made.metadata["parts"]
    assert told[0]["start_s"] == 0
    assert told[0]["end_s"] == told[1]["start_s"] == pytest.approx(len(parts[0]) / RATE, abs=0.001)
    assert told[1]["end_s"] == made.metadata["duration"] == pytest.approx(len(said) / RATE, abs=0.001)
