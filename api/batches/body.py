"""What POST /v1/batches takes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

WINDOW = "24h"


class Keep(BaseModel):
    """How long after their making the output and error files are kept."""

    anchor: str
    seconds: int


class NewBatch(BaseModel):
    """The body of POST /v1/batches. Unknown fields are ignored, as newer clients may send some."""

    model_config = ConfigDict(extra="ignore")

    input_file_id: str = Field(description="A file uploaded with the purpose `batch`")
    endpoint: str = Field(description="The path that every line is for")
    completion_window: str = Field(default=WINDOW, description="Hours or days, such as 24h; 7d at the most")
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = Field(
        default=None, max_length=16, description="The caller's own; comes back in every answer"
    )
    output_expires_after: Keep | None = Field(default=None, description="After their making; 30 days if missing")
    dry_run: bool = Field(default=False, description="Only judge the lines, and count them by kind")
