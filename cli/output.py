"""How a command speaks: to a person in short tables, to a program in JSON lines; notes go to standard error."""

import json
import sys
from functools import cached_property
from typing import Any

import click
from rich.console import Console


class Output:
    """`pretty`: somebody looks at what it says; `animated`: and at the notes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.pretty = sys.stdout.isatty() and not as_json
        self.animated = sys.stderr.isatty() and not as_json

    @cached_property
    def console(self) -> Console:
        return Console(highlight=False, markup=False, soft_wrap=True)

    @cached_property
    def notes(self) -> Console:
        return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

    def line(self, value: Any) -> None:
        """A value for a program."""
        click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def note(self, text: str, style: str | None = None) -> None:
        """Something to know meanwhile."""
        self.notes.print(text, style=style)
