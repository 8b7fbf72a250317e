"""Which account a job goes to."""

from collections import Counter

from storage.accounts import Account
from storage.job import Job
from tests.storage.samples import sample
from workers.upstream.choosing import ranked


def account(name: str, weight: int = 1) -> Account:
    return Account(name=name, adapter="suno", base_url="https://example.com", models={"a": "a"}, weight=weight)


LIGHT, HEAVY, SPARE = account("light"), account("heavy", 3), account("spare")


def names(found: list[Account]) -> list[str]:
    return [each.name for each in found]


def jobs(count: int) -> list[Job]:
    return [sample(id=f"01a22311-6c1c-7{number:03x}-80e2-184932400000") for number in range(count)]


def test_accounts_come_first_in_proportion_to_their_weights() -> None:
    first = Counter(ranked([LIGHT, HEAVY], job)[0].name for job in jobs(2000))
    assert 0.71 < first["heavy"] / 2000 < 0.79


def test_the_order_is_the_job_s_own_and_another_one_at_its_next_attempt() -> None:
    accounts = [account(f"a{number}") for number in range(8)]
    job = sample()
    assert names(ranked(accounts, job)) == names(ranked(reversed(accounts), job))
    orders = {tuple(names(ranked(accounts, sample(id=job.id, attempt=attempt)))) for attempt in range(5)}
    assert len(orders) == 5


def test_those_that_were_tried_come_last() -> None:
    for job in jobs(50):
        assert ranked([LIGHT, HEAVY, SPARE], job, tried=["heavy", "light"])[0].name == "spare"
        assert ranked([LIGHT, HEAVY], job, tried=["heavy", "light"])


def test_what_goes_on_from_a_clip_goes_to_the_account_that_made_it() -> None:
    assert names(ranked([LIGHT, HEAVY, SPARE], sample(), only="spare")) == ["spare"]
    assert ranked([LIGHT, HEAVY], sample(), only="spare") == []
