"""What the commands for callers say by their exit codes."""

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    MISUSED = 2
    AWAY = 3
    INTERRUPTED = 130


def told(failed: str) -> str:
    """For a command's help. `failed`: what 1 means."""
    return f"""\b
Exit codes:
  0    done
  1    {failed}
  2    the command, its input or the key is wrong: the gateway refused it, or was not asked
  3    no gateway answered
  130  Ctrl-C"""


JOBS = told("a job has failed, was canceled, or has expired")
