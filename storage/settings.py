"""What both sides must know to meet: where Redis and the object store are, and how safe a write has to be.

Read once at start from the environment (`GATEWAY_…`), then passed in.
"""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Durability(StrEnum):
    """What has happened to an accepted job before the caller is told. README says what each survives."""

    EVERYSEC = "everysec"
    FSYNC = "fsync"
    REPLICA = "replica"


class StorageSettings(BaseSettings):
    """`GATEWAY_` and a field's name in capitals: `GATEWAY_REDIS_URL`, `GATEWAY_S3_ENDPOINT`, ..."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

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

    @property
    def record_s(self) -> int:
        return int(self.record_days * 86400)
