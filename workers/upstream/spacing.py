"""When to ask after a job again: seldom before it can have ended, often when it should have, and seldom if it hangs."""

FIRST_S, EVERY_S, LONGEST_S = 5.0, 4.0, 30.0
_EARLIEST = 0.5  # of what such jobs take: hardly any is done before
_GROWS_FROM = 2.0


def again_s(age_s: float, usual_s: float, asked_s: float | None = None) -> float:
    """Seconds until the next look at a job that was sent `age_s` ago. `usual_s`: what such jobs take (0: not known);
    `asked_s`: what the upstream asks for.

    Source of 5 to 15 s, growing: shared/protocols/suno.md A.6.
    """
    if asked_s is not None:
        return min(max(asked_s, 1.0), LONGEST_S)
    if usual_s and age_s < _EARLIEST * usual_s:
        return max(FIRST_S, min(_EARLIEST * usual_s - age_s, LONGEST_S))
    late = age_s / usual_s if usual_s else age_s / 60
    return min(EVERY_S * max(1.0, late / _GROWS_FROM), LONGEST_S)


def after_failures_s(failures: int) -> float:
    """The same, after so many calls in a row that failed."""
    return float(min(EVERY_S * 2 ** min(failures, 8), 120.0))
