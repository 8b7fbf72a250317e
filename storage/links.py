"""Links to results. They outlive presigned URLs and credentials: each is an output id and a proof that we made it."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

from pydantic import SecretStr

from storage.ids import OutputId, split_output_id

_PROOF_BYTES = 16


class Links:
    """Makes and reads `/media/{token}/{name}`. `secret` must stay the same for as long as links are to work."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = hmac.digest(secret.get_secret_value().encode(), b"media links", "sha256")

    def path(self, output: str, name: str) -> str:
        """The path of the link to one output id; `name` is what a browser would save it as."""
        id = UUID(output).bytes
        token = urlsafe_b64encode(id + self._proof(id)).decode().rstrip("=")
        return f"/media/{token}/{name}"

    def read(self, token: str) -> OutputId | None:
        """The output a token stands for, or None if the token is not ours."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        id, proof = raw[:16], raw[16:]
        if not hmac.compare_digest(proof, self._proof(id)):
            return None
        return split_output_id(str(UUID(bytes=id)))

    def _proof(self, id: bytes) -> bytes:
        return hmac.new(self._key, id, sha256).digest()[:_PROOF_BYTES]
