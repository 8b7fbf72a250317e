"""bench/chat.py: what the rows say of rounds, and what they say when something could not be measured."""

from bench.caller import Load
from bench.chat import AT_ONCE, Seen, added_row, first_row, measured, ours_row, peer_rows, signed
from bench.report import Row
from bench.sides import DIRECT, OURS, Case, Sides, Spent

TITLES = {"Portkey": "Portkey 1.2", "LiteLLM": "LiteLLM 3.4"}
C16 = Case(16)


def spent(rate: float, *, p50: float = 20, p99: float = 30, first: float = 20) -> Spent:
    return Spent(Load(100, rate, p50, p99, first, first, 20), 500, 90)


def seen(**rounds: list[Spent]) -> Seen:
    return Seen(rounds, {})


def all_of(**absent: str) -> Sides:
    return Sides([], absent, TITLES)


def test_a_share_is_the_median_of_the_rounds_and_not_of_the_rates() -> None:
    direct = [spent(100), spent(1000), spent(500)]
    ours = [spent(95), spent(910), spent(200)]  # 95 %, 91 %, 40 %; the medians' share would be 40 %
    row = ours_row(C16, seen(direct=direct, ours=ours))
    assert (row.ratio, row.target, row.kept) == ("91.0%", "≥ 90%", True)


def test_a_share_below_its_target_is_a_miss_and_one_without_a_target_is_neither() -> None:
    rounds = seen(direct=[spent(100)], ours=[spent(89)])
    assert ours_row(C16, rounds).kept is False
    assert ours_row(Case(64), rounds).kept is True
    assert ours_row(Case(1), rounds).kept is None


def test_peers_are_counted_in_times() -> None:
    portkey, litellm = peer_rows(C16, seen(ours=[spent(600)], Portkey=[spent(201)], LiteLLM=[spent(60)]), all_of())
    assert (portkey.ratio, portkey.kept) == ("2.99 ×", False)
    assert (litellm.ratio, litellm.kept) == ("10 ×", True)
    assert "Portkey 1.2" in portkey.what


def test_peers_are_passed_as_often_where_the_service_takes_no_time_and_nothing_is_promised_elsewhere() -> None:
    rounds = seen(ours=[spent(600)], Portkey=[spent(201)], LiteLLM=[spent(60)])
    assert [row.kept for row in peer_rows(AT_ONCE, rounds, all_of())] == [False, True]
    assert [row.kept for row in peer_rows(Case(64), rounds, all_of())] == [None, None]
    assert "answers at once" in peer_rows(AT_ONCE, rounds, all_of())[0].what


def test_what_is_added_is_that_of_each_round() -> None:
    direct = [spent(1, p50=20, p99=25), spent(1, p50=30, p99=40), spent(1, p50=22, p99=30)]
    ours = [spent(1, p50=21, p99=34), spent(1, p50=31.5, p99=48), spent(1, p50=32, p99=33)]
    row = added_row(seen(direct=direct, ours=ours))
    assert (row.figure, row.kept) == ("+ 1.5 / + 8 ms", True)


def test_less_than_nothing_may_be_added() -> None:
    assert signed(-0.25) == "− 0.25"
    row = first_row(seen(direct=[spent(1, first=22)], ours=[spent(1, first=21)]))
    assert (row.ratio, row.kept) == ("− 1 ms", True)


def test_a_peer_that_could_not_be_had_has_no_figure_and_breaks_no_promise() -> None:
    row = peer_rows(C16, seen(ours=[spent(600)], Portkey=[spent(100)]), all_of(LiteLLM="no | index\nhere"))[1]
    assert row == Row(
        "chat, in one piece, c = 16, beside LiteLLM 3.4", "not measured: no / index here", "–", "–", "≥ 10 ×", None
    )


def test_a_peer_that_failed_under_load_has_no_figure() -> None:
    failed = Seen({OURS: [spent(600)], "Portkey": [spent(100)]}, {"LiteLLM": "http/1.1 500"})
    assert peer_rows(C16, failed, all_of())[1].figure == "not measured: LiteLLM: http/1.1 500"


def test_if_we_fail_what_was_promised_is_missed_and_the_others_figures_stay() -> None:
    failed = Seen({DIRECT: [spent(700)], "Portkey": [spent(300)], "LiteLLM": [spent(50)]}, {OURS: "http/1.1 404"})
    row = ours_row(C16, failed)
    assert (row.figure, row.kept) == ("not measured: ours: http/1.1 404", False)
    assert "700" in row.baseline
    assert [each.kept for each in peer_rows(C16, failed, all_of())] == [False, False]
    assert added_row(failed).kept is False


def test_a_side_that_breaks_is_left_out_from_then_on() -> None:
    class Side:
        def __init__(self, name: str, *rates: float) -> None:
            self.name, self.rates = name, [*rates]

        def spend(self, _case: Case, _seconds: float, _most: int) -> Spent:
            rate = self.rates.pop(0)
            return spent(rate) if rate else Spent(Load(broken="gone"), 0, 0)

    rounds = measured([Side(DIRECT, *range(1, 7)), Side(OURS, 1, 2, 0)], C16)
    assert [each.load.rate for each in rounds.rounds[DIRECT]] == [2, 3, 4, 5, 6]  # the first only warms up
    assert (rounds.broken, OURS in rounds.rounds) == ({OURS: "gone"}, False)
