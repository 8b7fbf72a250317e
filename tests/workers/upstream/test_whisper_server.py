"""A server that other people wrote as an upstream: faster-whisper-server, with Whisper base, in a process of its own.

It speaks OpenAI's transcriptions but for one word: the model is asked for as `model_name`, and is `whisper-1` if that
is not said. So its model has to be called that in its file of models.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.ids import new_job_id
from storage.job import Cost, Job, Kind, Status
from storage.media import inputs_prefix
from storage.transcripts import Transcript, parsed
from tests.api.recordings import hears
from tests.waiting import until
from tests.workers.engines.transcription.conftest import SPEECH
from tests.workers.upstream.bench import Bench
from workers.engines.transcription import weights

BESIDE = Path(sys.prefix, "whisper-server")
"""Where `make` puts the server and what it needs beside the installed packages: requirements/whisper-server.txt."""

ENGLISH, FRENCH = ((SPEECH / f"{language}.opus").read_bytes() for language in ("en", "fr"))

MODELS = """
model_options: {{device: cpu, compute_type: int8, cpu_threads: 2}}
models:
  - {{name: whisper-1, path: {folder}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    hears()
    if not BESIDE.is_dir():
        pytest.skip(f"there is no {BESIDE}: make .venv/dev.stamp")
    folder = tmp_path_factory.mktemp("whisper-server")
    (folder / "models.yaml").write_text(MODELS.format(folder=weights.folder()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "faster_whisper_server", "--config", str(folder / "models.yaml")]
    variables = {**os.environ, "PYTHONPATH": str(BESIDE), "HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return httpx.get(f"{url}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=variables, stdout=log, stderr=log
        )
        try:
            asyncio.run(until(answers, "the server answers", limit_s=60))
            yield url
        finally:
            process.terminate()
            process.wait(20)


async def heard_by(bench: Bench, data: bytes, **request: Any) -> Job:
    id = new_job_id()
    key = f"{inputs_prefix(id)}file"
    await bench.objects.put_bytes(key, data, content_type="application/octet-stream")
    more: dict[str, Any] = {"id": id, "dialect": "openai", "model": "whisper-1", "inputs": {"file": key}}
    return await bench.admit(Kind.TRANSCRIPTION, {"task": "transcribe", **request}, **more)


async def said(bench: Bench, job: Job) -> Transcript:
    return parsed(await bench.stored(job.output(1).object_key))


@pytest.fixture
def account(bench: Bench, server: str) -> None:
    bench.file.write_text(
        f"""
        [accounts.ears]
        adapter = "openai"
        base_url = "{server}/v1"
        models = {{ "whisper-1" = "whisper-1" }}
        cost = {{ "transcription" = 1 }}
        options = {{ auth = "none", paid = false }}
        """
    )


async def test_a_recording_is_heard_by_it_and_comes_home_with_its_times(bench: Bench, account: None) -> None:
    async with bench.worker():
        done = await bench.ended(await heard_by(bench, ENGLISH), limit_s=60)
    assert (done.status, done.account, done.served_by) == (Status.SUCCEEDED, "ears", "openai"), done.error
    assert done.cost == Cost(1.0, certain=True)
    heard = await said(bench, done)
    assert "lighthouse keeper climbed the narrow stairs" in heard.text
    assert heard.language == "en"
    assert heard.duration_s == pytest.approx(9.78, abs=0.1)
    assert len(heard.segments) >= 2
    starts = [segment.start for segment in heard.segments]
    assert starts == sorted(starts)


async def test_another_language_is_translated_by_it(bench: Bench, account: None) -> None:
    async with bench.worker():
        done = await bench.ended(await heard_by(bench, FRENCH, task="translate"), limit_s=60)
    assert done.status == Status.SUCCEEDED, done.error
    assert "beach" in (await said(bench, done)).text


@pytest.fixture
def hurried_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.upstream.submit.MOST_TRIES", 2)
    monkeypatch.setattr("storage.capacity.ALLOWED_FAILURES", 9)


async def test_a_file_that_is_no_sound_breaks_it_and_fails_the_job(
    bench: Bench, account: None, hurried_tries: None
) -> None:
    """It answers 500 with a text that says nothing: whose fault it was cannot be told."""
    async with bench.worker():
        failed = await bench.ended(await heard_by(bench, b"no sound at all"), limit_s=60)
        done = await bench.ended(await heard_by(bench, ENGLISH), limit_s=60)
    assert failed.status == Status.FAILED
    assert failed.error
    assert failed.error.code == "upstream_failed"
    assert "500" in failed.error.message
    assert done.status == Status.SUCCEEDED, done.error
