"""docs/upstreams.md is true: its files can be read, its tables list what there is."""

import re
from pathlib import Path

import pytest

from api.upstreams import DIALECTS
from cli.environment import check_accounts
from storage.accounts import Account, Accounts
from storage.capacity import AccountState
from storage.job import Kind
from storage.wire.anthropic_options import Options
from tests.workers.adapters.saved import adapter
from workers.adapters import ADAPTERS
from workers.upstream.adapters import check

PAGE = (Path(__file__).parent.parent / "docs" / "upstreams.md").read_text()
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def words(text: str) -> set[str]:
    """Those that begin the rows of a table."""
    return {word for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("file", FILES, ids=["whole", "try", "anthropic"])
def test_its_files_are_accounts(file: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(file)
    check_accounts({"GATEWAY_ACCOUNTS": str(path)})
    assert Accounts.load(path, check).all()


def test_every_key_of_an_account_is_there() -> None:
    assert words(section("Setting up")) == set(Account.model_fields) - {"name"}


def test_every_state_of_an_account_is_there() -> None:
    assert words(section("How accounts fare")) == set(AccountState)


def test_every_adapter_has_a_section() -> None:
    known = set(ADAPTERS) | set(DIALECTS)
    assert words(section("Adapters")) == known
    assert all(f"\n## {name}\n" in PAGE for name in known)


def test_whatever_chat_is_relayed_to_takes_chats_as_jobs_too() -> None:
    assert {name for name in ADAPTERS if Kind.CHAT in adapter(name).kinds} == set(DIALECTS)


def test_every_option_of_anthropic_is_there() -> None:
    assert words(section("anthropic")) == set(Options.__struct_fields__)
