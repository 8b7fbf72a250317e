"""What the bodies of OpenAI's and the recordings' dialects have in common. No I/O."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Body(BaseModel):
    """Fields that nobody knows are ignored; what is null or empty is as good as not there: so forms say it."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _said(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if value is not None and value != ""}
        return given
