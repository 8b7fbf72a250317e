"""What POST /v1/jobs takes."""

from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.admission import PRIORITY
from storage.job import OFFERED, Kind

MAX_METADATA_BYTES = 16_384
_YEAR_S = 365 * 86_400


class Submission(BaseModel):
    """The body of POST /v1/jobs. A field that nobody knows is refused: it would be taken for granted."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Kind = Field(json_schema_extra={"enum": [*OFFERED]})
    model: str | None = Field(default=None, description="A name of the catalog; the kind's default, if missing")
    input: dict[str, Any] = Field(description="What the kind's own dialect takes")
    priority: int = Field(default=PRIORITY, ge=0, le=9, description="0 is served first")
    start_within_s: float | None = Field(default=None, gt=0, le=_YEAR_S, description="Expires if not begun by then")
    run_within_s: int | None = Field(default=None, gt=0, le=_YEAR_S, description="Expires if one attempt takes longer")
    keep_s: int | None = Field(default=None, gt=0, le=_YEAR_S, description="Record and media are erased after that")
    metadata: dict[str, Any] = Field(default={}, description="The caller's own; comes back in every answer")
    webhook: str | None = Field(default=None, description="Its events are sent to this URL, signed")
    webhook_events: list[str] = Field(default=[], description="Which ones; how it ends, if missing")

    @field_validator("kind")
    @classmethod
    def _offered(cls, kind: Kind) -> Kind:
        if kind not in OFFERED:
            raise ValueError(f"Input should be one of: {', '.join(OFFERED)}")
        return kind

    @field_validator("metadata")
    @classmethod
    def _bounded(cls, metadata: dict[str, Any]) -> dict[str, Any]:
        if len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
            raise ValueError(f"metadata may have at most {MAX_METADATA_BYTES} bytes of JSON")
        return metadata
