"""What the API alone needs to know, read once at start from the environment (`GATEWAY_…`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.ids import MAX_LINES


class ApiSettings(BaseSettings):
    """`GATEWAY_` and a field's name in capitals: `GATEWAY_HOST`, `GATEWAY_PUBLIC_URL`, ..."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
        description="what links start with; else what each request calls us (Host, X-Forwarded-…)",
    )
    max_body_bytes: int = Field(default=10_000_000, gt=0, description="larger bodies are refused, on any path")
    file_max_bytes: int = Field(default=2_000_000_000, gt=0, description="the largest file that may be uploaded")
    batch_max_bytes: int = Field(default=200_000_000, gt=0, description="the largest file that a batch may be over")
    batch_max_lines: int = Field(default=100_000, gt=0, le=MAX_LINES, description="the most lines of a batch")
    batch_window: int = Field(default=500, ge=1, le=10_000, description="how many lines of a batch are open at a time")
    wait_s: float = Field(
        default=300,
        ge=0,
        le=3600,
        description="how long a request of a protocol that waits does so, before it gets its job",
    )
    asr_wait_s: float = Field(
        default=3600, ge=0, le=86_400, description="the same of /asr and /detect-language, whose clients wait for hours"
    )
    media_wait_s: float = Field(default=60, ge=0, description="how long a GET waits for a file that is being made")
