"""Clients in versions that callers still have, beside those that are installed: each runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

OPENAI_1 = Path(sys.prefix, "openai-1")
"""Where `make` puts openai 1.x and what that needs beside the installed packages: requirements/openai-1.txt."""

WITHIN_S = 120.0


def run_with_openai_1(script: str, *arguments: str, **variables: str) -> str:
    """What a Python script prints, which ends well and warns of nothing, where `import openai` gives 1.x.

    `variables` are its whole environment, but for PATH and HOME. Raises subprocess.TimeoutExpired.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        env={**kept, "PYTHONPATH": str(OPENAI_1), **variables},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
