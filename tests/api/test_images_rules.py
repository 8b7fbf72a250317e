"""What each family of image models takes."""

import pytest

from api.dialects.images_rules import STEPS, check_count, check_prompt, quality_of, rules_of, size_of
from storage.errors import InvalidRequest


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("dall-e-2", "dall-e-2"),
        ("dall-e-3", "dall-e-3"),
        ("gpt-image-1", "gpt-image"),
        ("gpt-image-1-mini", "gpt-image"),
        ("majicmixRealistic_v7", ""),
        ("my-dall-e-3", ""),
    ],
)
def test_a_model_is_of_the_family_that_its_name_starts_with(model: str, family: str) -> None:
    assert rules_of(model).family == family


@pytest.mark.parametrize(
    ("model", "most"), [("dall-e-2", 1000), ("dall-e-3", 4000), ("gpt-image-1", 32_000), ("other", 32_000)]
)
def test_a_prompt_may_be_as_long_as_its_family_says(model: str, most: int) -> None:
    assert check_prompt("猫" * most, model)
    with pytest.raises(InvalidRequest, match=f"at most {most} characters; these are {most + 1}") as refused:
        check_prompt("a" * (most + 1), model)
    assert refused.value.field == "prompt"


def test_dall_e_3_makes_one_picture_and_others_ten() -> None:
    assert check_count(10, "dall-e-2") == 10
    with pytest.raises(InvalidRequest, match="at most 1 a request"):
        check_count(2, "dall-e-3")


@pytest.mark.parametrize(
    ("model", "size", "found"),
    [
        ("dall-e-2", "256x256", (256, 256)),
        ("dall-e-3", "1792x1024", (1792, 1024)),
        ("gpt-image-1", "1536x1024", (1536, 1024)),
        ("gpt-image-1", "64x2048", (64, 2048)),
        ("other", "333x77", (333, 77)),
        ("other", "auto", None),
        ("dall-e-2", "auto", None),
        ("other", None, None),
    ],
)
def test_sizes_that_there_are(model: str, size: str | None, found: tuple[int, int] | None) -> None:
    assert size_of(size, model) == found


@pytest.mark.parametrize(
    ("model", "size", "said"),
    [
        ("dall-e-2", "1792x1024", "256x256, 512x512, 1024x1024, or auto"),
        ("dall-e-3", "512x512", "1024x1024, 1792x1024, 1024x1792, or auto"),
        ("dall-e-2", "0x0", "256x256"),
        ("gpt-image-1", "0x0", "64 to 2048"),
        ("gpt-image-1", "2064x1024", "64 to 2048"),
        ("gpt-image-1", "100x100", "multiple of 16"),
        ("other", "99999x99999", "64 to 2048"),
        ("other", "abc", "1024x1024"),
        ("other", "512", "1024x1024"),
        ("other", "512×512", "1024x1024"),
        ("other", "٥١٢x٥١٢", "1024x1024"),
        ("other", "-64x64", "1024x1024"),
        ("other", "64x64x64", "1024x1024"),
        ("other", "9" * 500 + "x64", "1024x1024"),
    ],
)
def test_sizes_that_there_are_not(model: str, size: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        size_of(size, model)
    assert refused.value.field == "size"


@pytest.mark.parametrize(
    ("model", "asked", "found"),
    [
        ("dall-e-2", None, "standard"),
        ("dall-e-3", "hd", "hd"),
        ("dall-e-3", "auto", "standard"),
        ("gpt-image-1", None, "medium"),
        ("gpt-image-1", "auto", "medium"),
        ("gpt-image-1", "low", "low"),
        ("other", "hd", "hd"),
        ("other", "high", "high"),
    ],
)
def test_a_quality_is_made_plain(model: str, asked: str | None, found: str) -> None:
    assert quality_of(asked, model) == found
    assert found in STEPS


@pytest.mark.parametrize(("model", "asked"), [("dall-e-2", "hd"), ("dall-e-3", "high"), ("gpt-image-1", "standard")])
def test_a_quality_of_another_family_is_refused(model: str, asked: str) -> None:
    with pytest.raises(InvalidRequest, match="takes one of") as refused:
        quality_of(asked, model)
    assert refused.value.field == "quality"
