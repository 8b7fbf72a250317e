"""gateway.toml: what accounts there are. Wrong files are named by file and field, and never show a secret."""

import logging
from pathlib import Path

import pytest

from storage.accounts import Account, Accounts, read
from storage.errors import InvalidRequest

STUDIO = """
[accounts.studio]
adapter = "suno"
base_url = "https://studio-api.prod.suno.com"
token_file = "/run/secrets/suno"
models = { "chirp-v4" = "chirp-v4", "chirp-v3-0" = "chirp-v4" }
weight = 2
concurrent = 4
per_minute = 20
cost = { "music.generate" = 10 }
options = { feed = "v2" }
"""
SPARE = """
[accounts.spare]
adapter = "suno"
base_url = "https://example.com/suno"
models = { "chirp-v4" = "v4" }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(STUDIO)
    return path


def test_an_account_is_what_its_table_says(path: Path) -> None:
    studio = read(path)["studio"]
    assert (studio.name, studio.adapter, studio.weight, studio.concurrent, studio.per_minute) == (
        "studio", "suno", 2, 4, 20,
    )  # fmt: skip
    assert studio.models["chirp-v3-0"] == "chirp-v4"
    assert studio.token_file == Path("/run/secrets/suno")
    assert (studio.cost, studio.options) == ({"music.generate": 10}, {"feed": "v2"})


def test_a_credential_s_file_may_lie_beside_the_file_of_accounts(path: Path) -> None:
    path.write_text(STUDIO.replace("/run/secrets/suno", "suno.token"))
    assert read(path)["studio"].token_file == path.parent / "suno.token"


def test_no_file_is_no_account() -> None:
    assert Accounts(None).all() == {}


def test_accounts_are_found_by_the_models_they_serve(path: Path) -> None:
    path.write_text(STUDIO + SPARE)
    accounts = Accounts(path)
    assert [each.name for each in accounts.serving("chirp-v4")] == ["studio", "spare"]
    assert [each.name for each in accounts.serving("chirp-v3-0")] == ["studio"]
    assert accounts.serving("dall-e-3") == []
    assert accounts.get("nobody") is None


def test_a_changed_file_is_read_again(path: Path) -> None:
    accounts = Accounts(path)
    assert list(accounts.all()) == ["studio"]
    path.write_text(STUDIO + SPARE)
    assert list(accounts.all()) == ["studio", "spare"]
    replaced = path.with_name("new")
    replaced.write_text(SPARE)
    replaced.replace(path)
    assert list(accounts.all()) == ["spare"]


@pytest.mark.parametrize(
    "broken", ["[accounts.studio", "", "[accounts.studio]\nadapter = 3\n"], ids=["toml", "gone", "wrong"]
)
def test_a_file_that_breaks_while_it_is_used_leaves_the_accounts_as_they_were(
    path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    accounts = Accounts(path)
    before = accounts.all()
    path.write_text(broken) if broken else path.unlink()
    with caplog.at_level(logging.ERROR):
        assert accounts.all() == before
        assert accounts.all() == before
    assert len(caplog.records) == 1
    assert "gateway.toml" in caplog.text


@pytest.mark.parametrize(
    ("line", "where", "why"),
    [
        ('adapter = "suno"', "accounts.studio.adapter", "Field required"),
        ('base_url = "https://studio-api.prod.suno.com"', "accounts.studio.base_url", "Field required"),
        ('models = { "chirp-v4" = "chirp-v4", "chirp-v3-0" = "chirp-v4" }', "accounts.studio.models", "Field required"),
    ],
)
def test_what_is_missing_is_named(path: Path, line: str, where: str, why: str) -> None:
    path.write_text(STUDIO.replace(line, ""))
    with pytest.raises(InvalidRequest, match=f"{where}: {why}") as refused:
        read(path)
    assert refused.value.field == where


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("weight = 0", "accounts.studio.weight"),
        ("concurrent = -1", "accounts.studio.concurrent"),
        ('base_url = "ftp://example.com"', "accounts.studio.base_url"),
        ('base_url = "https://me:secret@example.com"', "accounts.studio.base_url"),
        ('proxy = "https://me:secret@10.0.0.2:3128"', "accounts.studio.proxy"),
        ('proxy = "http://me:secret@10.0.0.2"', "accounts.studio.proxy"),
        ('proxy = ""', "accounts.studio.proxy"),
        ('token_env = "SUNO"', "accounts.studio"),
        ('token = "tulip"', "accounts.studio.token"),
        ('cost = { "music.generate" = -1 }', "accounts.studio.cost.music.generate"),
        ('in_doubt = "again"', "accounts.studio.in_doubt.*"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_shown(path: Path, line: str, where: str) -> None:
    name = line.partition(" ")[0]
    kept = [other for other in STUDIO.splitlines() if not other.startswith(f"{name} ")]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(InvalidRequest) as refused:
        read(path)
    assert refused.value.field == where
    assert "tulip" not in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_a_name_that_is_none_is_refused(path: Path) -> None:
    path.write_text(STUDIO.replace("accounts.studio", 'accounts."My Studio"'))
    with pytest.raises(InvalidRequest, match="name: String should match pattern"):
        read(path)


def test_what_will_not_do_for_a_worker_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def check(account: Account) -> None:
        if account.adapter != "suno":
            raise InvalidRequest(f"accounts.{account.name}: no such adapter")

    accounts = Accounts.load(path, check)
    path.write_text(STUDIO.replace('"suno"', '"sumo"') + SPARE)
    assert list(accounts.all()) == ["studio"]
    assert "accounts.studio: no such adapter; the accounts stay as they were" in caplog.text
    with pytest.raises(InvalidRequest, match="no such adapter"):
        Accounts.load(path, check)


@pytest.mark.parametrize(
    ("host", "port", "named"),
    [
        ("studio-api.prod.suno.com", 443, True),
        ("studio-api.prod.suno.com", 80, False),
        ("10.0.0.7", 7860, True),
        ("10.0.0.7", 6379, False),
        ("suno.com", 443, False),
    ],
)
def test_an_address_is_named_by_host_and_port(path: Path, host: str, port: int, named: bool) -> None:
    path.write_text(STUDIO + SPARE.replace("https://example.com/suno", "http://10.0.0.7:7860"))
    assert Accounts(path).named(host, port) is named


def test_what_becomes_of_doubts_is_said_for_all_models_or_by_their_names(path: Path) -> None:
    def said(line: str, model: str) -> str:
        path.write_text(f"{STUDIO}{line}\n")
        return read(path)["studio"].when_in_doubt(model)

    assert said("", "chirp-v4") == "hold"
    assert said('in_doubt = "fail"', "chirp-v4") == "fail"
    by_model = 'in_doubt = { "chirp-v4" = "resubmit", "*" = "fail" }'
    assert (said(by_model, "chirp-v4"), said(by_model, "chirp-v3-0")) == ("resubmit", "fail")
    assert said('in_doubt = { "chirp-v4" = "resubmit" }', "chirp-v3-0") == "hold"
