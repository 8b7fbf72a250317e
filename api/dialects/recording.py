"""How JSON says where a recording is, in every dialect, and what their requests have in common. No I/O."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from api.dialects.body import Body
from storage.errors import InvalidRequest
from storage.ids import is_file_id
from storage.transcripts import language_code

MAX_PROMPT = 20_000


class Source(Body):
    """Where a recording is: a URL or a data URI, or a file that the caller has uploaded."""

    url: str | None = Field(default=None, description="An http(s) URL, or a data URI")
    file_id: str | None = Field(default=None, description="The id of one of your files (`POST /v1/files`)")

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if (self.url is None) == (self.file_id is None):
            raise ValueError("either url or file_id is wanted")
        return self


def _source(value: Any) -> Any:
    if isinstance(value, str):
        return {"file_id": value} if is_file_id(value) else {"url": value}
    return value


Required = Annotated[Source, BeforeValidator(_source, json_schema_input_type=str | Source)]
Recording = Annotated[Source | None, BeforeValidator(_source, json_schema_input_type=str | Source | None)]
"""A field of a body; None where the recording comes as a part of a form."""


def known_language(named: str | None, field: str = "language") -> str | None:
    """Whisper's code of a language, given as a code or by its English name. Raises InvalidRequest."""
    if named is None:
        return None
    code = language_code(named)
    if code is None:
        raise InvalidRequest(
            f"{named[:40]!r} is no language that is known here; send an ISO-639-1 code, such as en", field=field
        )
    return code
