"""What OpenAI's image models take, each family of names in its own way. Names that are none of OpenAI's take anything.

Sources: OpenAI's reference, "Create image", "Create image edit"; the limits of a picture's sides are our engine's.
"""

import re
from typing import NamedTuple

from storage.errors import InvalidRequest

DIALECT = "openai"
SMALLEST_PX, LARGEST_PX = 64, 2048
USUAL_PX = 1024

STEPS = {"low": 10, "standard": 20, "medium": 20, "auto": 20, "hd": 40, "high": 40}
"""What a quality is worth to the engine: more steps are more detail."""

LOOKS = {"vivid": ["vivid"], "natural": list[str]()}
"""What a style is to the engine: colours raised, or its own as they are."""

_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")


class Rules(NamedTuple):
    """Of one family. `sizes`: all there are, none if any will do; `multiple`: of which sides then have to be.

    `inline`: answers always hold the pictures themselves, and `response_format` is refused. `revises`: they also tell
    what was made of the prompt. `by_alpha`: an edit without a mask changes what is transparent in the picture.
    """

    family: str
    prompt_chars: int = 32_000
    most: int = 10
    sizes: tuple[str, ...] = ()
    multiple: int = 1
    qualities: tuple[str, ...] = tuple(STEPS)
    inline: bool = False
    revises: bool = False
    by_alpha: bool = False


_FAMILIES = (
    Rules(
        "dall-e-2",
        1_000,
        sizes=("256x256", "512x512", "1024x1024"),
        qualities=("standard", "auto"),
        by_alpha=True,
    ),
    Rules(
        "dall-e-3",
        4_000,
        most=1,
        sizes=("1024x1024", "1792x1024", "1024x1792"),
        qualities=("standard", "hd", "auto"),
        revises=True,
    ),
    Rules("gpt-image", multiple=16, qualities=("auto", "low", "medium", "high"), inline=True, revises=True),
)
_OTHER = Rules("")


def rules_of(model: str) -> Rules:
    """The rules of the family that a model belongs to, by its public name."""
    return next((rules for rules in _FAMILIES if model.startswith(rules.family)), _OTHER)


def check_prompt(prompt: str, model: str, field: str = "prompt") -> str:
    """Raises InvalidRequest if it is too long."""
    most = rules_of(model).prompt_chars
    if len(prompt) > most:
        raise InvalidRequest(f"{model} takes at most {most} characters; these are {len(prompt)}", field=field)
    return prompt


def check_count(n: int, model: str) -> int:
    """Raises InvalidRequest for more pictures than a request may ask for."""
    most = rules_of(model).most
    if n > most:
        raise InvalidRequest(f"{model} makes at most {most} a request", field="n")
    return n


def quality_of(asked: str | None, model: str) -> str:
    """The quality to make a picture in, `auto` made plain. Raises InvalidRequest."""
    known = rules_of(model).qualities
    if asked is not None and asked not in known:
        raise InvalidRequest(f"{model} takes one of: {', '.join(known)}", field="quality")
    if asked in (None, "auto"):
        return "medium" if "medium" in known else "standard"
    return asked


def size_of(asked: str | None, model: str) -> tuple[int, int] | None:
    """Width and height; None if whoever makes the picture may choose. Raises InvalidRequest."""
    if asked in (None, "auto"):
        return None
    rules = rules_of(model)
    if rules.sizes and asked not in rules.sizes:
        raise InvalidRequest(f"{model} makes one of: {', '.join(rules.sizes)}, or auto", field="size")
    found = _SIZE.fullmatch(asked)
    if not found:
        raise InvalidRequest("is written like 1024x1024: width and height in pixels, or auto", field="size")
    width, height = int(found[1]), int(found[2])
    if not (SMALLEST_PX <= width <= LARGEST_PX and SMALLEST_PX <= height <= LARGEST_PX):
        raise InvalidRequest(f"each side has {SMALLEST_PX} to {LARGEST_PX} pixels", field="size")
    if width % rules.multiple or height % rules.multiple:
        raise InvalidRequest(f"each side is a multiple of {rules.multiple} for {model}", field="size")
    return width, height
