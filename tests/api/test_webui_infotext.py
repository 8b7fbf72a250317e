"""Infotexts: written, put into pictures, read again."""

from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from api.dialects.webui import infotext as webui_infotext
from tests.api.images import picture


def test_what_is_written_is_read_again() -> None:
    pairs = {"Steps": 20, "Sampler": "DPM++ 2M", "CFG scale": 7.5, "Seed": 5, "Size": "512x768", "Model": 'a, "b": c'}
    text = webui_infotext.written("a fox: red\nin snow, Steps: no", "blurry, x: 1", {**pairs, "Hires upscale": None})
    assert text.split("\n")[-1].startswith(
        "Steps: 20, Sampler: DPM++ 2M, CFG scale: 7.5, Seed: 5, Size: 512x768, Model: "
    )
    assert webui_infotext.read(text) == {
        "Prompt": "a fox: red\nin snow, Steps: no",
        "Negative prompt": "blurry, x: 1",
        **{name: str(value) for name, value in pairs.items()},
    }


def test_a_text_of_webui_itself_fills_fields() -> None:
    text = (
        "masterpiece, (fox:1.2)\nNegative prompt: lowres\n"
        "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 5.5, Seed: 42, "
        'Size: 640x832, Model hash: 7c819b6d13, Model: other, VAE: "x, y", Denoising strength: 0.35, Version: v1.6.0'
    )
    assert webui_infotext.fields(text) == {
        "prompt": "masterpiece, (fox:1.2)",
        "negative_prompt": "lowres",
        "sampler_name": "DPM++ 2M Karras",
        "steps": "28",
        "cfg_scale": "5.5",
        "seed": "42",
        "denoising_strength": "0.35",
        "width": 640,
        "height": 832,
    }


@pytest.mark.parametrize(
    "text", ["", "\n", "a: b", "Negative prompt: x", ":" * 1000, 'a: "b', "Size: 1x1, Size: 9999999x1"]
)
def test_what_is_no_infotext_is_a_prompt_at_most(text: str) -> None:
    assert webui_infotext.read(text).keys() == {"Prompt", "Negative prompt"}
    assert "width" not in webui_infotext.fields(text)


def test_half_a_character_stays_the_escape_that_it_was() -> None:
    """An answer that holds one could not be sent."""
    text = 'a fox\nSteps: 20, Seed: 1, VAE: "x\\ud800"'
    assert webui_infotext.read(text)["VAE"] == '"x\\ud800"'


@pytest.mark.parametrize("text", ["a fox\nSteps: 1", "雪中的狐狸\nSteps: 1"])
def test_a_png_carries_it_and_stays_a_picture(text: str) -> None:
    png = webui_infotext.with_text(picture(), text)
    with Image.open(BytesIO(png)) as image:
        image.load()
        assert image.info["parameters"] == text
    assert webui_infotext.texts_of(png) == {"parameters": text}


def test_texts_of_every_kind_are_read_and_very_long_ones_left_out() -> None:
    texts = PngInfo()
    texts.add_text("parameters", "plain")
    texts.add_itxt("provenance", "雪", zip=True)
    texts.add_text("zipped", "packed", zip=True)
    texts.add_text("long", "x" * webui_infotext.MAX_TEXT)
    found = webui_infotext.texts_of(picture(pnginfo=texts))
    assert found == {"parameters": "plain", "provenance": "雪", "zipped": "packed"}
    assert {type(text) for text in found.values()} == {str}


@pytest.mark.parametrize("piece", [" ", "a", "a ", "a:", 'a:"', 'a:"\\"', "a,", ":", "\n", "a/-"])
def test_no_text_takes_long_to_read(piece: str) -> None:
    """With a pattern that goes back and forth, any of these would take minutes."""
    assert webui_infotext.read(piece * (webui_infotext.MAX_TEXT // len(piece)) + "x")


def test_other_formats_stay_as_they_are() -> None:
    for data in (picture(format="JPEG"), picture(format="WEBP"), b""):
        assert webui_infotext.with_text(data, "a fox") == data
