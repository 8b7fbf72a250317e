"""The secrets of accounts, from where the operator keeps them: never logged, stored or traced.

Callers may read what is wrong with one, as why their job waits: no account's name, no path, no variable's name is told.
"""

import asyncio
import base64
import os
import time
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from storage.accounts import Account
from storage.errors import UpstreamSessionExpired

LASTS_S = 300.0
"""How long what a command has printed is used, unless the upstream refuses it before."""

_COMMAND_LIMIT_S = 30.0
_MOST_BYTES = 65_536


class _Held(NamedTuple):
    secret: SecretStr
    until: float


class Credentials:
    """Reads them anew where they may have changed: a file each time, a command when its answer is old or refused."""

    def __init__(self) -> None:
        self._printed: dict[str, _Held] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def of(self, account: Account) -> SecretStr | None:
        """None for an account without one. Raises UpstreamSessionExpired if it cannot be had."""
        if account.token_env:
            return _found(os.environ.get(account.token_env, ""), "token_env is not set")
        if account.token_file:
            return await asyncio.to_thread(_from_file, account.token_file)
        return await self._from_command(account) if account.token_command else None

    def refused(self, account: Account) -> None:
        """The upstream would not have it: ask the command again next time."""
        self._printed.pop(account.name, None)

    async def _from_command(self, account: Account) -> SecretStr:
        async with self._turns.setdefault(account.name, asyncio.Lock()):
            held = self._printed.get(account.name)
            if held is None or held.until < time.monotonic():
                held = _Held(await _printed(account), time.monotonic() + LASTS_S)
                self._printed[account.name] = held
            return held.secret


def credential(auth: str, secret: SecretStr | None) -> dict[str, str]:
    """The header that a secret goes along in: "bearer", "basic" (it is `user:password`), "header" (`X-Api-Key`)."""
    if secret is None or auth == "none":
        return {}
    text = secret.get_secret_value()
    match auth:
        case "basic":
            return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
        case "header":
            return {"x-api-key": text}
        case _:
            return {"authorization": f"Bearer {text}"}


def _from_file(path: Path) -> SecretStr:
    try:
        return _found(path.read_text(), "token_file is empty")
    except (OSError, UnicodeDecodeError) as error:
        raise UpstreamSessionExpired("the account's token_file cannot be read") from error


async def _printed(account: Account) -> SecretStr:
    """What its command prints, if it ends well in time. What it says on stderr goes to ours."""
    try:
        process = await asyncio.create_subprocess_exec(
            *account.token_command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise UpstreamSessionExpired("the account's token_command cannot be run") from error
    try:
        async with asyncio.timeout(_COMMAND_LIMIT_S):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise UpstreamSessionExpired("the account's token_command takes too long") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise UpstreamSessionExpired(f"the account's token_command ended with {process.returncode}")
    return _found(said[:_MOST_BYTES].decode(errors="replace"), "token_command prints nothing")


def _found(text: str, otherwise: str) -> SecretStr:
    secret = text.strip()
    if not secret:
        raise UpstreamSessionExpired(f"the account's {otherwise}")
    if not secret.isascii() or not secret.isprintable():
        raise UpstreamSessionExpired("the account's token holds what no header can")
    return SecretStr(secret)
