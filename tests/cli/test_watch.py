import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import gateway, watch
from cli.embedded.service import Service
from cli.gateway import Gateway
from cli.watch import Watch


class Sleeper(Service):
    """A part that does nothing, and cannot start once its folder holds `broken`."""

    name = "the sleeper"
    poll_s = 0.005

    def _choose_ports(self) -> None:
        """It has none."""

    def _command(self) -> list[str]:
        code = "print(flush=True); import time; time.sleep(3600)"
        return [sys.executable, "-c", "raise SystemExit(3)" if self._broken.exists() else code, str(self.folder)]

    def _answers(self) -> bool:
        return self.log.stat().st_size > 0

    @property
    def _broken(self) -> Path:
        return self.folder / "broken"


@pytest.fixture
def told() -> list[str]:
    return []


def test_what_lives_is_left_alone(tmp_path: Path, told: list[str]) -> None:
    with Sleeper(tmp_path) as part:
        process = part.process
        Watch(part, told.append).look()
        assert part.process is process
    assert not told


def test_what_died_is_started_again_at_once_and_the_operator_is_told(tmp_path: Path, told: list[str]) -> None:
    with Sleeper(tmp_path) as part:
        watching = Watch(part, told.append)
        kill(part)
        watching.look()
        assert part.process
        assert part.process.poll() is None
    assert told == [f"the sleeper ended with -9 (its log: {part.log})", "the sleeper runs again"]


def test_what_dies_together_is_started_again_in_the_order_of_the_first_start(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is seen to be dead before its Redis is would else be waited for, and Redis not started."""
    whole = Gateway(tmp_path / "data", "127.0.0.1", 8000, {})
    with Sleeper(tmp_path / "redis") as server, Sleeper(tmp_path / "worker") as worker:
        server.name, worker.name = "Redis", "the worker"
        whole.parts = [server, worker]
        kill(worker)

        def passes(seconds: float) -> None:
            if told:
                raise InterruptedError
            if seconds == gateway._TOGETHER_S:
                kill(server)

        monkeypatch.setattr(gateway, "time", SimpleNamespace(sleep=passes))
        with pytest.raises(InterruptedError):
            whole.watch(told.append)
    assert [line.partition(" (")[0] for line in told] == [
        "Redis ended with -9",
        "Redis runs again",
        "the worker ended with -9",
        "the worker runs again",
    ]


def test_what_dies_again_and_again_is_started_ever_more_slowly(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAUSES_S", (0.0, 3600.0))
    with Sleeper(tmp_path) as part:
        watching = Watch(part, told.append)
        kill(part)
        watching.look()
        kill(part)
        for _ in range(2):
            watching.look()
        assert part.process
        assert part.process.poll() == -9
    assert told.count("the sleeper runs again") == 1


def test_what_has_lived_for_a_while_is_started_at_once_again(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAUSES_S", (0.0, 3600.0))
    monkeypatch.setattr(watch, "STEADY_S", 0.0)
    with Sleeper(tmp_path) as part:
        watching = Watch(part, told.append)
        for _ in range(3):
            kill(part)
            watching.look()
            watching.look()  # sees it alive
    assert told.count("the sleeper runs again") == 3


def test_a_start_that_fails_is_tried_again(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSES_S", (0.0,))
    with Sleeper(tmp_path) as part:
        watching = Watch(part, told.append)
        (tmp_path / "broken").touch()
        kill(part)
        watching.look()
        assert part.process is None
        assert told[-1].startswith("the sleeper exited with 3 at its start.")
        (tmp_path / "broken").unlink()
        watching.look()
        assert told[-1] == "the sleeper runs again"


def kill(part: Service) -> None:
    assert part.process
    part.process.kill()
    part.process.wait()
