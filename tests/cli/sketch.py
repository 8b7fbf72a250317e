"""A whole gateway whose music engine is quick, and makes files large enough to be cut off in the middle.

Run as a program it is the worker: the real one, but for the engine that its catalog names.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.gateway import Gateway, Program
from tests.gateway import whole_gateway
from tests.workers.sketch_engine import Sketch
from workers.engines.base import Artifact, Made, Report

FILE_BYTES = 2_000_000
COVERS, COVER = ("cover", "cover_large"), b"no picture"
SIZES = 2 * [FILE_BYTES, len(COVER), len(COVER)]
"""Of the files of a job, in the order in which it lists them."""
WORK_S = 0.05


class Large(Sketch):
    """As the sketch, with covers (unless `bare`), and large files; `hold` is waited for with signs of life."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        while (hold := task["request"].get("hold")) and not Path(hold).exists():
            report(random.random() / 2)
            time.sleep(WORK_S)
        made = super().generate(task, folder, report)
        (folder / "main.mp3").write_bytes(contents(task["seed"]))
        if task["request"].get("bare"):
            return made
        for part in COVERS:
            (folder / f"{part}.jpeg").write_bytes(COVER)
        covers = [Artifact(part, str(folder / f"{part}.jpeg"), "image/jpeg") for part in COVERS]
        return msgspec.structs.replace(made, artifacts=[*made.artifacts, *covers])


def contents(seed: int) -> bytes:
    """What the engine makes of a seed."""
    return random.Random(seed).randbytes(FILE_BYTES)


class SketchProgram(Program):
    """One of a gateway's own processes; if it is the worker, with that engine."""

    def _command(self) -> list[str]:
        command = super()._command()
        if command[-1] == "worker":
            command[command.index("cli.main")] = "tests.cli.sketch"
        return command


@contextmanager
def sketch_gateway(folder: Path, **variables: str) -> Iterator[Gateway]:
    """All of a gateway; its worker serves the sketch engine."""
    gateway = whole_gateway(folder, **variables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cli.gateway.Program", SketchProgram)
        gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


if __name__ == "__main__":
    from cli.main import main
    from storage.catalog import ENGINES

    ENGINES["composer"] = ENGINES["composer"]._replace(spec="tests.cli.sketch:Large")
    ENGINES["kokoro"] = ENGINES["kokoro"]._replace(spec="tests.workers.sketch_speaker:Speaker")
    ENGINES["whisper"] = ENGINES["whisper"]._replace(spec="tests.workers.sketch_scribe:Scribe")
    ENGINES["smollm2"] = ENGINES["smollm2"]._replace(spec="tests.workers.sketch_talker:Talker")
    main()
