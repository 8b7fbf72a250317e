"""Everything that can go wrong, split by whose fault it is.

    GatewayError
        RequestError                the caller's: say it again differently
            Unauthorized            no key, or not a good one
            Forbidden               the key may not do this
            NotFound                no such thing, or not this caller's
            Gone                    it was here, and has been deleted
            InvalidRequest          a field is wrong; `field` names it
            UnknownModel            the catalog does not list this model
            ContextTooLong          a conversation has more words than the model can read
            TooLarge                a body or an upload is beyond its limit
            KeyReused               this Idempotency-Key came before with another body
            AlreadyEnded            the job is over: there is nothing left to cancel
            Canceled                the job that was waited for was canceled
            InUse                   it cannot be deleted while something works with it
            AddressRefused          a URL leads to where the gateway may not be sent
        UpstreamError               theirs
            UpstreamBusy            rate limited, or no capacity: wait
            UpstreamTimedOut        no answer in time
            UpstreamFailed          it tried, and failed
            UpstreamRefused         moderation, credits, permission: final
            UpstreamMalformed       an answer we cannot read
            UpstreamUnreachable     no connection came about: nothing was sent
            UpstreamUntrusted       no TLS, or a certificate that proves nothing: nothing was sent
            UpstreamDisconnected    the connection broke before the answer was there
            UpstreamSessionExpired  our credential is refused, or has run out: the operator's to renew
            UpstreamOutOfCredits    the account has nothing left to pay with
            UpstreamChallenged      it wants to see a person: the operator's to answer, never evaded
            UpstreamSuspended       the account is closed
            ContentRefused          it will not make this, for what it is: the caller's to change
        EngineError                 a model that runs here
            EngineFailed            the engine raised
            EngineLost              its process died, or grew past its memory
            EngineTimedOut          no progress for too long
            EngineMisproduced       it made something that is not what was asked for
        StorageError                ours
            RedisUnavailable        Redis does not answer
            ObjectsUnavailable      the object store does not answer
            ObjectMissing           nothing is stored under this key
            NotDurable              the write was not confirmed as durable as the settings ask
        WorkerLost                  its workers vanished, one after the other
        DeadlinePassed              the job did not start, run or finish in its time

Each leaf has a stable `code`, which callers may test for, and says whether the same request may succeed later
(`retryable`). Library exceptions are mapped where they enter and go no further in.
"""

from typing import ClassVar


class GatewayError(Exception):
    """`str(error)` is fit to be shown to the caller: it holds no secret, no path and no traceback."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False
    fault: ClassVar[str] = "gateway"


class RequestError(GatewayError):
    """`field` is the dotted path of the offending field, where there is one."""

    fault = "caller"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unauthorized(RequestError):
    code = "unauthorized"


class Forbidden(RequestError):
    code = "forbidden"


class NotFound(RequestError):
    code = "not_found"


class Gone(RequestError):
    code = "gone"


class InvalidRequest(RequestError):
    code = "invalid_request"


class UnknownModel(RequestError):
    code = "model_not_found"


class ContextTooLong(RequestError):
    code = "context_length_exceeded"


class TooLarge(RequestError):
    code = "too_large"


class KeyReused(RequestError):
    code = "idempotency_key_reused"


class AlreadyEnded(RequestError):
    code = "already_ended"


class Canceled(RequestError):
    code = "canceled"


class InUse(RequestError):
    code = "in_use"


class AddressRefused(RequestError):
    code = "address_refused"


class UpstreamError(GatewayError):
    """`retry_after_s`: what the upstream asks for, if it says. `in_doubt`: it may have taken the job all the same."""

    fault = "upstream"

    def __init__(self, message: str = "", *, retry_after_s: float | None = None, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s, self.in_doubt = retry_after_s, in_doubt


class UpstreamBusy(UpstreamError):
    code = "upstream_busy"
    retryable = True


class UpstreamTimedOut(UpstreamError):
    code = "upstream_timed_out"
    retryable = True


class UpstreamFailed(UpstreamError):
    code = "upstream_failed"
    retryable = True


class UpstreamRefused(UpstreamError):
    code = "upstream_refused"


class UpstreamMalformed(UpstreamError):
    code = "upstream_malformed"


class UpstreamUnreachable(UpstreamError):
    code = "upstream_unreachable"
    retryable = True


class UpstreamUntrusted(UpstreamError):
    code = "upstream_untrusted"


class UpstreamDisconnected(UpstreamError):
    code = "upstream_disconnected"
    retryable = True


class UpstreamSessionExpired(UpstreamError):
    code = "upstream_session_expired"


class UpstreamOutOfCredits(UpstreamError):
    code = "upstream_out_of_credits"


class UpstreamChallenged(UpstreamError):
    code = "upstream_challenged"


class UpstreamSuspended(UpstreamError):
    code = "upstream_suspended"


class ContentRefused(UpstreamError):
    code = "content_refused"
    fault = "caller"


class EngineError(GatewayError):
    pass


class EngineFailed(EngineError):
    code = "engine_failed"


class EngineLost(EngineError):
    code = "engine_lost"
    retryable = True


class EngineTimedOut(EngineError):
    code = "engine_timed_out"
    retryable = True


class EngineMisproduced(EngineError):
    code = "engine_misproduced"
    retryable = True


class StorageError(GatewayError):
    retryable = True


class RedisUnavailable(StorageError):
    code = "redis_unavailable"


class ObjectsUnavailable(StorageError):
    code = "objects_unavailable"


class ObjectMissing(StorageError):
    code = "object_missing"
    retryable = False


class NotDurable(StorageError):
    code = "not_durable"


class WorkerLost(GatewayError):
    code = "worker_lost"
    retryable = True


class DeadlinePassed(GatewayError):
    code = "deadline_passed"
    retryable = True


def by_code(code: str) -> type[GatewayError]:
    """The leaf of the tree that has this code; EngineFailed if none has."""
    leaves: list[type[GatewayError]] = [GatewayError]
    while leaves:
        kind = leaves.pop()
        if vars(kind).get("code") == code:
            return kind
        leaves += kind.__subclasses__()
    return EngineFailed
