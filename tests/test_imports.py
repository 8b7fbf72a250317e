"""The arrows between the folders, as pyproject.toml draws them: they hold, and a tree that breaks one is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ["api", "bench", "cli", "storage", "workers"]
RUN_CONTRACTS = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"

BREACHES = {
    "the floor must not look up": ("storage/job.py", "import workers"),
    "the api must not know a worker": ("api/main.py", "import workers.lanes"),
    "a worker must not know the api": ("workers/main.py", "import api"),
    "storage must not know the web framework": ("storage/job.py", "import litestar"),
    "storage must not know the queue library": ("storage/job.py", "import arq"),
    "only three files of workers may know arq": ("workers/render.py", "from arq import cron"),
    "the api must not know arq": ("api/main.py", "import arq.connections"),
    "only the object store's module may know boto3": ("storage/jobs.py", "import boto3"),
    "nor may a worker know what is under boto3": ("workers/main.py", "import botocore.config"),
    "nothing runs on the benchmarks": ("cli/main.py", "import bench"),
}


def run_contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN_CONTRACTS]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=60)


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """Our folders, empty but for the imports that are allowed, under our own contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    allowed = {
        "api/main.py": "import litestar\nimport storage.jobs\n",
        "bench/queue.py": "import arq\nimport cli.main\n",
        "cli/main.py": "import api.main\nimport workers.main\n",
        "storage/job.py": "import msgspec\n",
        "storage/jobs.py": "import storage.job\n",
        "storage/objects.py": "import boto3\nimport botocore.config\n",
        "workers/lanes.py": "import arq\nimport storage.jobs\n",
        "workers/main.py": "import arq\nimport workers.lanes\n",
        "workers/render.py": "import storage.objects\n",
        "workers/upkeep.py": "import arq\n",
    }
    for name, text in allowed.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_contract_is_kept() -> None:
    outcome = run_contracts(ROOT)
    assert outcome.returncode == 0, outcome.stdout


def test_what_the_contracts_allow_passes(small_tree: Path) -> None:
    outcome = run_contracts(small_tree)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("breach", BREACHES)
def test_an_import_against_the_arrows_is_refused(small_tree: Path, breach: str) -> None:
    name, line = BREACHES[breach]
    with (small_tree / name).open("a") as file:
        file.write(f"{line}\n")
    outcome = run_contracts(small_tree)
    assert outcome.returncode == 1
    assert "BROKEN" in outcome.stdout
    assert name.removesuffix(".py").replace("/", ".") in outcome.stdout
