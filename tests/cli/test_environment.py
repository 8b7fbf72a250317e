import pytest

from cli.environment import Misconfigured, past_proxies, read, without_ours
from storage.settings import StorageSettings
from workers.settings import WorkerSettings

COMPLETE = {
    "GATEWAY_REDIS_URL": "redis://localhost",
    "GATEWAY_S3_ENDPOINT": "http://localhost",
    "GATEWAY_S3_ACCESS_KEY": "access",
    "GATEWAY_S3_SECRET_KEY": "secret",
    "GATEWAY_SECRET": "s" * 32,
}


def test_settings_come_from_the_given_environment_and_not_from_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_S3_REGION", "elsewhere")
    monkeypatch.setenv("GATEWAY_SECRET", "ours" * 10)
    settings = read(StorageSettings, COMPLETE)
    assert settings.s3_region == "us-east-1"
    assert settings.secret.get_secret_value() == "s" * 32
    with pytest.raises(Misconfigured, match="GATEWAY_SECRET: Field required"):
        read(StorageSettings, {name: text for name, text in COMPLETE.items() if name != "GATEWAY_SECRET"})


def test_texts_become_what_the_settings_say_they_are() -> None:
    settings = read(WorkerSettings, {"GATEWAY_LANES": "engines, images", "GATEWAY_LEASE_S": "2.5"})
    assert (settings.lanes, settings.lease_s) == (["engines", "images"], 2.5)


def test_what_is_wrong_is_named_and_not_shown() -> None:
    with pytest.raises(Misconfigured) as refused:
        read(StorageSettings, COMPLETE | {"GATEWAY_SECRET": "hush", "GATEWAY_RECORD_DAYS": "many"})
    assert "GATEWAY_SECRET: Value should have at least 32 items" in str(refused.value)
    assert "GATEWAY_RECORD_DAYS: Input should be a valid number" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_only_our_own_variables_are_left_out() -> None:
    assert without_ours({"GATEWAY_X": "1", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1"),
        ({"no_proxy": "b.example", "NO_PROXY": "a.example"}, "b.example,127.0.0.1"),
    ],
)
def test_loopback_is_added_to_what_is_reached_without_a_proxy(before: dict[str, str], after: str) -> None:
    assert past_proxies(before) == {**before, "no_proxy": after}
