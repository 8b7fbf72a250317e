"""What a worker process must know, beyond the store: which lanes it serves, and how much its engines may take."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """`GATEWAY_` and a field's name in capitals; `GATEWAY_LANES` is comma-separated."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True, extra="ignore")

    worker_name: str = Field(default="", description="how this worker is called in health keys; one is made if empty")
    lanes: Annotated[list[str], NoDecode] = ["engines", "parts", "chat", "upstream", "delivery"]
    engine_slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, description="renders at once")
    chat_slots: int = Field(default=2, ge=1, description="answers at once; each has a process of its own, of 350 MB")
    engine_memory_mb: int | None = Field(
        default=None, ge=200, description="the most one engine process may take; each engine's own figure, if not given"
    )
    engine_idle_s: float = Field(default=300, gt=0, description="an engine without work is dropped after this")
    engine_stall_s: float | None = Field(
        default=None,
        gt=0,
        description="an engine without progress is killed after this; after its own time, if not given",
    )
    delivery_slots: int = Field(default=64, ge=1, description="webhooks under way at once")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
        description="where upstreams find the API, to call back",
    )
    upstream_slots: int = Field(default=32, ge=1, description="jobs sent or brought home at once; waiting takes none")
    lease_s: float = Field(default=10, gt=0)
    drain_s: float = Field(default=10, ge=0, description="what running jobs get to end by themselves at a stop")
    data: Path = Path(".gateway")

    @field_validator("lanes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [lane.strip() for lane in value.split(",") if lane.strip()] if isinstance(value, str) else value

    @field_validator("lanes")
    @classmethod
    def _at_least_one(cls, lanes: list[str]) -> list[str]:
        if not lanes:
            raise ValueError("name at least one lane")
        return lanes

    @property
    def spool(self) -> Path:
        """Where results lie between being made and being stored."""
        return self.data / "spool"
