"""Chats relayed to a service that answers after 20 ms: what our API adds, beside no gateway, Portkey's and LiteLLM's.

All of them before the same service and on the same two cores, one process each, in turns: 1, 16 and 64 connections, in
one piece and as streams of 100 chunks. Each share and each addition is of one round, and what is printed is the median
of the rounds. 16 connections of 20 ms are 800 answers a second at the most, whoever is in between: how many gateways
could do is seen where the service answers at once. Our share once more over TLS, which is what real services speak.
First, how our API's memory grows over 100 000 chats. The peers come from their packages, which are put into `.bench/`:
where no registry can be reached, their rows say so.
"""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.report import Row, middle, number
from bench.sides import DIRECT, OURS, Case, Side, Sides, Spent, sides

ROUNDS = 5
SECONDS, WARM_S, MOST = 2.0, 0.5, 20_000
COUNTS = (10_000, 100_000)
FILL_S = 240.0
GROWTH = 0.1

PLAIN = [Case(1), Case(16), Case(64)]
AT_ONCE = Case(16, at_once=True)
STREAMS = [Case(1, streamed=True), Case(16, streamed=True), Case(64, streamed=True)]
OVER_TLS = [Case(16), Case(64), Case(16, streamed=True)]
FIRST = Case(1, streamed=True, chunks=10)
SHARES = {Case(16): 0.9, Case(64): 0.75, Case(16, streamed=True): 0.8}
TIMES = {"Portkey": 3, "LiteLLM": 10}
ADDED_MS = (2, 10)
FIRST_MS = 3


class Seen(NamedTuple):
    """Rounds under one load, by side; and what was wrong with those that are left out."""

    rounds: Mapping[str, list[Spent]]
    broken: Mapping[str, str]


def run(folder: Path) -> list[Row]:
    with sides(folder) as all_:
        memory = filled(all_.named(OURS))
        rows = list[Row]()
        for case in [*PLAIN, AT_ONCE, *STREAMS]:
            seen = measured(all_.present, case)
            rows += [ours_row(case, seen), *peer_rows(case, seen, all_)]
            if case == Case(16):
                rows += [added_row(seen), spent_row(seen)]
        for case in OVER_TLS:
            rows.append(ours_row(case, measured(all_.over_tls, case), ", over TLS"))
        rows.append(first_row(measured(all_.present, FIRST)))
        return [*rows, memory, sizes_row(all_)]


def measured(present: Sequence[Side], case: Case) -> Seen:
    """All sides in turns. The first turn is short and only shows who can answer at all."""
    rounds: dict[str, list[Spent]] = {side.name: [] for side in present}
    broken = dict[str, str]()
    for turn in range(ROUNDS + 1):
        for side in present:
            if side.name in broken:
                continue
            spent = side.spend(case, SECONDS if turn else WARM_S, MOST)
            if spent.load.broken:
                broken[side.name] = spent.load.broken
                del rounds[side.name]
            elif turn:
                rounds[side.name].append(spent)
    for name, why in broken.items():
        print(f"chat: {name} at {case}: {why}", file=sys.stderr)
    return Seen(rounds, broken)


def ours_row(case: Case, seen: Seen, how: str = "") -> Row:
    target = SHARES.get(case)
    what, wanted = what_of(case) + how, f"≥ {target:.0%}" if target else "–"
    if reason := missing(seen):
        return unmeasured(what, reason, wanted, figures(seen, DIRECT), promised=target is not None)
    share = each_round(seen, OURS, DIRECT, lambda ours, direct: ours.load.rate / direct.load.rate)
    return Row(what, figures(seen, OURS), figures(seen, DIRECT), f"{share:.1%}", wanted, kept(target, share))


def peer_rows(case: Case, seen: Seen, all_: Sides) -> list[Row]:
    """Beside each peer. Promised is c = 16, in one piece."""
    rows = list[Row]()
    for name, times in TIMES.items():
        target = times if case in (Case(16), AT_ONCE) else None
        what, wanted = f"{what_of(case)}, beside {all_.titles[name]}", f"≥ {times} ×" if target else "–"
        if theirs := all_.absent.get(name) or missing(seen, name):
            rows.append(unmeasured(what, theirs, wanted))
            continue
        if ours := missing(seen):
            rows.append(unmeasured(what, ours, wanted, figures(seen, name), promised=target is not None))
            continue
        ratio = each_round(seen, OURS, name, lambda ours, peer: ours.load.rate / peer.load.rate)
        times_said = f"{number(ratio)} ×"
        rows.append(Row(what, figures(seen, OURS), figures(seen, name), times_said, wanted, kept(target, ratio)))
    return rows


def added_row(seen: Seen) -> Row:
    what, wanted = "what that adds at c = 16, p50 / p99", f"≤ {ADDED_MS[0]} / {ADDED_MS[1]} ms"
    if reason := missing(seen):
        return unmeasured(what, reason, wanted, promised=True)
    p50 = each_round(seen, OURS, DIRECT, lambda ours, direct: ours.load.p50_ms - direct.load.p50_ms)
    p99 = each_round(seen, OURS, DIRECT, lambda ours, direct: ours.load.p99_ms - direct.load.p99_ms)
    ok = p50 <= ADDED_MS[0] and p99 <= ADDED_MS[1]
    return Row(what, f"{signed(p50)} / {signed(p99)} ms", "–", "–", wanted, ok)


