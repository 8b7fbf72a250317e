"""docs/upstreams.md is true: its files can be read, its tables list what there is."""

import re
from pathlib import Path

import pytest

from storage.accounts import Account, Accounts
from storage.capacity import AccountState
from workers.adapters import ADAPTERS
from workers.upstream.adapters import made

PAGE = (Path(__file__).parent.parent / "docs" / "upstreams.md").read_text()
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def words(text: str) -> set[str]:
    """Those that begin the rows of a table."""
    return {word for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("file", FILES, ids=["whole", "try"])
def test_its_files_are_accounts(file: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(file)
    assert Accounts.load(path, made).all()


def test_every_key_of_an_account_is_there() -> None:
    assert words(section("Setting up")) == set(Account.model_fields) - {"name"}


def test_every_state_of_an_account_is_there() -> None:
    assert words(section("How accounts fare")) == set(AccountState)


def test_every_adapter_has_a_section() -> None:
    assert words(section("Adapters")) == set(ADAPTERS)
    assert all(f"\n## {name}\n" in PAGE for name in ADAPTERS)
