"""Pictures from outside: bombs, torsos and junk are refused by name, and the pixels are counted first."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import EngineMisproduced, InvalidRequest, TooLarge
from workers.engines.base import Artifact
from workers.engines.picture import writing
from workers.engines.picture.reading import flattened, opened


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few hundred bytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 4096)))
    return path


@pytest.mark.parametrize("size", [(6400, 6400), (30_000, 30_000), (2**31 - 1, 2)])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises((TooLarge, InvalidRequest)) as refused:
        opened(bomb(tmp_path / "bomb.png", *size), "init_images")
    assert refused.value.field == "init_images"


@pytest.mark.parametrize("kept", [0, 7, 20, 0.3, 0.6, 0.98])
@pytest.mark.parametrize("name", ["astronaut.jpg", "astronaut.png"])
def test_a_torso_is_refused(astronaut: Path, tmp_path: Path, name: str, kept: float) -> None:
    whole = tmp_path / f"whole {name}"
    with Image.open(astronaut) as image:
        image.save(whole)
    data = whole.read_bytes()
    (tmp_path / name).write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])
    with pytest.raises(InvalidRequest) as refused:
        opened(tmp_path / name, "mask")
    assert refused.value.field == "mask"


@pytest.mark.parametrize("junk", [b"", b"GIF89a", b"<svg/>", b"\x00" * 100, b"%PDF-1.4", b"RIFF\0\0\0\0WEBPVP8 "])
def test_junk_is_refused(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "junk").write_bytes(junk)
    with pytest.raises(InvalidRequest):
        opened(tmp_path / "junk", "image")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_is_read(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (40, 30), (200, 30, 30)).convert("L" if mode == "I;16" else mode).save(tmp_path / f"one.{suffix}")
    assert flattened(opened(tmp_path / f"one.{suffix}", "image")).mode == "RGB"


@pytest.mark.parametrize(
    ("kind", "suffix"), [(np.uint16, "png"), (np.uint16, "tif"), (np.int32, "tif"), (np.float32, "tif")]
)
def test_more_than_eight_bits_are_scaled_and_not_cut_off(tmp_path: Path, kind: type, suffix: str) -> None:
    values = np.linspace(0, 65535, 2000).reshape(40, 50)
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray((values / 65535 if kind is np.float32 else values).astype(kind)).save(path)
    read = np.asarray(opened(path, "image"), np.int16)[..., 0]
    assert np.abs(read - values / 257).max() <= 1


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_a_moving_picture_the_first_frame_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:], duration=40)
    assert np.asarray(opened(tmp_path / f"moving.{suffix}", "image"))[15, 20, :3].tolist() == pytest.approx(
        [255, 0, 0], abs=3
    )


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "tif", "webp"])
def test_damage_is_refused_or_got_over_and_never_breaks(astronaut: Path, tmp_path: Path, suffix: str) -> None:
    whole, torn = tmp_path / f"whole.{suffix}", tmp_path / f"torn.{suffix}"
    with Image.open(astronaut) as image:
        image.resize((64, 66)).save(whole)
    rng = np.random.default_rng(1)
    for turn in range(40):
        data = np.frombuffer(whole.read_bytes(), np.uint8).copy()
        data[rng.integers(0, len(data) if turn % 2 else 160, 5)] = rng.integers(0, 256, 5)
        torn.write_bytes(data.tobytes())
        with suppress(InvalidRequest, TooLarge):
            assert opened(torn, "image").mode in ("RGB", "RGBA")


def test_a_turned_photograph_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "turned.jpg", exif=exif)
    assert opened(tmp_path / "turned.jpg", "image").size == (30, 40)


def test_a_picture_too_small_to_work_on_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (15, 400)).save(tmp_path / "thin.png")
    with pytest.raises(InvalidRequest, match="16 pixels"):
        opened(tmp_path / "thin.png", "image")


@pytest.fixture
def about() -> writing.Provenance:
    return writing.Provenance("illustrator", "dall-e-2", "algorithmicMedia")


def test_a_blank_result_is_none(tmp_path: Path, about: writing.Provenance) -> None:
    blank = writing.write(Image.new("RGB", (64, 64), "grey"), tmp_path, format="png", quality=90, about=about)
    with pytest.raises(EngineMisproduced, match="blank"):
        writing.check(blank)


def test_the_input_handed_back_is_no_result(tmp_path: Path, astronaut: Path, about: writing.Provenance) -> None:
    with Image.open(astronaut) as image:
        same = writing.write(image, tmp_path, format="png", quality=90, about=about)
        with pytest.raises(EngineMisproduced, match="the one that was given"):
            writing.check(same, image)
        writing.check(same, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def test_a_result_of_another_size_or_in_pieces_is_none(
    tmp_path: Path, astronaut: Path, about: writing.Provenance
) -> None:
    with Image.open(astronaut) as image:
        made = writing.write(image, tmp_path, format="png", quality=90, about=about)
    with pytest.raises(EngineMisproduced, match="320 × 330"):
        writing.check(Artifact("main", made.path, made.content_type, width_px=640, height_px=660))
    Path(made.path).write_bytes(Path(made.path).read_bytes()[:2000])
    with pytest.raises(EngineMisproduced, match="read back"):
        writing.check(made)
