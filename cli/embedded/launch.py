"""Run as a script: become the given program, to be killed by the kernel when our parent dies, however it dies.

    python launch.py PARENT_PID PROGRAM [ARGUMENT ...]

A script and not `preexec_fn`, because code that runs between fork and exec may deadlock in a process with threads. What
prctl sets survives execv. Linux only: elsewhere the pid file in the service's folder finds an orphan at the next start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - becoming that program is the purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
