import numpy as np
import pytest
from PIL import Image

from tests.workers.engines.image.looking import apart, pixels
from workers.engines.image.looks import LOOKS
from workers.engines.picture import variation


@pytest.fixture
def board() -> Image.Image:
    squares = (np.indices((120, 200)) // 20).sum(axis=0) % 2
    return Image.fromarray((squares * 200 + 20).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("size", [(200, 120), (97, 61), (64, 300)])
def test_a_picture_moved_is_full_and_as_large(board: Image.Image, size: tuple[int, int]) -> None:
    for seed in range(4):
        moved = variation.moved(board.resize(size), np.random.default_rng(seed), 1.0)
        assert moved.size == size
        assert pixels(moved).min(axis=2).mean(axis=0).min() > 10, "no column is empty"


def test_the_stronger_the_further(board: Image.Image) -> None:
    far = [apart(board, variation.moved(board, np.random.default_rng(1), strength)) for strength in (0.1, 0.4, 1.0)]
    assert far[0] < far[1] < far[2]
    mood = variation.mood(np.random.default_rng(1))
    before = pixels(board) / 255
    lit = [float(np.abs(variation.lit(before, mood, strength) - before).mean()) for strength in (0.0, 0.4, 1.0)]
    assert lit[0] == 0
    assert lit[1] < lit[2]


def test_a_seed_decides_and_the_next_decides_otherwise() -> None:
    moods = [variation.mood(np.random.default_rng(seed)) for seed in range(20)]
    assert moods[3] == variation.mood(np.random.default_rng(3))
    assert len(set(moods)) == 20


def test_every_touch_is_a_look() -> None:
    assert set(variation.TOUCHES) <= set(LOOKS)
