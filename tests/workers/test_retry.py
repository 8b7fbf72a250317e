from itertools import takewhile

import pytest

from storage import errors
from workers.retry import ATTEMPTS, LOST_ATTEMPTS, retry_in, spends_attempt


@pytest.mark.parametrize("error", [errors.InvalidRequest("no"), errors.UpstreamRefused(), errors.EngineFailed()])
def test_what_cannot_pass_is_not_tried_again(error: errors.GatewayError) -> None:
    assert retry_in(error, attempt=1) is None


@pytest.mark.parametrize(
    ("error", "most"), [(errors.EngineMisproduced(), ATTEMPTS), (errors.EngineLost(), LOST_ATTEMPTS)]
)
def test_delays_grow_until_the_attempts_are_spent(error: errors.GatewayError, most: int) -> None:
    delays = [retry_in(error, attempt) for attempt in range(1, most + 1)]
    tried = list(takewhile(lambda delay: delay is not None, delays))
    assert tried == sorted(tried)
    assert len(tried) == most - 1
    assert delays[-1] is None


def test_a_store_that_is_away_is_waited_for_without_limit_and_without_spending_attempts() -> None:
    away = errors.ObjectsUnavailable()
    assert not spends_attempt(away)
    assert retry_in(away, attempt=1000) is not None
