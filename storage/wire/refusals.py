"""What a status means where the body says nothing better. Source: RFC 9110; 524 is Cloudflare's for a slow origin."""

from storage.errors import (
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamTimedOut,
)
from storage.wire.reading import is_challenge, retry_after_s
from storage.wire.reply import Reply

_LATE = {202, 408, 504, 524}


def by_status(reply: Reply, said: str, *, in_doubt: bool) -> UpstreamError:
    """The error for a reply that is none of the good ones.

    `said`: in the upstream's words, already fit for callers; not told where they may quote our key. `in_doubt`: what to
    say of statuses that leave open whether the job was taken; 202 is one, for it is another gateway's way to let go.
    """
    status, text = reply.status, f"the upstream answered {reply.status}" + (f": {said}" if said else "")
    if is_challenge(reply):
        return UpstreamChallenged("something in front of the upstream wants to see a person")
    if status in (401, 403):
        return UpstreamSessionExpired(f"the upstream refuses the account's credential ({status})")
    if status == 402:
        return UpstreamOutOfCredits(text)
    if status in _LATE:
        return UpstreamTimedOut(f"the upstream was not ready in its own time ({status})", in_doubt=in_doubt)
    if status in (429, 503):
        doubt = in_doubt and status == 503
        return UpstreamBusy(text, retry_after_s=retry_after_s(reply.headers), in_doubt=doubt)
    if status >= 500:
        return UpstreamFailed(text, in_doubt=in_doubt)
    if status >= 400:
        return UpstreamRefused(text)
    return UpstreamMalformed(f"the upstream answered {status}, which is no answer to this", in_doubt=in_doubt)
