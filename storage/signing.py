"""What proves that a webhook is ours: Standard Webhooks 1.0, symmetric.

Secrets are derived, not stored: from the gateway's own secret, whose they are, and a version that rotation raises.
Older versions sign for a while yet, so that receivers change over in their own time.
"""

import base64
import hmac
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from pydantic import SecretStr
from standardwebhooks import Webhook

SECRET_BYTES = 30
"""A multiple of 3: its Base64 ends without padding, about which verifiers disagree."""

MAX_RETIRING = 4
"""How many older secrets may sign at once: headers have limits."""

PREFIX = "whsec_"


class Signing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which versions of a secret sign: the newest, and older ones, each until a time in Unix ms."""

    version: int = 1
    retiring: tuple[tuple[int, int], ...] = ()

    def rotated(self, now_ms: int, overlap_s: int) -> "Signing":
        """One version on. None of the older ones signs for longer than `overlap_s` from now, or than it did before."""
        ends = now_ms + overlap_s * 1000
        older = [(version, min(until, ends)) for version, until in (*self.retiring, (self.version, ends))]
        return Signing(self.version + 1, tuple(one for one in older if one[1] > now_ms)[-MAX_RETIRING:])

    def versions(self, now_ms: int) -> list[int]:
        """Those that sign now, the newest first."""
        return [self.version, *(version for version, until in reversed(self.retiring) if until > now_ms)]


class Signer:
    """`secret` is the gateway's. Whoever has it can make every secret there is."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = hmac.digest(secret.get_secret_value().encode(), b"webhooks", "sha256")
        self._webhook = lru_cache(maxsize=1024)(self._made)

    def secret(self, whose: str, version: int) -> SecretStr:
        """The secret as its owner is shown it: `whsec_` and standard Base64."""
        derived = hmac.digest(self._key, f"{whose}:{version}".encode(), "sha256")[:SECRET_BYTES]
        return SecretStr(PREFIX + base64.b64encode(derived).decode())

    def headers(self, whose: str, signing: Signing, id: str, body: str, at: datetime) -> dict[str, str]:
        """The headers of one attempt, made at `at`. Receivers refuse what is more than 5 minutes old, or ahead."""
        at = at.astimezone(UTC)  # the library takes any other zone's wall clock for UTC
        versions = signing.versions(int(at.timestamp() * 1000))
        signatures = [self._webhook(whose, version).sign(id, at, body) for version in versions]
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _made(self, whose: str, version: int) -> Webhook:
        return Webhook(self.secret(whose, version).get_secret_value())
