"""What is wrong with the environment is said in one sentence that names the variable; what is empty is not there."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from api.settings import ApiSettings
from cli.embedded.ports import free_ports
from cli.environment import Misconfigured, check_accounts, read
from storage.addresses import Allowed
from storage.settings import StorageSettings
from tests.cli.commands import ai_gateway
from workers.settings import WorkerSettings

STORE = {
    "GATEWAY_REDIS_URL": "redis://127.0.0.1:9/0",
    "GATEWAY_S3_ENDPOINT": "http://127.0.0.1:9",
    "GATEWAY_S3_ACCESS_KEY": "a",
    "GATEWAY_S3_SECRET_KEY": "b",
    "GATEWAY_SECRET": "s" * 32,
}
REFUSED = [
    (["api"], "GATEWAY_REDIS_URL", "localhost:6379", "an address looks like redis://"),
    (["worker"], "GATEWAY_REDIS_URL", "localhost:6379", "an address looks like redis://"),
    (["key", "list"], "GATEWAY_REDIS_URL", "localhost:6379", "an address looks like redis://"),
    (["up"], "GATEWAY_REDIS_URL", "localhost:6379", "an address looks like redis://"),
    (["api"], "GATEWAY_CATALOG", "/nonexistent", "No such file or directory: '/nonexistent'"),
    (["up"], "GATEWAY_CATALOG", "/nonexistent", "No such file or directory: '/nonexistent'"),
    (["api"], "GATEWAY_ACCOUNTS", "/nonexistent", "No such file or directory: '/nonexistent'"),
    (["worker"], "GATEWAY_ACCOUNTS", "/nonexistent", "No such file or directory: '/nonexistent'"),
    (["up"], "GATEWAY_ACCOUNTS", "/nonexistent", "No such file or directory: '/nonexistent'"),
    (["up"], "GATEWAY_API_KEY", " ", "is empty: give a key, or do not set it"),
    (["up"], "GATEWAY_MEDIA_WAIT_S", "long", "Input should be a valid number"),
    (["up"], "GATEWAY_ENGINE_SLOTS", "0", "Input should be greater than or equal to 1"),
    (["api"], "GATEWAY_OUTBOUND_ALLOW", "10.0.0.1/8", "'10.0.0.1/8' is not a network like 10.1.0.0/16"),
    (["worker"], "GATEWAY_LANES", ",", "name at least one lane"),
    (["worker"], "GATEWAY_LOG_LEVEL", "loud", "'loud' is not one of"),
]


@pytest.mark.parametrize(("words", "variable", "value", "said"), REFUSED)
def test_a_wrong_value_is_refused_in_one_sentence(
    words: list[str], variable: str, value: str, said: str, tmp_path: Path
) -> None:
    place = {"GATEWAY_DATA": str(tmp_path / "data"), "GATEWAY_PORT": str(free_ports(1)[0])}
    refused = ai_gateway(*words, **{**STORE, **place, variable: value})
    assert refused.returncode in (1, 2)
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert variable in line
    assert said in line
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('adapter = "sumo"', "accounts.studio: there is no adapter 'sumo'; there are: suno,"),
        ('adapter = "suno"\noptions = { feed = "v9" }', "accounts.studio.options: Invalid enum value 'v9'"),
        ('adapter = "suno"\ntoken = "tulip"', "accounts.studio.token: Extra inputs are not permitted"),
    ],
)
def test_accounts_that_will_not_do_are_refused_by_name(table: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'[accounts.studio]\nbase_url = "https://example.com"\nmodels = {{ a = "a" }}\n{table}\n')
    with pytest.raises(Misconfigured, match=r"^the environment is not right: GATEWAY_ACCOUNTS: ") as refused:
        check_accounts({"GATEWAY_ACCOUNTS": str(path)})
    assert said in str(refused.value)
    assert "tulip" not in str(refused.value)


@pytest.mark.parametrize(
    ("lanes", "said"), [(",", "GATEWAY_LANES: name at least one lane"), ("engines,nets", "no lane is called nets")]
)
def test_a_worker_without_a_lane_to_serve_is_refused(lanes: str, said: str) -> None:
    refused = ai_gateway("worker", "--lanes", lanes, **STORE)
    assert refused.returncode in (1, 2)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_log_level_may_be_in_lower_case() -> None:
    away = ai_gateway("key", "list", "--data", "/nonexistent", **STORE, GATEWAY_LOG_LEVEL="debug")
    assert "Error: the job store does not answer" in away.stderr
    assert " D asyncio: " in away.stderr


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost:6379",
        "redis://",
        "redis://localhost:port",
        "redis://localhost:99999",
        "redis://localhost/first",
        "redis://:a/b@localhost",
        "redis://localhost?socket_timeout=long",
        "unix://",
    ],
)
def test_what_is_no_address_of_a_redis_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^the environment is not right: GATEWAY_REDIS_URL: an address") as refused:
        read(StorageSettings, STORE | {"GATEWAY_REDIS_URL": url})
    assert url not in str(refused.value).replace("redis://[", "").replace("unix://path", "")


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/0",
        "redis://:secret@10.0.0.1:6379/3",
        "redis://user:p%2Fw@redis.example.org:6379?db=1",
        "rediss://[::1]:6380/0?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_an_address_of_a_redis_is_taken_as_it_is(url: str) -> None:
    assert read(StorageSettings, STORE | {"GATEWAY_REDIS_URL": url}).redis_url.get_secret_value() == url


def test_a_slash_or_a_line_s_end_after_an_address_does_no_harm() -> None:
    settings = read(StorageSettings, STORE | {"GATEWAY_REDIS_URL": "redis://localhost:6379/\n"})
    assert settings.redis_url.get_secret_value() == "redis://localhost:6379"


def test_what_may_be_called_is_read_from_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    allow = "10.1.0.0/16, Hooks.Internal,127.0.0.1"
    settings = read(StorageSettings, STORE | {"GATEWAY_OUTBOUND_ALLOW": allow})
    assert settings.outbound_allow == Allowed.parse(allow)
    for name, text in (STORE | {"GATEWAY_OUTBOUND_ALLOW": allow}).items():
        monkeypatch.setenv(name, text)
    assert StorageSettings() == settings


@pytest.mark.parametrize("settings", [ApiSettings, StorageSettings, WorkerSettings])
def test_an_empty_variable_counts_as_absent(settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {f"GATEWAY_{name}".upper(): "" for name in settings.model_fields}
    wanted = read(settings, STORE)
    assert read(settings, empty | STORE) == wanted
    for name, text in (empty | STORE).items():
        monkeypatch.setenv(name, text)
    assert settings() == wanted
