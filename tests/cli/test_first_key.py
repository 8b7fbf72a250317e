"""Who is let in: the given key always; the kept or a new one at a Redis' first start, and never again."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.environment import Misconfigured
from cli.first_key import given_key, let_somebody_in
from storage.apikeys import ApiKey, ApiKeys
from storage.connect import connect
from storage.settings import StorageSettings

KEY = SecretStr("sk-given-by-the-operator")


@pytest.fixture
def settings(redis_url: str) -> StorageSettings:
    return StorageSettings(
        redis_url=SecretStr(redis_url),
        s3_endpoint="http://127.0.0.1:9",
        s3_access_key=SecretStr("a"),
        s3_secret_key=SecretStr("b"),
        secret=SecretStr("s" * 32),
    )


async def known(settings: StorageSettings) -> list[ApiKey]:
    async with connect(settings.redis_url) as client:
        return await ApiKeys(client, settings.secret).all()


async def revoke_all(settings: StorageSettings) -> None:
    async with connect(settings.redis_url) as client:
        for key in await known(settings):
            await ApiKeys(client, settings.secret).revoke(key.id)


async def forget_everything(settings: StorageSettings) -> None:
    async with connect(settings.redis_url) as client:
        await client.flushall()


async def owner(settings: StorageSettings, key: SecretStr) -> ApiKey | None:
    async with connect(settings.redis_url) as client:
        return await ApiKeys(client, settings.secret).find(key.get_secret_value())


async def test_the_first_start_makes_a_key_and_the_next_makes_none(settings: StorageSettings, tmp_path: Path) -> None:
    new = await let_somebody_in(settings, tmp_path / "api_key", None)
    assert new
    assert (tmp_path / "api_key").read_text() == new.get_secret_value()
    assert await let_somebody_in(settings, tmp_path / "api_key", None) is None
    assert [(key.name, key.admin) for key in await known(settings)] == [("first", True)]


@pytest.mark.parametrize("kept", [True, False])
async def test_a_redis_whose_only_key_was_revoked_lets_nobody_in_at_a_restart(
    settings: StorageSettings, tmp_path: Path, kept: bool
) -> None:
    await let_somebody_in(settings, tmp_path / "api_key", None)
    await revoke_all(settings)
    if not kept:
        (tmp_path / "api_key").unlink()
    assert await let_somebody_in(settings, tmp_path / "api_key", None) is None
    assert await known(settings) == []


async def test_the_kept_key_is_made_known_to_a_new_redis(settings: StorageSettings, tmp_path: Path) -> None:
    first = await let_somebody_in(settings, tmp_path / "api_key", None)
    assert first
    await forget_everything(settings)
    assert await let_somebody_in(settings, tmp_path / "api_key", None) is None
    assert await owner(settings, first)


async def test_a_kept_file_that_is_empty_is_no_key(settings: StorageSettings, tmp_path: Path) -> None:
    (tmp_path / "api_key").write_text("\n")
    assert await let_somebody_in(settings, tmp_path / "api_key", None)
    assert await owner(settings, SecretStr("")) is None


async def test_the_given_key_is_made_known_at_every_start(settings: StorageSettings, tmp_path: Path) -> None:
    for _ in range(2):
        assert await let_somebody_in(settings, tmp_path / "api_key", KEY) is None
        assert await owner(settings, KEY)
        await revoke_all(settings)
    assert not (tmp_path / "api_key").exists()


def test_a_given_key_is_taken_without_the_white_space_around_it() -> None:
    assert given_key({"GATEWAY_API_KEY": f" {KEY.get_secret_value()}\r\n"}) == KEY
    assert given_key({}) is None


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_given_key_that_is_empty_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^GATEWAY_API_KEY is empty: give a key, or do not set it$"):
        given_key({"GATEWAY_API_KEY": text})
