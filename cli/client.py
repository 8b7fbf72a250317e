"""A small client of a gateway's own HTTP surface, for the command line."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_TIMEOUT_S = 90.0  # media links wait up to 60 s for a file that is being made


class Refused(Exception):
    """The gateway answered with an error; the message is its own."""


class Client:
    """One gateway and one key. Calls block."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, body)

    def download(self, url: str, to: Path) -> None:
        """Save what an absolute link leads to; media links need no key."""
        with urlopen(url, timeout=_TIMEOUT_S) as answer, to.open("wb") as file:  # noqa: S310 - the gateway's own link
            shutil.copyfileobj(answer, file)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = Request(self._url + path, data=data, method=method, headers=headers)  # noqa: S310 - the gateway
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
