"""What both sides must know to meet: where Redis and the object store are, and how safe a write has to be.

Read once at start from the environment (`GATEWAY_…`), then passed in.
"""

import re
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis.asyncio.connection import parse_url

from storage.addresses import Allowed

_REDIS_URL = re.compile(r"rediss?://([^@\s]*@)?([^][/?@:\s]+|\[[\da-fA-F:.]+\])(:\d{1,5})?(/\d+)?(\?\S*)?|unix://\S+")


class Durability(StrEnum):
    """What has happened to an accepted job before the caller is told. README says what each survives."""

    EVERYSEC = "everysec"
    FSYNC = "fsync"
    REPLICA = "replica"


class StorageSettings(BaseSettings):
    """`GATEWAY_` and a field's name in capitals: `GATEWAY_REDIS_URL`, `GATEWAY_S3_ENDPOINT`, ..."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    redis_url: SecretStr
    s3_endpoint: str
    s3_bucket: str = "media"
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    secret: SecretStr = Field(min_length=32, description="signs media links and API keys; keep it, keep it secret")
    durability: Durability = Durability.EVERYSEC
    record_days: float = Field(default=30, gt=0, description="how long a job's record outlives its end")
    catalog: Path | None = None
    accounts: Path | None = Field(default=None, description="the accounts at upstreams (`storage/accounts.py`)")
    outbound_allow: Annotated[Allowed, NoDecode] = Field(
        default=Allowed(), description="networks and host names that are called although they are not public"
    )

    @field_validator("redis_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        """What both redis-py and arq can read; the message shows nothing of it, for it may hold a password."""
        text = url.get_secret_value().strip().removesuffix("/")
        with suppress(ValueError):
            if _REDIS_URL.fullmatch(text) and parse_url(text):
                return SecretStr(text)
        raise ValueError("an address looks like redis://[[user]:password@]host[:port][/db], rediss://… or unix://path")

    @field_validator("outbound_allow", mode="before")
    @classmethod
    def _entries(cls, value: object) -> object:
        return Allowed.parse(value) if isinstance(value, str) else value

    @property
    def record_s(self) -> int:
        return int(self.record_days * 86400)
