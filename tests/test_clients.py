"""tests/clients.py: the older client is the one that runs, and it finds all that it needs."""

from importlib.metadata import distributions, version

import pytest
from packaging.requirements import Requirement

from requirements.lock import lock_file, read_lock
from tests.clients import OPENAI_1, run_with_openai_1

SCRIPT = """
import sys
import openai
client = openai.OpenAI(api_key=sys.argv[1], base_url="http://127.0.0.1:9/v1", max_retries=0)
try:
    client.models.list()
except openai.APIConnectionError as error:
    print(openai.__version__, client.api_key, type(error).__name__)
"""


def test_a_script_runs_with_the_older_client() -> None:
    assert run_with_openai_1(SCRIPT, "sk-test").split() == ["1.109.1", "sk-test", "APIConnectionError"]


def test_a_script_that_fails_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no such key"):
        run_with_openai_1("raise SystemExit('no such key')")


def test_the_older_client_is_the_locked_one_and_all_that_it_needs_is_there() -> None:
    beside = {package.name: package for package in distributions(path=[str(OPENAI_1)])}
    assert {name: package.version for name, package in beside.items()} == {
        pin.name: pin.version for pin in read_lock(lock_file("openai-1").read_text())
    }
    for need in map(Requirement, beside["openai"].requires or ()):
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            found = beside[need.name].version if need.name in beside else version(need.name)
            assert need.specifier.contains(found), need
