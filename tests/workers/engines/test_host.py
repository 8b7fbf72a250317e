"""An engine in a subprocess: what it makes, how it fails, and that nothing is left of it."""

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.errors import (
    EngineFailed,
    EngineLost,
    EngineMisproduced,
    EngineTimedOut,
    GatewayError,
    InvalidRequest,
    UpstreamBusy,
)
from tests.waiting import until
from workers.engines.base import Made
from workers.engines.host import EngineHost
from workers.engines.limits import Limits

SAMPLE = "tests.workers.engines.sample_engines:Sample"
GONE_WITHIN_S = 10.0


@pytest.fixture
async def host() -> AsyncIterator[EngineHost]:
    host = EngineHost(SAMPLE, limits=Limits(500, 20))
    yield host
    await host.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.mkdir()
    return path


async def run(host: EngineHost, folder: Path, do: str = "draw", **task: Any) -> Made:
    return await host.generate({"do": do, **task}, folder, lambda _: None)


async def started(host: EngineHost, folder: Path, do: str = "hang") -> asyncio.Task[Made]:
    """A call that has got as far as its first word of progress."""
    heard = asyncio.Event()
    calling = asyncio.create_task(host.generate({"do": do}, folder, lambda _: heard.set()))
    await heard.wait()
    return calling


def pid_of(host: EngineHost) -> int:
    assert host.pid is not None
    return host.pid


async def test_what_the_engine_made_comes_back_and_its_files_lie_in_the_folder(host: EngineHost, folder: Path) -> None:
    made = await run(host, folder, words="héllo")
    (artifact,) = made.artifacts
    assert (artifact.part, artifact.content_type, artifact.duration_s) == ("main", "text/plain", 1.5)
    assert artifact.path == str(folder / "main.txt")
    assert (folder / "main.txt").read_text() == '{"do": "draw", "words": "h\\u00e9llo"}'
    assert made.metadata["pid"] == host.pid


async def test_progress_arrives_in_order_and_never_falls(host: EngineHost, folder: Path) -> None:
    heard: list[float] = []
    await host.generate({"do": "draw", "progress": [0.1, 0.5, 0.3, 0.9, 7]}, folder, heard.append)
    assert heard == [0.1, 0.5, 0.5, 0.9, 1.0]


async def test_progress_arrives_while_the_engine_works(host: EngineHost, folder: Path) -> None:
    calling = await started(host, folder)
    assert not calling.done()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_no_process_runs_before_the_first_call(host: EngineHost) -> None:
    assert host.pid is None


async def test_many_calls_share_one_process_that_loads_once(host: EngineHost, folder: Path) -> None:
    made = [await run(host, folder) for _ in range(20)]
    assert len({m.metadata["pid"] for m in made}) == 1
    assert [m.metadata["calls"] for m in made] == list(range(1, 21))
    assert made[-1].metadata["loads"] == 1


async def test_calls_at_once_take_turns(host: EngineHost, folder: Path) -> None:
    made = await asyncio.gather(*(run(host, folder) for _ in range(5)))
    assert [m.metadata["calls"] for m in made] == [1, 2, 3, 4, 5]


async def test_a_large_task_and_a_large_answer_cross(host: EngineHost, folder: Path) -> None:
    words = "x" * 2_000_000
    assert words in (await run(host, folder, "echo", words=words)).metadata["words"]


async def test_what_native_code_prints_does_not_disturb(host: EngineHost, folder: Path) -> None:
    assert (await run(host, folder, "chatter")).metadata["calls"] == 1


