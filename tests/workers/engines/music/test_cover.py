from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from tests.workers.engines.music.clips import generate
from workers.engines.music import cover, lettering
from workers.engines.music.engine import planned
from workers.engines.music.styles import STYLES


def painted(title: str, tags: str = "jazz", seed: int = 1) -> Image.Image:
    plan, _ = planned(generate(seed, title=title, tags=tags))
    return cover.paint(plan)


@pytest.mark.parametrize("genre", sorted(STYLES))
def test_every_genre_has_a_picture_that_is_not_blank(genre: str) -> None:
    pixels = np.asarray(painted("Title", genre), np.float32)
    assert pixels.shape == (1024, 1024, 3)
    assert pixels.std() > 15
    blocks = pixels[:1024].reshape(8, 128, 8, 128, 3).mean(axis=(1, 3)).reshape(64, 3)
    assert len({tuple((block // 12).astype(int)) for block in blocks}) > 12


def test_both_sizes_show_the_same(tmp_path: Path) -> None:
    plan, _ = planned(generate(1, title="One", tags="jazz"))
    large, small = (Path(artifact.path) for artifact in cover.write(plan, tmp_path))
    with Image.open(large) as one, Image.open(small) as other:
        assert (one.size, other.size) == ((1024, 1024), (512, 512))
        difference = np.asarray(ImageChops.difference(one.resize((512, 512), Image.Resampling.BOX), other), np.float32)
    assert difference.mean() < 2


def test_a_title_that_cannot_be_drawn_leaves_the_picture_as_it_is() -> None:
    plain = Image.linear_gradient("L").convert("RGB")
    assert lettering.set_title(plain, "月光", "jazz", (0, 0, 0)).tobytes() == plain.tobytes()


def test_two_titles_and_two_seeds_give_different_pictures() -> None:
    base = painted("One")
    for other in (painted("Two"), painted("One", seed=2)):
        difference = np.asarray(ImageChops.difference(base, other), np.float32)
        assert difference.mean() > 8


def test_the_same_song_has_the_same_cover() -> None:
    assert painted("One").tobytes() == painted("One").tobytes()


@pytest.mark.parametrize(
    ("title", "drawn"),
    [
        ("Alive Tonight", "Alive Tonight"), ("  Über  allen ", "Uber allen"), ("Fire 🔥", "Fire"), ("月光", ""),
        ("Love 爱", "Love"), ("爱Love爱", "Love"), ("🔥🔥", ""), ("", ""), ("a\ud800b", "ab"), ("Straße", "Strasse"),
        ("Ночь in Moscow", "in Moscow"), ("“Don’t” … 東京", '"Don\'t" ...'), ("— 月 —", ""),
    ],
)  # fmt: skip
def test_only_what_the_font_can_draw_is_drawn(title: str, drawn: str) -> None:
    assert lettering.drawable(title) == drawn


@pytest.mark.parametrize("title", ["A", "Word " * 30, "Donaudampfschifffahrtsgesellschaft" * 3])
def test_titles_of_any_length_stay_inside_the_picture(title: str) -> None:
    plain = Image.new("RGB", (512, 512), (120, 120, 120))
    lettered = np.asarray(lettering.set_title(plain, title, "jazz", (120, 120, 120)), np.int16)
    bright = np.argwhere(lettered.min(axis=2) > 200)
    assert len(bright) > 50
    assert bright[:, 1].min() > 20
    assert bright[:, 1].max() < 492
    assert bright[:, 0].max() < 505
