"""The batch script is killed ten times, the server twice, and every line is there once."""

import asyncio
import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from signal import SIGKILL

import pytest

from cli.gateway import Gateway
from storage.job import Status
from tests.cli.callers import Someone
from tests.cli.sketch import SIZES, sketch_gateway
from tests.gateway import part, visiting
from tests.waiting import until

KILLS, PER_TURN = 10, 4
LINES = (KILLS + 1) * PER_TURN
SEED = 20_261_123
LIMIT_S = 60.0
STRIKES = {4: ["the api"], 8: ["the worker", "the api", "Redis", "the S3 store"]}
"""What is killed in which turn, besides the script."""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with sketch_gateway(tmp_path / "gateway", lease_s="2") as gateway:
        yield gateway


class Script:
    """`ai-gateway batch submit … --wait --out …`, again and again. The engine makes a round's lines when it may."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.out = folder / "out"
        self._folder, self._file = folder, folder / "prompts.jsonl"
        self.caller = Someone(gateway, "a script")
        lines = [
            {"custom_id": f"song {number}", "title": f"{number}", "hold": str(self._gate(number // PER_TURN))}
            for number in range(LINES)
        ]
        self._file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def release(self, turn: int) -> None:
        """Let the lines of a turn be made."""
        self._gate(turn).touch()

    def run(self) -> AbstractContextManager["subprocess.Popen[str]"]:
        words = ["batch", "submit", self._file, "--kind", "music.generate", "--wait", "--out", self.out]
        return self.caller.calling(*words)

    def begun(self) -> bool:
        return (self.out / "manifest.json").exists()

    def files(self) -> set[Path]:
        """Those that are here, whole or in part."""
        return {*self.out.glob("media/*"), *self.out.glob(".resume/parts/*")}

    async def brings(self, files: int, more_than: set[Path], running: "subprocess.Popen[str]") -> None:
        """Wait until it has begun so many."""

        def look() -> bool:
            assert running.poll() is None, running.communicate()
            return len(self.files() - more_than) >= files

        await until(look, f"{files} more files", limit_s=LIMIT_S)

    def _gate(self, turn: int) -> Path:
        return self._folder / f"gate-{turn}"


async def test_a_script_killed_ten_times_and_a_server_twice_bring_each_line_once(
    gateway: Gateway, tmp_path: Path
) -> None:
    script, rng = await asyncio.to_thread(Script, gateway, tmp_path), random.Random(SEED)
    for turn in range(KILLS):
        before = script.files()
        with script.run() as running:
            if turn == 0:
                await until(script.begun, limit_s=LIMIT_S)  # it has noted what it is about to submit
            else:
                script.release(turn - 1)
                await script.brings(1, before, running)
                await strike(gateway, STRIKES.get(turn, ()))
                await script.brings(rng.randint(1, 2 * PER_TURN - 1), before, running)
            running.kill()
            assert running.wait() == -SIGKILL
    for turn in range(KILLS - 1, KILLS + 1):
        script.release(turn)
    with script.run() as running:
        _, notes = await asyncio.to_thread(running.communicate)
        assert running.returncode == 0, notes
    await assert_here_once(gateway, script)


async def strike(gateway: Gateway, names: Sequence[str]) -> None:
    """Kill these parts, and start them again."""
    for name in names:
        await asyncio.to_thread(part(gateway, name).kill)
    for name in reversed(names):
        await asyncio.to_thread(part(gateway, name).start)


async def assert_here_once(gateway: Gateway, script: Script) -> None:
    out = script.out
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    ids = {f"song {number}" for number in range(LINES)}
    assert Counter(result["custom_id"] for result in results) == dict.fromkeys(ids, 1)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "completed"
    assert Counter(line["custom_id"] for line in manifest["lines"]) == dict.fromkeys(ids, 1)
    listed = {file["path"]: file for line in manifest["lines"] for file in line["files"]}
    assert {f"media/{file.name}" for file in (out / "media").iterdir()} == listed.keys()
    for path, file in listed.items():
        data = (out / path).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (file["size_bytes"], file["sha256"])
    assert not [*(out / ".resume" / "parts").iterdir()]

    async with visiting(gateway.data, script.caller.key) as visitor:
        jobs = await visitor.jobs()
        assert len(jobs) == LINES
        made = [job for job in await visitor.store.jobs.get(*jobs) if job and job.status == Status.SUCCEEDED]
        assert len(made) == LINES
        stored = [job.output(item).sha256 for job in made for item in (1, 2)]
        assert Counter(stored) == Counter(file["sha256"] for path, file in listed.items() if path.endswith(".mp3"))
        assert Counter(file["size_bytes"] for file in listed.values()) == Counter(SIZES * LINES)