async def test_the_process_knows_no_secret_and_steps_back_for_the_event_loops(
    host: EngineHost, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GATEWAY_SECRET", "GATEWAY_S3_SECRET_KEY", "GATEWAY_REDIS_URL", "GATEWAY_API_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("GATEWAY_SOUNDFONT", "/some/font.sf2")
    seen = (await run(host, folder, "describe")).metadata
    assert "hush-hush" not in seen["environment"].values()
    assert seen["environment"]["GATEWAY_SOUNDFONT"] == "/some/font.sf2"
    assert seen["environment"]["OMP_NUM_THREADS"] == "1"
    assert seen["environment"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert seen["nice"] == min(19, os.nice(0) + 5)


async def test_the_process_finds_its_modules_where_we_find_ours(
    host: EngineHost, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socket.py").write_text("raise SystemExit('a stray file of the current folder was imported')")
    monkeypatch.chdir(tmp_path)
    seen = (await run(host, folder, "describe")).metadata
    assert str(Path(__file__).parents[3]) in seen["path"]


async def test_a_cancelled_call_ends_the_process_at_once_and_the_next_starts_another(
    host: EngineHost, folder: Path
) -> None:
    calling = await started(host, folder)
    pid = pid_of(host)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert not psutil.pid_exists(pid)
    assert (await run(host, folder)).metadata["pid"] != pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
async def test_a_process_that_is_killed_is_lost_and_the_next_call_starts_another(
    host: EngineHost, folder: Path, number: int
) -> None:
    with pytest.raises(EngineLost, match=rf"signal {number:d}; it may use 500 MB"):
        await run(host, folder, "kill", signal=number)
    assert host.pid is None
    assert (await run(host, folder)).metadata["calls"] == 1


async def test_a_segmentation_fault_is_survived(host: EngineHost, folder: Path) -> None:
    with pytest.raises(EngineLost, match=rf"signal {signal.SIGSEGV:d}"):
        await run(host, folder, "segfault")
    assert (await run(host, folder)).metadata["calls"] == 1


async def test_an_exit_is_reported_with_its_code(host: EngineHost, folder: Path) -> None:
    with pytest.raises(EngineLost, match="exit code 3"):
        await run(host, folder, "exit")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the cap")
async def test_an_engine_that_takes_too_much_memory_is_lost_and_the_cap_is_named(
    host: EngineHost, folder: Path
) -> None:
    with pytest.raises(EngineLost, match="500 MB it may use"):
        await run(host, folder, "gorge")
    assert (await run(host, folder)).metadata["calls"] == 1


async def test_an_engine_without_progress_is_killed(folder: Path) -> None:
    host = EngineHost(SAMPLE, limits=Limits(stall_s=1.5))
    await run(host, folder)
    pid = pid_of(host)
    with pytest.raises(EngineTimedOut, match=r"no progress for 1\.5 s"):
        await run(host, folder, "hang")
    assert not psutil.pid_exists(pid)
    assert host.pid is None


async def test_an_invalid_request_crosses_the_border_with_its_field(host: EngineHost, folder: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"^the song is too long$") as caught:
        await run(host, folder, "refuse")
    assert type(caught.value) is InvalidRequest
    assert caught.value.field == "input.duration_s"


@pytest.mark.parametrize(("do", "error"), [("spoil", EngineMisproduced), ("wait", UpstreamBusy)])
async def test_an_error_of_the_tree_crosses_the_border_as_itself(
    host: EngineHost, folder: Path, do: str, error: type[GatewayError]
) -> None:
    with pytest.raises(GatewayError) as caught:
        await run(host, folder, do)
    assert type(caught.value) is error


async def test_any_other_error_is_told_by_its_type_and_logged_in_full(
    host: EngineHost, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineFailed) as caught:
        await run(host, folder, "break")
    assert str(caught.value) == "the engine broke: KeyError"
    assert "KeyError: '/home/someone/secret'" in capfd.readouterr().err


async def test_a_failed_call_does_not_cost_the_process(host: EngineHost, folder: Path) -> None:
    for do, error in (("refuse", InvalidRequest), ("break", EngineFailed), ("spoil", EngineMisproduced)):
        with pytest.raises(error):
            await run(host, folder, do)
    assert (await run(host, folder)).metadata["calls"] == 4


@pytest.mark.parametrize("what", [None, "a string", {"artifacts": []}, 7])
async def test_what_is_not_a_result_is_refused(host: EngineHost, folder: Path, what: object) -> None:
    with pytest.raises(EngineMisproduced, match="the engine returned a"):
        await run(host, folder, "return", what=what)


@pytest.mark.parametrize("path", ["missing", "empty", "../elsewhere", "/etc/hostname", "."])
async def test_a_file_that_is_not_there_is_refused(host: EngineHost, folder: Path, path: str) -> None:
    (folder.parent / "elsewhere").write_text("not yours")
    with pytest.raises(EngineMisproduced, match="made no cover file"):
        await run(host, folder, "name", path=path)


async def test_an_answer_that_is_not_json_is_the_engines_failure(host: EngineHost, folder: Path) -> None:
    with pytest.raises(EngineFailed, match="TypeError"):
        await run(host, folder, "unencodable")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("tests.workers.engines.sample_engines:Unloadable", "FileNotFoundError"),
        ("tests.workers.engines.sample_engines:Nobody", "AttributeError"),
        ("no.such.module:Engine", "ModuleNotFoundError"),
    ],
)
async def test_an_engine_that_cannot_be_loaded_has_failed(folder: Path, spec: str, error: str) -> None:
    host = EngineHost(spec)
    with pytest.raises(EngineFailed, match=error):
        await run(host, folder)
    await host.close()


async def test_a_process_without_work_is_ended_and_comes_back_when_there_is_some(folder: Path) -> None:
    host = EngineHost(SAMPLE, idle_s=0.05)
    pid = (await run(host, folder)).metadata["pid"]
    await until(lambda: not psutil.pid_exists(pid))
    assert host.pid is None
    assert (await run(host, folder)).metadata["calls"] == 1
    await host.close()


async def test_dropping_waits_for_the_call_under_way(host: EngineHost, folder: Path) -> None:
    calling = asyncio.create_task(run(host, folder))
    await until(lambda: host.pid)
    await host.drop()
    assert calling.done()
    assert host.pid is None
    await calling


async def test_closing_ends_a_call_under_way_and_may_be_repeated(host: EngineHost, folder: Path) -> None:
    calling = await started(host, folder)
    pid = pid_of(host)
    await host.close()
    await host.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineLost):
        await calling


