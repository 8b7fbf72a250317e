"""What an upstream's error means for its account and for the job: every error of the tree has an answer."""

from collections.abc import Iterator

import pytest

from storage import errors
from storage.capacity import AccountState
from storage.verdict import BUSY_S, RENEWED_S, Verdict, judged


def leaves(kind: type[errors.UpstreamError]) -> Iterator[type[errors.UpstreamError]]:
    for each in kind.__subclasses__():
        yield each
        yield from leaves(each)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.ContentRefused("an artist's name"), Verdict(None, elsewhere=False)),
        (errors.UpstreamRefused("no such model"), Verdict(None, elsewhere=False)),
        (errors.UpstreamBusy("slow down"), Verdict(AccountState.COOLING, BUSY_S)),
        (errors.UpstreamBusy("slow down", retry_after_s=42), Verdict(AccountState.COOLING, 42)),
        (errors.UpstreamBusy("come tomorrow", retry_after_s=1e9), Verdict(AccountState.COOLING, 3600)),
        (errors.UpstreamSessionExpired("401"), Verdict(AccountState.SESSION_EXPIRED, RENEWED_S)),
        (errors.UpstreamOutOfCredits("402"), Verdict(AccountState.NO_CREDITS)),
        (errors.UpstreamChallenged("captcha"), Verdict(AccountState.CHALLENGE)),
        (errors.UpstreamSuspended("closed"), Verdict(AccountState.SUSPENDED)),
        (errors.UpstreamFailed("500"), Verdict(AccountState.COOLING)),
        (errors.UpstreamFailed("503", retry_after_s=7), Verdict(AccountState.COOLING, 7)),
        (errors.UpstreamUnreachable("refused"), Verdict(AccountState.COOLING)),
        (errors.UpstreamMalformed("HTML"), Verdict(AccountState.COOLING)),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_an_error_is_judged(error: errors.UpstreamError, verdict: Verdict) -> None:
    assert judged(error) == verdict


@pytest.mark.parametrize("kind", [*leaves(errors.UpstreamError)], ids=lambda kind: kind.__name__)
def test_no_error_goes_unjudged(kind: type[errors.UpstreamError]) -> None:
    verdict = judged(kind("something"))
    assert verdict.elsewhere or verdict.state is None
