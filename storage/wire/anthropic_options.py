"""What an operator may say of an account at Anthropic, or at a server that speaks its dialect."""

from typing import Annotated, Literal

import msgspec

Effort = Literal["minimal", "low", "medium", "high", "xhigh"]
LEAST_THOUGHT = 1024


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the API; the newer one takes no temperature. `beta`: features to ask for by name. `max_tokens`: for
    callers who say nothing of it, since it must be said. `thinking`: how many tokens to think, by the caller's
    `reasoning_effort`; of others nothing is thought. `effort`: that word is passed on instead, to models that know it.
    `schemas`: how an answer by a JSON schema is asked for: of the model in words, or by `output_config`, which newer
    models have, and which holds what it promises. `paid`: it charges for what it is sent. `timeout_s`: of a job's call.
    """

    auth: Literal["header", "bearer", "none"] = "header"
    version: Literal["2023-06-01", "2026-10-21"] = "2023-06-01"
    beta: tuple[Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")], ...] = ()
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] = 4096
    thinking: dict[Effort, Annotated[int, msgspec.Meta(ge=LEAST_THOUGHT)]] = {}
    effort: bool = False
    schemas: Literal["words", "output_config"] = "words"
    paid: bool = True
    timeout_s: float = 600.0

    @property
    def samples(self) -> bool:
        """Whether callers may say how to sample."""
        return self.version == "2023-06-01"
