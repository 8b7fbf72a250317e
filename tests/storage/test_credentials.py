"""An account's secret, from where the operator keeps it: read anew where it may have changed, and never shown."""

import sys
from pathlib import Path
from typing import Any

import pytest

from storage.accounts import Account
from storage.credentials import Credentials
from storage.errors import UpstreamSessionExpired


def account(**more: Any) -> Account:
    return Account(name="studio", adapter="suno", base_url="https://example.com", models={"a": "a"}, **more)


async def secret(credentials: Credentials, of: Account) -> str | None:
    found = await credentials.of(of)
    assert "tulip" not in repr(found)
    return found and found.get_secret_value()


def printing(text: str, *, runs: Path | None = None, code: int = 0) -> tuple[str, ...]:
    """A command that prints this, and leaves a line for each time it runs."""
    note = f"open({str(runs)!r}, 'a').write('run\\n'); " if runs else ""
    return (sys.executable, "-c", f"import sys; {note}print({text!r}); sys.exit({code})")


async def test_an_account_may_have_none() -> None:
    assert await secret(Credentials(), account()) is None


async def test_it_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_TOKEN", " tulip\n")
    assert await secret(Credentials(), account(token_env="SUNO_TOKEN")) == "tulip"
    monkeypatch.delenv("SUNO_TOKEN")
    with pytest.raises(UpstreamSessionExpired, match="the account's token_env is not set"):
        await Credentials().of(account(token_env="SUNO_TOKEN"))


async def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    path, credentials = tmp_path / "token", Credentials()
    for text in ("tulip", "tulip-2"):
        path.write_text(f"{text}\n")
        assert await secret(credentials, account(token_file=path)) == text
    path.unlink()
    with pytest.raises(UpstreamSessionExpired, match="token_file cannot be read"):
        await credentials.of(account(token_file=path))


async def test_a_command_runs_once_until_it_is_refused(tmp_path: Path) -> None:
    runs, credentials = tmp_path / "runs", Credentials()
    of = account(token_command=printing("tulip", runs=runs))
    assert [await secret(credentials, of) for _ in range(3)] == ["tulip"] * 3
    assert runs.read_text().count("run") == 1
    credentials.refused(of)
    assert await secret(credentials, of) == "tulip"
    assert runs.read_text().count("run") == 2


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (printing("tulip", code=3), "ended with 3"),
        (printing(""), "prints nothing"),
        (printing("tulip\ntulip"), "holds what no header can"),
        (("/nowhere/at/all",), "cannot be run"),
    ],
    ids=["fails", "silent", "lines", "missing"],
)
async def test_a_command_that_gives_no_secret_is_the_operator_s_to_mend(command: tuple[str, ...], why: str) -> None:
    with pytest.raises(UpstreamSessionExpired, match=why) as refused:
        await Credentials().of(account(token_command=command))
    assert "tulip" not in str(refused.value)
