"""Accounts that are used for chat are looked at where accounts are: by the API, by workers, and by the command line."""

from pathlib import Path
from typing import Any

import pytest

from api import upstreams
from api.upstreams.anthropic import Anthropic
from cli.environment import Misconfigured, check_accounts
from storage.accounts import Account
from storage.errors import InvalidRequest
from workers.upstream import adapters


def account(adapter: str = "anthropic", **options: Any) -> Account:
    return Account(name="one", adapter=adapter, base_url="https://a.example", models={"a": "b"}, options=options)


def test_a_dialect_is_made_of_an_accounts_options() -> None:
    made = upstreams.made(account(max_tokens=7))
    assert isinstance(made, Anthropic)
    assert made.options.max_tokens == 7


def test_options_that_there_are_not_are_refused_by_the_accounts_name() -> None:
    for build in (upstreams.made, upstreams.check):
        with pytest.raises(InvalidRequest, match=r"accounts\.one\.options: .*max_token") as refused:
            build(account(max_token=7))
        assert refused.value.field == "options"


NAMED = b'{"type":"error","error":{"type":"api_error","message":"No."}}'


@pytest.mark.parametrize("adapter", upstreams.DIALECTS)
@pytest.mark.parametrize(
    ("status", "body", "doubtful"),
    [
        (400, NAMED, False),
        (408, NAMED, True),
        (429, b"", False),
        (500, NAMED, False),
        (500, b"oops", True),
        (502, b"<html>Bad Gateway</html>", True),
        (503, b"", False),
        (504, NAMED, True),
        (524, b"", True),
        (529, b"", False),
    ],
)
def test_what_may_have_been_answered_and_paid_for_is_doubtful_in_every_dialect(
    adapter: str, status: int, body: bytes, doubtful: bool
) -> None:
    """So that no other account is asked the same."""
    assert upstreams.made(account(adapter)).refused(status, {}, body).error.in_doubt == doubtful


def test_adapters_that_do_not_chat_are_nothing_to_the_api() -> None:
    upstreams.check(account("suno", nonsense=1))


def test_workers_refuse_what_the_api_refuses() -> None:
    adapters.check(account())
    with pytest.raises(InvalidRequest, match="nonsense"):
        adapters.check(account(nonsense=1))
    with pytest.raises(InvalidRequest, match=r"there are: .*openai.*anthropic"):
        adapters.check(account("antropic"))


@pytest.mark.parametrize("line", ["options = { nonsense = 1 }", 'adapter = "antropic"'])
def test_the_command_line_refuses_both(tmp_path: Path, line: str) -> None:
    path = tmp_path / "gateway.toml"
    lines = {"adapter": 'adapter = "anthropic"', "options": "", line.partition(" ")[0]: line}
    path.write_text(
        '[accounts.one]\nbase_url = "https://a.example"\nmodels = { a = "b" }\n' + "\n".join(lines.values())
    )
    with pytest.raises(Misconfigured, match="GATEWAY_ACCOUNTS"):
        check_accounts({"GATEWAY_ACCOUNTS": str(path)})
