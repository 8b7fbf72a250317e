"""End a server that outlived the gateway before us (only where the kernel does not do it: see `launch`).

The caller holds the folder's lock, so whatever still runs on the folder has no owner.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

TERM_LIMIT_S = 10.0
POLL_S = 0.01


def end(pid_file: Path, folder: Path) -> None:
    """Stop the process that `pid_file` names, if its command line shows that it serves `folder`."""
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return
    kill_at = time.monotonic() + TERM_LIMIT_S
    wanted = signal.SIGTERM
    while _serves(pid, folder):
        if time.monotonic() > kill_at:
            wanted = signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, wanted)
        time.sleep(POLL_S)
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, folder: Path) -> bool:
    """A dead process has no command line, and one that only got the same number has another."""
    return str(folder) in command_line(pid)


def command_line(pid: int) -> str:
    """Its arguments separated by spaces, or "" if there is no such process (or it is dead and not yet reaped)."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout
