"""A small client of the HTTP surface of a gateway on this machine, for the command line. No proxy is asked."""

import json
import shutil
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import click

_TIMEOUT_S = 90.0  # media links wait up to 60 s for a file that is being made
_direct = build_opener(ProxyHandler({}))


class Refused(click.ClickException):
    """The gateway answered with an error, and the message is its own; or it did not answer."""


class Client:
    """One gateway and one key. Calls block, and raise Refused."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def get(self, path: str) -> Any:
        return json.loads(self._call("GET", path))

    def post(self, path: str, body: Any) -> Any:
        return json.loads(self._call("POST", path, json.dumps(body).encode()))

    def download(self, url: str, to: Path) -> None:
        """Save what an absolute link leads to; media links need no key."""
        try:
            with _direct.open(url, timeout=_TIMEOUT_S) as answer, to.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except (HTTPError, HTTPException, ConnectionError, TimeoutError) as error:
            raise Refused(f"GET {url}: {error}") from error
        if to.stat().st_size != int(answer.headers["content-length"]):  # which http.client does not mind
            raise Refused(f"GET {url}: the answer ended too early")

    def _call(self, method: str, path: str, data: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = Request(self._url + path, data=data, method=method, headers=headers)  # noqa: S310 - the gateway
        try:
            with _direct.open(request, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read())
        except HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except (OSError, HTTPException) as error:
            raise Refused(f"{method} {path}: {error}") from error


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200, within 2 s."""
    try:
        with _direct.open(url, timeout=2.0) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False
