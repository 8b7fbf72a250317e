"""Callers name models; the catalog says what serves them."""

from pathlib import Path

import pytest

from storage.catalog import DEFAULT, ENGINES, FACESWAP, IMAGE, UPSCALE, Catalog
from storage.errors import InvalidRequest, UnknownModel


def write(folder: Path, text: str) -> Path:
    path = folder / "catalog.toml"
    path.write_text(text)
    return path


def test_every_name_that_suno_clients_send_is_music() -> None:
    catalog = Catalog.load(None)
    for name in (
        "chirp-v2-xxl-alpha",
        "chirp-v3-0",
        "chirp-v3-5",
        "chirp-v4",
        "chirp-auk",
        "chirp-crow",
        "chirp-fenix",
    ):
        found, model = catalog.find(name, "music")
        assert found == name
        assert ENGINES[model.engine].lane == "engines"


def test_a_request_that_names_no_model_gets_the_default() -> None:
    for nothing in (None, ""):
        assert Catalog.load(None).find(nothing, "music")[0] == "chirp-v3-0"


def test_each_family_has_one_default() -> None:
    families = {model.family for model in DEFAULT.values()}
    defaults = [model.family for model in DEFAULT.values() if model.default]
    assert sorted(defaults) == sorted(families)


def test_an_unknown_name_is_refused_by_name_with_what_there_is() -> None:
    with pytest.raises(UnknownModel, match=r"no music model is called 'chirp-v9'; there are: .*chirp-v3-0") as caught:
        Catalog.load(None).find("chirp-v9", "music")
    assert caught.value.field == "model"


def test_a_model_of_another_family_is_unknown() -> None:
    with pytest.raises(UnknownModel, match="no dance model is called 'chirp-v3-0'; there are: none"):
        Catalog.load(None).find("chirp-v3-0", "dance")


def test_a_family_without_a_default_asks_for_a_name(tmp_path: Path) -> None:
    catalog = Catalog.load(write(tmp_path, '[models.mine]\nfamily = "music"\nengine = "composer"'))
    with pytest.raises(UnknownModel, match="name a model; there are: mine"):
        catalog.find(None, "music")


def test_an_operators_catalog_replaces_the_default(tmp_path: Path) -> None:
    text = '[models."my.model"]\nfamily = "music"\nengine = "composer"\ndefault = true\nversion = "v1"'
    catalog = Catalog.load(write(tmp_path, text))
    assert catalog.find(None, "music")[0] == "my.model"
    assert catalog.find("my.model", "music")[1].version == "v1"
    with pytest.raises(UnknownModel):
        catalog.find("chirp-v3-0", "music")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not toml", "Expected '='"),
        ('[models.mine]\nfamily = "music"', "engine"),
        ('[models.mine]\nfamily = "music"\nengine = "composer"\nspeed = 3', "speed"),
        ('[models.mine]\nfamily = 3\nengine = "composer"', r"family|models.mine|\$"),
        ('[models.mine]\nfamily = "music"\nengine = "orchestra"', "mine names an unknown engine 'orchestra'"),
        ("models = 3", "object"),
    ],
)
def test_a_catalog_that_is_wrong_is_refused_with_its_path_and_what_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidRequest, match=says) as caught:
        Catalog.load(path)
    assert str(caught.value).startswith(str(path))


def test_a_catalog_that_is_not_there_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"missing\.toml"):
        Catalog.load(tmp_path / "missing.toml")


@pytest.mark.parametrize("name", ["majicmixRealistic_v7", "juggernautXL_version2", "dall-e-2", "dall-e-3"])
def test_every_documented_picture_model_is_served(name: str) -> None:
    assert Catalog().find(name, IMAGE)[1].engine == "illustrator"


def test_a_kind_of_its_own_has_models_of_its_own() -> None:
    assert Catalog().find(None, FACESWAP)[0] == "inswapper_128.onnx"
    assert Catalog().find("Lanczos", UPSCALE)[1].variant == "lanczos"
    with pytest.raises(UnknownModel):
        Catalog().find("Lanczos", IMAGE)


def test_an_operator_may_say_which_sampler_a_name_stands_for(tmp_path: Path) -> None:
    catalog = Catalog.load(write(tmp_path, '[samplers]\n"My old one" = "Euler a"'))
    assert catalog.samplers == {"My old one": "Euler a"}
    with pytest.raises(InvalidRequest):
        Catalog.load(write(tmp_path, "samplers = 3"))
