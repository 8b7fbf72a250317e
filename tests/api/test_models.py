"""OpenAI's list of models, over all kinds and accounts."""

from pathlib import Path
from typing import Any

import pytest

from storage.catalog import DEFAULT
from tests.api.gateway import Gateway, serving, storage_settings

MODELS = "/v1/models"
ACCOUNTS = """
[accounts.far]
adapter = "openai"
base_url = "http://127.0.0.1:9/v1"
token_env = "NOBODY"
models = {"org/large" = "large", "gpt-4o-mini" = "gpt-4o-mini"}
"""


async def test_every_name_of_the_catalog_is_listed(gateway: Gateway) -> None:
    found = await gateway.alice.http.get(MODELS)
    assert found.status_code == 200
    body = found.json()
    assert body["object"] == "list"
    assert [each["id"] for each in body["data"]] == [*DEFAULT]
    for each in body["data"]:
        assert each.keys() == {"id", "object", "created", "owned_by"}
        assert (each["object"], each["owned_by"]) == ("model", DEFAULT[each["id"]].engine)
        assert isinstance(each["created"], int)


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "R-ESRGAN 4x+", "chirp-v3-0"])
async def test_one_is_read_by_its_name(gateway: Gateway, name: str) -> None:
    listed = {each["id"]: each for each in (await gateway.alice.http.get(MODELS)).json()["data"]}
    found = await gateway.alice.http.get(f"{MODELS}/{name}")
    assert (found.status_code, found.json()) == (200, listed[name])


async def test_accounts_models_are_listed_too_and_are_theirs(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(ACCOUNTS)
    async with serving(storage_settings(redis_url).model_copy(update={"accounts": file})) as gateway:
        listed: list[Any] = (await gateway.alice.http.get(MODELS)).json()["data"]
        owners = {each["id"]: each["owned_by"] for each in listed}
        assert len(owners) == len(listed) == len(DEFAULT) + 1
        assert (owners["org/large"], owners["gpt-4o-mini"], owners["gpt-4o"]) == ("openai", "openai", "smollm2")
        for path in ("org/large", "org%2Flarge"):
            found = await gateway.alice.http.get(f"{MODELS}/{path}")
            assert (found.status_code, found.json()["id"]) == (200, "org/large")


@pytest.mark.parametrize("name", ["gpt-9", "org/none", "%00", "ü"])
async def test_an_unknown_one_is_not_found(gateway: Gateway, name: str) -> None:
    found = await gateway.alice.http.get(f"{MODELS}/{name}")
    assert (found.status_code, found.json()["error"]["code"]) == (404, "model_not_found")


async def test_it_tells_a_good_key_from_a_bad_one(gateway: Gateway) -> None:
    found = await gateway.nobody.get(MODELS)
    assert (found.status_code, found.json()["error"]["code"]) == (401, "invalid_api_key")
