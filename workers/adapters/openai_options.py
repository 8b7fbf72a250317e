"""What an operator may say of a service that speaks OpenAI's dialect, and what its models' names say of themselves."""

from typing import Literal, NamedTuple

import msgspec

Extra = Literal["seed", "negative_prompt", "steps", "strength", "language"]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`paid`: it charges for what it is sent; false for a server of one's own. `idempotent`: it does a request with the
    same Idempotency-Key once, as another ai-gateway does; OpenAI does not say so. `answers`: how pictures come, where
    that may be asked for; nothing is asked for if it is empty. `extras`: fields of ours that OpenAI has not, and this
    server has; without them what they say is lost. `voices`: its voices, by the names that callers use. `transcripts`:
    the format to ask for; by the model's name, if empty.
    """

    auth: Literal["bearer", "basic", "header", "none"] = "bearer"
    paid: bool = True
    idempotent: bool = False
    timeout_s: float = 600.0
    listening_timeout_s: float = 3600.0
    answers: Literal["b64_json", "url", ""] = "b64_json"
    extras: frozenset[Extra] = frozenset()
    voices: dict[str, str] = {}
    transcripts: Literal["verbose_json", "json", ""] = ""

    @property
    def risky(self) -> bool:
        """Whether a call whose answer is lost may have been paid for, and would be paid for again."""
        return self.paid and not self.idempotent


class Rules(NamedTuple):
    """What models of one family take. `sizes`: all there are; none if any will do. `inline`: they always answer with
    the pictures, refuse `response_format`, and take `output_format`. `varies`: they vary a picture without a prompt."""

    family: str
    most: int = 10
    sizes: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    styled: bool = False
    inline: bool = False
    varies: bool = False


_FAMILIES = (
    Rules("dall-e-2", sizes=("256x256", "512x512", "1024x1024"), varies=True),
    Rules(
        "dall-e-3",
        most=1,
        sizes=("1024x1024", "1792x1024", "1024x1792"),
        qualities=("standard", "hd"),
        styled=True,
    ),
    Rules("gpt-image", qualities=("low", "medium", "high"), inline=True),
)
_OTHER = Rules("", varies=True)
"""A compatible server's own model: nothing is known of it, and it is asked."""


def rules_of(model: str) -> Rules:
    """By the account's name for the model."""
    return next((rules for rules in _FAMILIES if model.startswith(rules.family)), _OTHER)


def transcript_format(model: str, options: Options) -> str:
    """Newer models give text only. Source: OpenAI's reference, "Create transcription", response_format."""
    if options.transcripts:
        return options.transcripts
    return "json" if model.startswith("gpt-") else "verbose_json"
