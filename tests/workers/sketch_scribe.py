"""A small real engine for tests of transcriptions: a recording is a text, each line of it ten seconds.

`request` may hold: `hold` (a path; line n is heard once `{hold}{n}` is there), `heard` (a file that gets a line for
each line heard), `divide_from_s`, as the real one.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import EngineFailed
from storage.transcripts import Segment, Transcript
from workers.engines.base import Artifact, Made, Report

LINE_S = 10.0
BROKEN = "the engine breaks here"


class Scribe:
    name = "scribe"

    def load(self) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to drop."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        request = task["request"]
        lines = Path(task["inputs"]["file"]).read_text().splitlines()
        if len(lines) * LINE_S > request.get("divide_from_s", 1e9):
            return _divided(lines, folder)
        start = request.get("offset_s", 0.0)
        segments = [_heard(request, line, start + number * LINE_S, report) for number, line in enumerate(lines)]
        said = Transcript(
            text="".join(one.text for one in segments).strip(),
            language="en",
            language_name="english",
            language_probability=0.9,
            duration_s=len(lines) * LINE_S,
            segments=segments,
        )
        path = folder / "transcript.json"
        path.write_bytes(msgspec.json.encode(said))
        return Made([Artifact("main", str(path), "application/json")], {"loops": 1, "text": said.text})


def _divided(lines: list[str], folder: Path) -> Made:
    artifacts, told = [], []
    for number, line in enumerate(lines):
        path = folder / f"part-{number}.flac"
        path.write_text(line)
        artifacts.append(Artifact(f"part-{number}", str(path), "audio/flac"))
        told.append({"start_s": number * LINE_S, "end_s": (number + 1) * LINE_S})
    return Made(artifacts, {"parts": told, "duration": len(lines) * LINE_S})


def _heard(request: Mapping[str, Any], line: str, start_s: float, report: Report) -> Segment:
    number = round(start_s / LINE_S)
    while (hold := request.get("hold")) and not Path(f"{hold}{number}").exists():
        report(0.1)
        time.sleep(0.02)
    if line == BROKEN:
        raise EngineFailed("it cannot make anything of this")
    if heard := request.get("heard"):
        with Path(heard).open("a") as file:
            file.write(f"{number}\n")
    return Segment(
        id=0, seek=0, start=start_s + 1, end=start_s + 9, text=f" {line}", tokens=[], temperature=0.0,
        avg_logprob=-0.1, compression_ratio=1.0, no_speech_prob=0.0,
    )  # fmt: skip
