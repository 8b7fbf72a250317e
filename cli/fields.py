"""The fields of a kind's input: texts from a command line or a table become the values that they stand for."""

from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from api.jobs import input_model
from storage.job import OFFERED, Kind


class UnknownKind(ValueError):
    """No job may be of this kind; the message lists those that may."""


class Fields:
    """What the input of one kind may hold. Raises UnknownKind."""

    def __init__(self, kind: str) -> None:
        if kind not in OFFERED:
            raise UnknownKind(f"there is no kind {kind!r}; there are: {', '.join(OFFERED)}")
        self._model = input_model(Kind(kind))
        self.names = sorted(info.alias or name for name, info in self._model.model_fields.items())
        self._readers = {
            info.alias or name: TypeAdapter[Any](cast(Any, info.annotation))
            for name, info in self._model.model_fields.items()
        }

    def value(self, name: str, text: str) -> Any:
        """What a text stands for in this field: a number, a boolean, a list in JSON, or itself. Raises ValueError."""
        reader = self._readers.get(name)
        if reader is None:
            return text
        try:
            return reader.validate_strings(text)
        except ValidationError as error:
            try:
                return reader.validate_json(text)
            except ValidationError:
                raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None

    def faults(self, input: dict[str, Any]) -> list[str]:
        """What is wrong with an input, as far as it can be known here."""
        try:
            self._model.model_validate(input)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found]
        return []


@cache
def fields_of(kind: str) -> Fields:
    return Fields(kind)