async def test_a_listener_that_raises_ends_the_call(host: EngineHost, folder: Path) -> None:
    def listen(_: float) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await host.generate({"do": "hang"}, folder, listen)
    assert host.pid is None


async def test_thirty_cancelled_calls_leave_no_file_open_and_no_process(host: EngineHost, folder: Path) -> None:
    await run(host, folder)
    await host.close()
    gc.collect()
    me = psutil.Process()
    files, children = me.num_fds(), me.children()
    for turns in range(30):
        calling = asyncio.create_task(run(host, folder, "hang"))
        for _ in range(turns):  # so that the start is interrupted at every step it has
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    await until(lambda: me.num_fds() <= files)
    await until(lambda: me.children() == children)
    assert host.pid is None


@contextlib.contextmanager
def killed_worker(folder: Path) -> Iterator[int]:
    """A process with an engine at work; the engine's pid. It gets SIGKILL at the end of the block."""
    script = f"""
        import asyncio
        from pathlib import Path
        from workers.engines.host import EngineHost

        async def main():
            host = EngineHost({SAMPLE!r})
            await host.generate({{"do": "hang"}}, Path({str(folder)!r}), lambda _: print(host.pid, flush=True))

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as worker:
        assert worker.stdout is not None
        try:
            yield int(worker.stdout.readline())
        finally:
            worker.kill()


def test_an_engine_dies_with_a_worker_that_is_killed(folder: Path) -> None:
    with killed_worker(folder) as pid:
        engine = psutil.Process(pid)
        assert engine.is_running()
    with contextlib.suppress(psutil.NoSuchProcess):
        engine.wait(GONE_WITHIN_S)
    assert not engine.is_running()


async def test_an_engine_whose_worker_went_silently_ends_by_itself(host: EngineHost, folder: Path) -> None:
    calling = await started(host, folder)
    pid = pid_of(host)
    assert host._child
    host._child.writer.close()  # all that a worker's death is, where the kernel does nothing about its children
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE if psutil.pid_exists(pid) else True)
    with pytest.raises(EngineLost):
        await calling
