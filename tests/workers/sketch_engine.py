"""A small real engine for tests of the render step: deterministic files, and trouble on request."""

import json
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from storage.errors import EngineFailed, EngineLost
from workers.engines.base import Artifact, Made, Report


class Sketch:
    """`request` may hold: `fail_seeds` (those fail for good), `lose` (always lost), `hold` (a path to wait for),
    `made` (a file that gets a line for each item made), `preview` (what to leave as one), `read` (inputs to tell)."""

    name = "sketch"

    def load(self) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to drop."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        request, seed = task["request"], task["seed"]
        report(0.5)
        if preview := request.get("preview"):
            (folder / "preview.jpeg").write_text(preview)
        while (hold := request.get("hold")) and not Path(hold).exists():
            time.sleep(0.01)
        if request.get("lose"):
            raise EngineLost("lost, as asked")
        if request.get("fail_all") or seed in request.get("fail_seeds", ()):
            raise EngineFailed(f"cannot draw {seed}")
        (folder / "main.mp3").write_bytes(drawing(seed, task.get("source")))
        (folder / "plan.json").write_text(json.dumps({"seed": seed}))
        if made := request.get("made"):
            with Path(made).open("a") as file:
                file.write(f"{seed}\n")
        report(1.0)
        artifacts = [
            Artifact("main", str(folder / "main.mp3"), "audio/mpeg", duration_s=1.5),
            Artifact("plan", str(folder / "plan.json"), "application/json"),
        ]
        read = {name: Path(task["inputs"][name]).read_text() for name in request.get("read", ())}
        return Made(artifacts, {"seed": seed, **({"read": read} if read else {})})


def drawing(seed: int, source: object = None) -> bytes:
    """What the engine makes of a seed."""
    return sha256(f"{seed} {json.dumps(source)}".encode()).digest() * 100
