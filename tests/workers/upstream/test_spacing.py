"""When to ask again."""

import pytest

from workers.upstream.spacing import EVERY_S, FIRST_S, LONGEST_S, after_failures_s, again_s


@pytest.mark.parametrize(
    ("age_s", "usual_s", "wait_s"),
    [
        (0, 120, 30),  # no sooner than it can have ended, but within the longest gap
        (40, 120, 20),
        (58, 120, FIRST_S),
        (90, 120, EVERY_S),
        (240, 120, EVERY_S),
        (480, 120, 2 * EVERY_S),
        (100_000, 120, LONGEST_S),
        (0, 0, EVERY_S),  # nothing is known of such jobs yet
        (240, 0, 2 * EVERY_S),
    ],
)
def test_a_job_is_asked_after_by_what_such_jobs_take(age_s: float, usual_s: float, wait_s: float) -> None:
    assert again_s(age_s, usual_s) == pytest.approx(wait_s)


@pytest.mark.parametrize(("asked_s", "wait_s"), [(7.0, 7.0), (0.0, 1.0), (900.0, LONGEST_S)])
def test_an_upstream_s_own_wish_is_heeded_within_limits(asked_s: float, wait_s: float) -> None:
    assert again_s(50, 100, asked_s) == wait_s


def test_calls_that_fail_are_made_the_more_seldom() -> None:
    waits = [after_failures_s(failures) for failures in range(12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (EVERY_S, 120.0)