def spent_row(seen: Seen) -> Row:
    """How much of the two cores those took who are not measured."""
    what = "what the load generator and the service took of the processor meanwhile, for one answer"
    if DIRECT not in seen.rounds:
        return unmeasured(what, missing(seen, DIRECT), "–")
    direct = seen.rounds[DIRECT]
    generator, service = (
        number(statistics.median(took)) for took in ([s.load.cpu_us for s in direct], [s.mock_us for s in direct])
    )
    return Row(what, f"{generator} and {service} µs", "–", "–", "–", None)


def first_row(seen: Seen) -> Row:
    what = f"the first of {FIRST.chunks} chunks, one in 10 ms, c = 1, p50 / p99"
    wanted = f"p50 + ≤ {FIRST_MS} ms"
    others = "; ".join(f"{name}: {first_of(seen, name)}" for name in seen.rounds if name != OURS)
    if reason := missing(seen):
        return unmeasured(what, reason, wanted, others, promised=True)
    added = each_round(seen, OURS, DIRECT, lambda ours, direct: ours.load.first_p50_ms - direct.load.first_p50_ms)
    return Row(what, first_of(seen, OURS), others, f"{signed(added)} ms", wanted, added <= FIRST_MS)


def filled(ours: Side) -> Row:
    """Our API's memory, from its start, after so many requests and after many more."""
    before, after = COUNTS
    what = f"memory of the API after {number(before)} and {number(after)} chats"
    wanted = f"+ ≤ {GROWTH:.0%}"
    sizes, sent = list[int](), 0
    for count in COUNTS:
        spent = ours.spend(Case(64), FILL_S, count - sent)
        sent += spent.load.answers
        if spent.load.broken or sent < count:
            reason = spent.load.broken or f"{number(sent)} after {FILL_S:.0f} s"
            return unmeasured(what, reason, wanted, promised=True)
        sizes.append(ours.rss_bytes())
    grown = sizes[1] / sizes[0] - 1
    text = " and ".join(f"{number(size / 1e6)}" for size in sizes)
    return Row(what, f"{text} MB", "–", f"{grown:+.1%}", wanted, grown <= GROWTH)


def sizes_row(all_: Sides) -> Row:
    sizes = {side.title: f"{number(side.rss_bytes() / 1e6)} MB" for side in all_.present if side.name != DIRECT}
    ours = sizes.pop(all_.named(OURS).title)
    others = ", ".join(f"{title} {size}" for title, size in sizes.items())
    return Row("memory of each gateway in the end, all of its processes", ours, others or "–", "–", "–", None)


def what_of(case: Case) -> str:
    at_once = ", of a service that answers at once" if case.at_once else ""
    return f"chat, {'stream of 100 chunks' if case.streamed else 'in one piece'}{at_once}, c = {case.connections}"


def figures(seen: Seen, name: str) -> str:
    """The medians of a side's rounds; "" if it has none."""
    if not (rounds := seen.rounds.get(name)):
        return ""
    p50, p99 = (statistics.median(getattr(spent.load, which) for spent in rounds) for which in ("p50_ms", "p99_ms"))
    label = "" if name == OURS else f"{name}: "
    text = f"{label}{middle([spent.load.rate for spent in rounds])}/s; p50 / p99 {number(p50)} / {number(p99)} ms"
    if name == DIRECT:
        return text
    return f"{text}; {number(statistics.median(spent.side_us for spent in rounds))} µs of CPU"


def first_of(seen: Seen, name: str) -> str:
    loads = [spent.load for spent in seen.rounds[name]]
    p50, p99 = (statistics.median(getattr(load, f"first_{which}_ms") for load in loads) for which in ("p50", "p99"))
    return f"{number(p50)} / {number(p99)} ms"


def signed(value: float) -> str:
    """What is added, or what is gained."""
    return f"{'+' if value >= 0 else '−'} {number(abs(value))}"


def each_round(seen: Seen, one: str, other: str, compare: Callable[[Spent, Spent], float]) -> float:
    """The median of what the comparison says of each round."""
    return statistics.median(map(compare, seen.rounds[one], seen.rounds[other]))


def kept(target: float | None, reached: float) -> bool | None:
    return None if target is None else reached >= target


def missing(seen: Seen, *names: str) -> str:
    """Why one of these has no rounds; "" if all have. Without names, of us and of the service itself."""
    return next((f"{name}: {seen.broken[name]}" for name in names or (DIRECT, OURS) if name in seen.broken), "")


def unmeasured(what: str, reason: str, wanted: str, baseline: str = "", *, promised: bool = False) -> Row:
    """A row without a figure. A promise that could not be seen to be kept is missed, but not for want of a peer."""
    short = " ".join(reason.split())[:160].replace("|", "/")
    return Row(what, f"not measured: {short}", baseline or "–", "–", wanted, False if promised else None)
