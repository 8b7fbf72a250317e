"""Samplers by every name that clients have for them."""

import pytest

from api.dialects.webui.samplers import SAMPLERS, SCHEDULERS, chosen
from storage.errors import InvalidRequest


def test_a_name_that_says_both_is_taken_apart() -> None:
    for name, scheduler, expected in (
        ("DPM++ 2M SDE Karras", None, ("DPM++ 2M SDE", "Karras")),
        ("DPM++ 2M SDE Karras", "automatic", ("DPM++ 2M SDE", "Karras")),
        ("DPM++ 2M SDE Karras", "exponential", ("DPM++ 2M SDE", "Karras")),
        ("dpm++ 2m sde karras", None, ("DPM++ 2M SDE", "Karras")),
        ("DPM++ 2M SDE Heun Exponential", None, ("DPM++ 2M SDE Heun", "Automatic")),
        ("DPM++ 2M SDE Heun", None, ("DPM++ 2M SDE Heun", "Automatic")),
        ("Euler a SGM Uniform", None, ("Euler a", "SGM Uniform")),
        ("Euler Uniform", None, ("Euler", "Uniform")),
        ("k_dpmpp_2m_sde_ka", None, ("DPM++ 2M SDE", "Karras")),
        ("k_dpmpp_2m_sde_exp", None, ("DPM++ 2M SDE", "Automatic")),
    ):
        assert chosen(name, scheduler, {}) == expected, name


def test_what_a_sampler_uses_by_itself_is_told_as_automatic() -> None:
    assert chosen("DPM++ SDE Karras", None, {}) == ("DPM++ SDE", "Automatic")
    assert chosen("DPM++ SDE", "karras", {}) == ("DPM++ SDE", "Automatic")
    assert chosen("Euler", "Karras", {}) == ("Euler", "Karras")


def test_every_name_and_alias_is_known() -> None:
    for sampler in SAMPLERS:
        for name in (sampler.name, sampler.name.upper(), *sampler.aliases):
            assert chosen(name, None, {}).sampler == sampler.name
    for scheduler in SCHEDULERS:
        for name in (scheduler.name, scheduler.label, *scheduler.aliases):
            assert chosen("Euler", name, {}).scheduler == scheduler.label


def test_an_operators_own_name_is_mapped() -> None:
    mapped = {"[Forge] Flux Realistic": "Euler a", "Fast": "DPM++ 2M Karras"}
    assert chosen("[Forge] Flux Realistic", None, mapped).sampler == "Euler a"
    assert chosen("Fast", None, mapped) == ("DPM++ 2M", "Automatic")


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        InvalidRequest, match=r"no sampler is called 'Turbo'; there are: DPM\+\+ 2M, .* LCM, Mine"
    ) as odd:
        chosen("Turbo", None, {"Mine": "Euler"})
    assert odd.value.field == "sampler_name"
    with pytest.raises(InvalidRequest, match=r"no scheduler is called 'turbo'; there are: Automatic, .* Beta") as odd:
        chosen("Euler", "turbo", {})
    assert odd.value.field == "scheduler"
    for name in ("", "Karras", " Karras", "_ka", "x" * 10_000):
        with pytest.raises(InvalidRequest) as odd:
            chosen(name, None, {})
        assert len(str(odd.value)) < 500
