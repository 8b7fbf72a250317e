import pytest

from cli.client import Away, Rejected
from cli.patience import Patience


class Gateway:
    """Is away so many times, and then answers."""

    def __init__(self, away: int) -> None:
        self.away, self.asked = away, 0

    def ask(self) -> str:
        self.asked += 1
        if self.asked <= self.away:
            raise Away(f"no answer {self.asked}")
        return "yes"


def test_who_answers_is_asked_once_and_nothing_is_told() -> None:
    notes: list[str] = []
    gateway = Gateway(0)
    assert Patience(10, notes.append).insist(gateway.ask) == "yes"
    assert (gateway.asked, notes) == (1, [])


def test_who_is_away_is_asked_again_and_that_is_told_once() -> None:
    notes: list[str] = []
    assert Patience(10, notes.append).insist(Gateway(2).ask) == "yes"
    assert notes == ["no answer 1; trying again for up to 10 s", "the gateway answers again"]


def test_patience_ends_with_the_last_answer() -> None:
    notes: list[str] = []
    gateway = Gateway(99)
    with pytest.raises(Away, match=r"^no answer \d+$"):
        Patience(0.5, notes.append).insist(gateway.ask)
    assert 1 < gateway.asked < 99
    assert notes == ["no answer 1; trying again for up to 0.5 s"]


def test_without_patience_it_asks_once() -> None:
    notes: list[str] = []
    gateway = Gateway(99)
    with pytest.raises(Away, match=r"^no answer 1$"):
        Patience(0, notes.append).insist(gateway.ask)
    assert (gateway.asked, notes) == (1, [])


def test_who_says_no_is_not_asked_again() -> None:
    asked = []

    def refuse() -> None:
        asked.append(1)
        raise Rejected("no", 422, None, None)  # type: ignore[arg-type]  # nobody reads the headers

    with pytest.raises(Rejected):
        Patience(10, asked.append).insist(refuse)
    assert asked == [1]
