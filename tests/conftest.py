"""What holds for all tests, also where several processes share them out, file by file, as `make test` does."""

import os
import sys
from pathlib import Path

import pytest

from cli.embedded import ports

pytest_plugins = ["tests.services", "tests.gateway"]

LONGEST_FIRST = [
    "kills/test_songs.py",
    "workers/upstream/test_kills.py",
    "kills/test_pictures.py",
    "test_openai_recordings.py",
    "test_openai_speech.py",
    "kills/test_speech.py",
    "test_webui_client.py",
    "workers/engines/speech/test_engine.py",
    "workers/engines/speech/test_understood.py",
    "workers/engines/music/test_engine.py",
    "test_examples.py",
    "api/test_batch_kills.py",
    "api/test_fuzz.py",
    "api/chat/test_faults.py",
    "api/chat/test_relay.py",
    "api/chat/test_faults_anthropic.py",
    "cli/test_up.py",
    "test_webhook_journey.py",
    "test_asr_clients.py",
    "test_journey.py",
    "cli/test_gateway.py",
    "cli/test_batch_kills.py",
    "cli/test_demo.py",
    "workers/engines/transcription/test_engine.py",
]
"""Files that take most of a minute or more. Begun late, one could keep a process busy after the others have ended."""

_PLACES = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}


def pytest_configure(config: pytest.Config) -> None:
    """Each process draws free ports from its own part of the range: all of them are seeded alike.

    And whatever the environment says, what is imported stays compiled. Hundreds of Pythons are started here, most of
    them to import the same: with every one compiling all of it anew, the whole run would take half as much again.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as engines have it in their processes
    if worker := getattr(config, "workerinput", None):
        ports.RANGE = ports.RANGE[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _PLACES.get(item.path, len(_PLACES)))
