"""The accounts at upstreams that jobs may go to: `gateway.toml`, read again whenever it changes.

    [accounts.studio]
    adapter = "suno"
    base_url = "https://studio-api.prod.suno.com"
    token_file = "/run/secrets/suno"
    models = { "chirp-v4" = "chirp-v4", "chirp-v3-0" = "chirp-v4" }
    weight = 2
    concurrent = 4
    per_minute = 20
    cost = { "music.generate" = 10 }
    options = { feed = "v2" }

A model that an account serves is served by accounts and no longer by what runs here. How accounts fare is in Redis
(`storage/capacity.py`), not in this file.
"""

import logging
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from yarl import URL

from storage.errors import InvalidRequest

log = logging.getLogger(__name__)

InDoubt = Literal["hold", "fail", "resubmit"]
"""Wait for the operator's word; give it up; send it again, once, at the risk of paying twice."""

_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Chat(BaseModel):
    """How an account is used for chat, where its adapter speaks it.

    `on_disconnect`: what becomes of an answer whose caller leaves, by the public name of its model, or "*": it is
    canceled there ("cancel"), or read to its end, so that its usage is known and its caller may come back ("drain"), or
    that and found as a job ("detach").
    `head_s`, `idle_s`: how long the upstream may be silent before its answer begins, and in the midst of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    on_disconnect: Mapping[str, Literal["cancel", "drain", "detach"]] = {"*": "drain"}
    head_s: float = Field(default=600.0, gt=0)
    idle_s: float = Field(default=120.0, gt=0)

    @field_validator("on_disconnect", mode="before")
    @classmethod
    def _of_all(cls, value: object) -> object:
        return {"*": value} if isinstance(value, str) else value

    def cancels(self, model: str) -> bool:
        """Whether a caller that leaves ends the answer."""
        return self._policy(model) == "cancel"

    def detaches(self, model: str) -> bool:
        """Whether the answer is a job from then on."""
        return self._policy(model) == "detach"

    def _policy(self, model: str) -> str:
        return self.on_disconnect.get(model, self.on_disconnect.get("*", "drain"))


class Account(BaseModel):
    """One account. The credential comes by one of `token_env`, `token_file` and `token_command`, or there is none.

    `models`: public name → what the upstream calls it. `weight`: its share among accounts that could serve a job.
    `proxy`: of the way to `base_url`, `http://[user:password@]host:port`.
    `token_file` may be relative to the file of accounts. `concurrent`: jobs it may have under way; `per_minute`:
    submissions; 0 is no limit. `cost`: units a job of a kind; where the upstream says what is left, in its credits.
    `options`: the adapter's own. `chat`: where it is used for that. `in_doubt`: what becomes of a job of which nobody
    can find out whether it was taken, by the public name of its model, or "*".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    adapter: str
    base_url: str = Field(pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$")
    proxy: str | None = Field(default=None, pattern=r"^http://([^/?#\s@]+@)?[^/?#\s@:]+:\d{1,5}/?$")
    models: Mapping[str, str] = Field(min_length=1)
    token_env: str | None = None
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    weight: int = Field(default=1, ge=1, le=1000)
    concurrent: int = Field(default=0, ge=0)
    per_minute: int = Field(default=0, ge=0)
    cost: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    options: Mapping[str, Any] = {}
    chat: Chat = Chat()
    in_doubt: Mapping[str, InDoubt] = {"*": "hold"}

    @field_validator("in_doubt", mode="before")
    @classmethod
    def _of_all(cls, value: object) -> object:
        return {"*": value} if isinstance(value, str) else value

    def when_in_doubt(self, model: str) -> InDoubt:
        """By the model's public name."""
        return self.in_doubt.get(model, self.in_doubt.get("*", "hold"))

    @model_validator(mode="after")
    def _one_credential(self) -> "Account":
        if sum(map(bool, (self.token_env, self.token_file, self.token_command))) > 1:
            raise ValueError("name one of token_env, token_file and token_command")
        return self


def _any(_account: Account) -> None:
    """What is wrong with an account beyond its form, only workers know."""


class Accounts:
    """Those of a file, as it stands; of no file, none. `check` raises InvalidRequest for what will not do."""

    def __init__(self, path: Path | None, check: Callable[[Account], object] = _any) -> None:
        self._path, self._check = path, check
        self._seen: tuple[int, int, int] | None = None
        self._all: dict[str, Account] = {}

    @classmethod
    def load(cls, path: Path | None, check: Callable[[Account], object] = _any) -> Self:
        """Raises InvalidRequest for a file that is wrong from the start."""
        accounts = cls(path, check)
        if path is not None:
            read(path, check)
            accounts.all()
        return accounts

    @property
    def used(self) -> bool:
        """Whether there is a file, though it may be empty by now."""
        return self._path is not None

    def all(self) -> Mapping[str, Account]:
        """By name. A file that has become unreadable, or wrong, is named in the log, and what it said before holds.

        Blocks on the disk, for as long as it takes to ask for a file's times.
        """
        if self._path is not None and (now := self._looks(self._path)) != self._seen:
            try:
                self._all = read(self._path, self._check)
            except InvalidRequest as error:
                log.error("%s; the accounts stay as they were", error)
            self._seen = now
        return self._all

    def serving(self, model: str) -> list[Account]:
        """The accounts that serve a public model name."""
        return [account for account in self.all().values() if model in account.models]

    def get(self, name: str) -> Account | None:
        return self.all().get(name)

    def named(self, host: str, port: int) -> bool:
        """Whether an account's address is there, or its proxy, so that the operator wants it called, public or not."""
        return any((url.host, url.port) == (host, port) for account in self.all().values() for url in _urls(account))

    @staticmethod
    def _looks(path: Path) -> tuple[int, int, int] | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _urls(account: Account) -> list[URL]:
    return [URL(url) for url in (account.base_url, account.proxy) if url]


def read(path: Path, check: Callable[[Account], object] = _any) -> dict[str, Account]:
    """The accounts of a file. Raises InvalidRequest naming what is wrong with it, and where."""
    try:
        tables = tomllib.loads(path.read_text()).get("accounts", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path}: {error}", field="accounts") from error
    if not isinstance(tables, dict):
        raise InvalidRequest(f"{path}: accounts are tables: [accounts.NAME]", field="accounts")
    found = {name: _account(path, name, table) for name, table in tables.items()}
    for account in found.values():
        try:
            check(account)
        except InvalidRequest as error:
            raise InvalidRequest(f"{path}: {error}", field=error.field) from error
    return found


def _account(path: Path, name: str, table: object) -> Account:
    if not isinstance(table, dict):
        raise InvalidRequest(f"{path}: accounts.{name} is no table", field=f"accounts.{name}")
    try:
        account = Account(**{"name": name, **table})
        if account.token_file is None:
            return account
        return account.model_copy(update={"token_file": path.absolute().parent / account.token_file})
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]  # which may hold a secret that was put there by mistake
        where = ".".join(str(step) for step in ("accounts", name, *fault["loc"]))
        raise InvalidRequest(f"{path}: {where}: {fault['msg']}", field=where) from None
