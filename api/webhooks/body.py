"""What the webhook operations take."""

from datetime import datetime

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

DAY_S = 86_400
_MOST_EVENTS = 50


def _types(description: str) -> list[str]:
    chosen: list[str] = Field(
        default=[],
        max_length=_MOST_EVENTS,
        description=description,
        validation_alias=AliasChoices("events", "event_types"),
    )
    return chosen


class Registration(BaseModel):
    """The body of POST /v1/webhooks."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="Where events are sent; http or https, at most 2048 characters")
    events: list[str] = _types("Which ones, `job.*` for all; how jobs end, if missing. Also called `event_types`")
    name: str = Field(default="", max_length=200, description="The caller's own")
    enabled: bool = Field(default=True, description="Whether anything is sent there yet")


class Change(BaseModel):
    """The body of PATCH /v1/webhooks/{id}: what is missing stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(default="", description="What is under way goes there too")
    events: list[str] = _types("All that are wanted, not only the new ones. Also called `event_types`")
    name: str = Field(default="", max_length=200)
    enabled: bool = Field(default=True, description="Switched on again, it is sent what waits for it at once")


class Rotation(BaseModel):
    """The body of a rotation, which may be empty."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(default=DAY_S, ge=0, le=7 * DAY_S, description="For how long older secrets sign as well")


class Replay(BaseModel):
    """The body of a replay."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="Events from this time on; ISO 8601 with a zone, or Unix seconds")
    until: AwareDatetime | None = Field(default=None, description="Events before this time; all so far, if missing")
    all: bool = Field(default=False, description="Those that were delivered, too")
    cursor: str | None = Field(default=None, description="`next_cursor` of the call before; the rest as it was there")

    @property
    def since_ms(self) -> int:
        return _unix_ms(self.since)

    @property
    def until_ms(self) -> int | None:
        return _unix_ms(self.until) if self.until else None


def _unix_ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
