"""Bodies are checked by pydantic; what it finds becomes one error that names every field at fault."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class FieldError(NamedTuple):
    """One thing wrong with a request. `loc` leads to it: first `body` or `query`, then names and indices."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class InvalidFields(Exception):
    """The body is not what it should be; `errors` says where, and is never empty.

    To callers it is an InvalidRequest, and has its code; only the surface that read the body can say more.
    """

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, each.loc))}: {each.msg}" for each in errors))
        self.errors = errors


def parse_body(model: type[Model], raw: bytes) -> Model:
    """The body as a `model`. Raises InvalidFields."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _translated(error, ("body",)) from error


def parse_value(model: type[Model], value: object, *where: str, part: str = "body") -> Model:
    """A value from inside the body, or the `part` of a request that is meant, found at `where`, as a `model`.

    Raises InvalidFields.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _translated(error, (part, *where)) from error


def _translated(error: ValidationError, prefix: tuple[str | int, ...]) -> InvalidFields:
    """Never with the offending input, which may be long, or a secret."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return InvalidFields(
        [
            FieldError(
                (*prefix, *each["loc"]),
                f"the body is not JSON ({each['msg']})" if each["type"] == "json_invalid" else each["msg"],
                each["type"],
            )
            for each in found
        ]
    )
