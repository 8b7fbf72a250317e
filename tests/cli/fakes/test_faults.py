import pytest

from cli.fakes.faults import COMMON, Fault, Faults, UnknownFault, parse
from cli.fakes.ledger import fingerprint


def faults(*texts: str) -> Faults:
    switches = Faults(COMMON, ["submit", "poll", "file"])
    switches.set(parse(text) for text in texts)
    return switches


def test_a_fault_is_written_in_one_word_or_several() -> None:
    assert parse("reset_after") == Fault("reset_after")
    assert parse("busy=30,times=2,on=poll") == Fault("busy", 30.0, 2, "poll")
    assert parse("wrong_file=empty") == Fault("wrong_file", "empty")


@pytest.mark.parametrize(
    "text", ["nonsense", "slow=long", "wrong_file=green", "slow,times=x", "slow,often", "slow,on=moon"]
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(UnknownFault):
        faults(text)


def test_a_refused_fault_changes_nothing() -> None:
    switches = faults("slow")
    with pytest.raises(UnknownFault):
        switches.set([Fault("reset_after"), Fault("nonsense")])
    assert switches.take("slow", "submit")
    assert not switches.take("reset_after", "submit")


def test_a_fault_with_a_count_ends_and_one_without_stays() -> None:
    switches = faults("busy,times=2", "reset_after")
    assert [switches.take("busy", "submit") is not None for _ in range(3)] == [True, True, False]
    assert all(switches.take("reset_after", "submit") for _ in range(5))


def test_a_fault_is_only_where_it_is_meant() -> None:
    switches = faults("busy,on=poll", "slow,on=any", "expired")
    assert not switches.take("busy", "submit")
    assert switches.take("busy", "poll")
    assert switches.take("slow", "file")
    assert switches.take("expired", "file")
    assert not switches.take("expired", "submit")


def test_one_fault_can_be_on_twice_in_different_places() -> None:
    switches = faults("busy=1,on=submit", "busy=2,on=poll")
    first, second = switches.take("busy", "submit"), switches.take("busy", "poll")
    assert first
    assert second
    assert (first.value, second.value) == (1, 2)


def test_a_fingerprint_is_of_what_is_asked_and_not_of_how_it_is_written() -> None:
    one = fingerprint("POST", "/go", {"a": 1, "b": [{"c": 2, "uuid": "x"}]}, ["uuid"])
    assert one == fingerprint("POST", "/go", {"b": [{"uuid": "y", "c": 2}], "a": 1}, ["uuid"])
    assert one != fingerprint("POST", "/go", {"a": 1, "b": [{"c": 3, "uuid": "x"}]}, ["uuid"])
    assert one != fingerprint("POST", "/gone", {"a": 1, "b": [{"c": 2, "uuid": "x"}]}, ["uuid"])


def test_a_fingerprint_holds_files_by_their_bytes() -> None:
    assert fingerprint("POST", "/", {"f": [b"a"]}) != fingerprint("POST", "/", {"f": [b"b"]})
