"""What callers sent, in the shape that upstreams read."""

from io import BytesIO

import pytest
import soundfile
from PIL import Image, ImageDraw

from storage.errors import InvalidRequest
from tests.api.images import encoded, picture
from tests.workers.adapters.asking import CUT_OUT
from workers.adapters.base import Field, Given
from workers.adapters.given import titled, turned


def opened(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        assert image.format == "PNG"
        image.load()
        return image.copy()


def test_what_needs_no_turning_stays_as_it_is() -> None:
    assert turned(Given("file"), b"anything") == b"anything"
    assert turned(Given("image", turn="png"), CUT_OUT) is CUT_OUT


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_any_picture_becomes_a_png(format: str) -> None:
    assert opened(turned(Given("image", turn="png"), picture((96, 64), format))).size == (96, 64)


def test_transparency_becomes_white() -> None:
    mask = opened(turned(Given("mask", turn="white_where_clear"), CUT_OUT))
    assert (mask.mode, mask.getpixel((10, 30)), mask.getpixel((80, 30))) == ("L", 0, 255)


def test_a_mask_that_is_nowhere_transparent_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no transparent part"):
        turned(Given("mask", turn="white_where_clear"), picture())


def test_a_picture_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    assert opened(turned(Given("image", turn="png"), picture((96, 64), "JPEG", exif=exif))).size == (64, 96)


def test_white_becomes_transparent_or_black_does() -> None:
    mask = Image.new("RGB", (100, 60))
    ImageDraw.Draw(mask).rectangle((50, 0, 99, 59), fill=(255, 255, 255))
    white = opened(turned(Given("mask", turn="clear_where_white"), encoded(mask))).getchannel("A")
    black = opened(turned(Given("mask", turn="clear_where_black"), encoded(mask))).getchannel("A")
    assert (white.getpixel((10, 30)), white.getpixel((80, 30))) == (255, 0)
    assert (black.getpixel((10, 30)), black.getpixel((80, 30))) == (0, 255)


def test_a_mask_turned_there_and_back_is_the_same() -> None:
    mask = Image.linear_gradient("L")
    clear = turned(Given("mask", turn="clear_where_white"), encoded(mask))
    assert opened(turned(Given("mask", turn="white_where_clear"), clear)).tobytes() == mask.tobytes()


def test_what_is_no_picture_is_refused_by_its_name() -> None:
    for data in (b"", b"no picture", picture()[:60]):
        with pytest.raises(InvalidRequest) as refused:
            turned(Given("mask", turn="white_where_clear"), data)
        assert refused.value.field == "mask"


def test_sound_without_a_head_becomes_a_wav() -> None:
    samples, rate = soundfile.read(BytesIO(turned(Given("file", turn="wav"), b"\x00\x40" * 1600)))
    assert (rate, len(samples), samples[0]) == (16_000, 1600, 0.5)


@pytest.mark.parametrize(
    ("data", "called"),
    [
        (b"RIFF....WAVEfmt ", "recording.wav"),
        (b"fLaC....", "recording.flac"),
        (b"OggS....", "recording.ogg"),
        (b"ID3\x04....", "recording.mp3"),
        (b"\xff\xfb\x90\x64", "recording.mp3"),
        (b"....ftypM4A ", "recording.m4a"),
        (b"....ftypisom", "recording.mp4"),
        (b"\x1aE\xdf\xa3", "recording.webm"),
        (b"\xff\xf1\x50\x80", "recording"),  # AAC, whose name helps nobody
        (b"", "recording"),
    ],
)
def test_a_recording_is_called_by_what_it_is(data: bytes, called: str) -> None:
    assert titled(Field("file", Given("file"), "recording", "application/octet-stream"), data)[0] == called


def test_what_has_an_end_to_its_name_keeps_it() -> None:
    assert titled(Field("image", Given("image"), "image.png", "image/png"), b"ID3") == ("image.png", "image/png")
    assert titled(Field("model", "whisper-1"), b"whisper-1") == (None, None)
