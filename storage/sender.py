"""One attempt at sending a webhook: signed, to one URL, and what the answer means. Who tries again, and when, is not
known here."""

from datetime import UTC, datetime

from storage.job import Failure
from storage.outbound import Answer, Outbound
from storage.signing import Signer, Signing

TIMEOUT_S = 15.0
READ_BYTES = 65_536
"""Of an answer's body, which says nothing to us: read so that the connection can be used again."""

_LOCATION_SHOWN = 200


class Sender:
    def __init__(self, outbound: Outbound, signer: Signer) -> None:
        self._outbound, self._signer = outbound, signer

    async def send(self, url: str, *, whose: str, signing: Signing, id: str, body: bytes, at: datetime) -> Answer:
        """POST an event; `at` is now. Raises what `Outbound.request` raises, RequestErrors about the field "url"."""
        headers = self._signer.headers(whose, signing, id, body.decode(), at) | {"content-type": "application/json"}
        return await self._outbound.request(
            "POST", url, headers=headers, body=body, timeout_s=TIMEOUT_S, limit_bytes=READ_BYTES, field="url"
        )


def complaint(answer: Answer) -> Failure | None:
    """What is wrong with an answer; None if it is a 2xx. Retryable unless it is 410."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 410:
        return Failure("receiver_gone", "answered 410: it wants no more webhooks")
    if 300 <= status < 400:
        location = answer.headers.get("Location")
        where = f" with Location {location[:_LOCATION_SHOWN]}" if location else ""
        return Failure("redirected", f"answered {status}{where}; redirects are not followed", retryable=True)
    return Failure("refused", f"answered {status}", retryable=True)


def now() -> datetime:
    return datetime.now(UTC)
