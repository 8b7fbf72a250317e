"""An address for each job at an account, which nobody can make up."""

import pytest
from pydantic import SecretStr

from storage.callbacks import Callbacks
from storage.ids import new_job_id

SECRET = SecretStr("only for tests: 0123456789abcdef")
ours = Callbacks(SECRET, "https://gateway.example/")


def token_of(job: str, account: str = "shop") -> str:
    url = ours.url(account, job)
    assert url
    assert url.startswith(f"https://gateway.example/v1/callbacks/{account}/")
    return url.rpartition("/")[2]


def test_a_token_stands_for_its_job_and_account() -> None:
    job = new_job_id()
    assert ours.read("shop", token_of(job)) == job
    assert ours.read("other", token_of(job)) is None
    assert Callbacks(SecretStr("another secret, just as long as it")).read("shop", token_of(job)) is None


@pytest.mark.parametrize("token", ["", "a", "AAAA", "é", "A" * 43, "A" * 400, "====", "%%%"])
def test_what_we_did_not_make_stands_for_nothing(token: str) -> None:
    assert ours.read("shop", token) is None


def test_without_an_address_of_ours_nobody_is_told_one() -> None:
    assert Callbacks(SECRET).url("shop", new_job_id()) is None
