"""Addresses at which upstreams may tell that something has happened to a job: a job's id, and a proof that we made it.

What comes there proves nothing of who it is from, and is no more than a reason to ask the upstream sooner.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

from pydantic import SecretStr

_PROOF_BYTES = 16


class Callbacks:
    """Makes and reads `/v1/callbacks/{account}/{token}`. `base_url`: where the API is reached from outside; without one
    upstreams are told of no address."""

    def __init__(self, secret: SecretStr, base_url: str | None = None) -> None:
        self._key = hmac.digest(secret.get_secret_value().encode(), b"callbacks", "sha256")
        self._base_url = base_url

    def url(self, account: str, job: str) -> str | None:
        """The address for one job of an account."""
        if not self._base_url:
            return None
        id = UUID(job).bytes
        token = urlsafe_b64encode(id + self._proof(account, id)).decode().rstrip("=")
        return f"{self._base_url.rstrip('/')}/v1/callbacks/{account}/{token}"

    def read(self, account: str, token: str) -> str | None:
        """The job that a token stands for, or None if it is not ours, or another account's."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        id, proof = raw[:16], raw[16:]
        return str(UUID(bytes=id)) if hmac.compare_digest(proof, self._proof(account, id)) else None

    def _proof(self, account: str, id: bytes) -> bytes:
        return hmac.new(self._key, account.encode() + b"\0" + id, sha256).digest()[:_PROOF_BYTES]
