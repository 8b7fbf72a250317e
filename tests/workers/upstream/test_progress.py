"""How a job at an upstream gets on, from one look to the next."""

from typing import Any

import pytest

from storage.errors import UpstreamFailed, UpstreamTimedOut
from storage.job import Job, Upstream
from tests.storage.samples import sample
from workers.adapters.base import Done, Failed, File, Item, Pending
from workers.upstream.items import kept
from workers.upstream.progress import ABSENT_FROM_S, ABSENT_POLLS, Limits, missing, open_ids, sight, standing

SENT = 1_700_000_000_000
SONG = Done((File(url="https://cdn.example.com/a.mp3"),), "u1")
BROKEN = Failed(UpstreamFailed("it broke"), "u2")


def job(*items: Item, ids: tuple[str, ...] = ("u1", "u2"), **way: Any) -> Job:
    made = sample(items=2)
    made.upstream = Upstream(**{"intent": "d", "sent": SENT, "ids": [*ids], "items": kept(items)} | way)
    return made


def at(seconds: float) -> int:
    return SENT + round(seconds * 1000)


def test_two_ids_are_two_items() -> None:
    seen = sight(job(), {"u1": (SONG,), "u2": (Pending(begun=True),)}, at(60))
    assert seen.items == (SONG, Pending(begun=True))
    assert seen.progress == 0.5
    assert seen.again_s is not None
    assert standing(job(*seen.items)) == seen.items


def test_one_id_may_be_two_items() -> None:
    seen = sight(job(ids=("task",)), {"task": (SONG, BROKEN)}, at(60))
    assert seen.items == (SONG, BROKEN)
    assert (seen.again_s, seen.progress) == (None, 1.0)


def test_only_what_has_not_ended_is_asked_after() -> None:
    assert open_ids(job()) == ["u1", "u2"]
    assert open_ids(job(SONG, Pending())) == ["u2"]
    assert open_ids(job(SONG, Pending(), ids=("task",))) == ["task"]
    assert open_ids(job(SONG, BROKEN)) == []


def test_what_was_seen_before_stays_when_a_poll_says_less() -> None:
    seen = sight(job(SONG, Pending(begun=True)), {"u2": (Pending(),)}, at(60))
    assert seen.items == (SONG, Pending(begun=True))


def test_progress_is_noted_when_something_has_moved() -> None:
    moved = sight(job(Pending(), Pending(), progressed=at(10)), {"u1": (Pending(begun=True),), "u2": ()}, at(60))
    still = sight(job(Pending(), Pending(), progressed=at(10)), {"u1": (Pending(),), "u2": (Pending(),)}, at(60))
    assert (moved.way.progressed, still.way.progressed) == (at(60), at(10))


def test_an_id_that_polls_leave_out_is_counted_and_looked_for_alone_after_its_grace() -> None:
    way = job()
    for polls in range(1, ABSENT_POLLS + 1):
        seen = sight(way, {"u1": (Pending(),)}, at(polls))
        assert seen.way.absent == {"u2": polls}
        way.upstream = seen.way
    assert missing(seen.way, at(ABSENT_POLLS)) == []
    assert missing(seen.way, at(ABSENT_FROM_S + 1)) == ["u2"]
    assert sight(way, {"u1": (Pending(),), "u2": (Pending(),)}, at(9)).way.absent == {}


def test_one_that_has_ended_is_not_missed() -> None:
    assert sight(job(SONG, Pending()), {"u2": (Pending(),)}, at(60)).way.absent == {}


@pytest.mark.parametrize(
    ("limits", "seconds"), [(Limits(stalled_s=100), 161), (Limits(stalled_s=1e9, longest_s=500), 501)]
)
def test_a_job_that_gets_nowhere_is_given_up_with_what_there_is(limits: Limits, seconds: float) -> None:
    hanging = job(SONG, Pending(begun=True), progressed=at(60))
    seen = sight(hanging, {"u2": (Pending(begun=True),)}, at(seconds), limits=limits)
    assert seen.items[0] == SONG
    assert isinstance(seen.items[1], Failed)
    assert isinstance(seen.items[1].error, UpstreamTimedOut)
    assert seen.again_s is None


def test_a_job_has_as_long_as_its_caller_gives_it() -> None:
    moving = job(Pending(), Pending(progress=0.1), progressed=at(10))
    moving.run_s = 20
    for seconds, over in ((19.0, False), (21.0, True)):
        seen = sight(moving, {"u1": (Pending(),), "u2": (Pending(progress=0.2),)}, at(seconds))
        assert (seen.again_s is None) is over


def test_one_that_still_gets_on_is_not() -> None:
    moving = job(Pending(), Pending(progress=0.1), progressed=at(60))
    seen = sight(moving, {"u1": (Pending(),), "u2": (Pending(progress=0.2),)}, at(161), limits=Limits(stalled_s=100))
    assert seen.again_s is not None


def test_an_upstream_that_asks_for_a_pause_gets_it() -> None:
    seen = sight(job(), {"u1": (Pending(after_s=12.0),), "u2": (Pending(after_s=7.0),)}, at(60))
    assert seen.again_s == 7.0
