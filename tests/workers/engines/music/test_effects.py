from collections.abc import Callable

import numpy as np
import pytest

from workers.engines.music import effects
from workers.engines.music.effects import Signal

N = 60_000


def noise(seed: int, n: int = N) -> Signal:
    return (np.random.default_rng(seed).standard_normal(n) * 0.3).astype(np.float32)


EFFECTS: dict[str, Callable[[Signal], Signal]] = {
    "low pass": lambda x: effects.low_pass(x, 200),
    "low pass, lowest": lambda x: effects.low_pass(x, 20),
    "high pass": lambda x: effects.high_pass(x, 110),
    "shelf": lambda x: effects.shelf(x, 2500, 8),
    "soft clip": effects.soft_clip,
    "saturate": lambda x: effects.saturate(x, 0.5),
    "echoes": lambda x: effects.echoes(x, ((11.3, 0.5), (83.9, 0.1))),
    "compressor": lambda x: x * effects.compressor(x, x, -17, 2.5),
}


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS.keys())
@pytest.mark.parametrize("cut", [1, 479, 20_001, 48_000])
def test_an_effect_hears_only_the_past_bit_for_bit(effect: Callable[[Signal], Signal], cut: int) -> None:
    one, other = noise(1), noise(2, N + 777)
    other[:cut] = one[:cut]
    assert np.array_equal(effect(one)[:cut], effect(other)[:cut])


@pytest.mark.parametrize("hz", [20, 110, 2500, 9000])
def test_the_low_pass_is_the_recursive_one(hz: float) -> None:
    x, level = noise(3, 20_000), 0.0
    pole = np.exp(-2 * np.pi * hz / 48_000)
    expected = np.empty(len(x))
    for index, value in enumerate(x.tolist()):
        level = pole * level + (1 - pole) * value
        expected[index] = level
    assert np.abs(effects.low_pass(x, hz) - expected).max() < 1e-4


def test_the_soft_clip_bounds_what_it_gets_and_leaves_quiet_sound_alone() -> None:
    assert np.abs(effects.soft_clip(noise(4) * 100)).max() < 1.000001
    quiet = noise(5) * np.float32(0.05)
    assert np.abs(effects.soft_clip(quiet) - quiet).max() < 3e-4 + 0.02 * np.abs(quiet).max()


def test_the_compressor_turns_down_what_is_loud() -> None:
    loud, quiet = np.full(N, 0.9, np.float32), np.full(N, 0.01, np.float32)
    assert effects.compressor(loud, loud, -17, 2.5)[-1] < 0.5
    assert effects.compressor(quiet, quiet, -17, 2.5)[-1] == 1


def test_the_pump_dips_at_each_hit_and_comes_back() -> None:
    gain = effects.pump(N, [10_000], 0.6)
    assert gain[9_999] == 1
    assert gain[10_300] == pytest.approx(0.4, abs=0.02)
    assert gain[30_000] == 1
