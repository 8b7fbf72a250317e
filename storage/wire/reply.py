"""What an upstream answered, before anybody has read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from storage.errors import UpstreamMalformed


class Reply(NamedTuple):
    """What came back; header names in lower case. `path`: where the body is, if it was `to_file` and good."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    path: Path | None = None

    @property
    def json(self) -> Any:
        """The body as JSON. Raises UpstreamMalformed."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            kind = self.headers.get("content-type", "nothing it would name")
            raise UpstreamMalformed(f"the upstream answered {self.status} with {kind} that is no JSON") from error
