"""bench/peers/installed.py: peers are installed once, anew when their lock changes, and their lack is told plainly."""

from pathlib import Path

import pytest

from bench.peers.installed import NotHad, _fault, _once, node_packages, python_packages
from bench.peers.litellm import LiteLLM
from bench.peers.portkey import Portkey


def test_it_is_made_once_and_again_when_something_else_is_wanted(tmp_path: Path) -> None:
    made: list[bytes] = []

    def have(wanted: bytes) -> None:
        def make(folder: Path) -> None:
            assert not folder.exists()
            folder.mkdir()
            made.append(wanted)

        assert _once(tmp_path / "cache" / "peer", wanted, make).is_dir()

    for wanted in (b"one", b"one", b"two", b"two"):
        have(wanted)
    assert made == [b"one", b"two"]


def test_what_was_interrupted_is_made_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        folder.mkdir()
        raise NotHad("in the middle")

    with pytest.raises(NotHad):
        _once(tmp_path / "peer", b"one", fail)
    made: list[Path] = []
    _once(tmp_path / "peer", b"one", made.append)
    assert made == [tmp_path / "peer"]


def test_no_package_index_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(NotHad, match=r"installing it failed: ERROR: .*satisfies the requirement"):
        python_packages("litellm", tmp_path)
    assert not list(tmp_path.glob("*.stamp"))


def test_no_npm_registry_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(NotHad, match=r"installing it failed: npm error .*ECONNREFUSED"):
        node_packages(tmp_path)
    assert not list(tmp_path.glob("*.stamp"))


def test_a_tool_that_fails_in_silence_is_named_too() -> None:
    assert _fault("") == "it said nothing"
    assert _fault("some\nwords\n") == "words"
    assert _fault("a warning\nERROR: this\nERROR: that") == "ERROR: this"


def test_versions_are_those_of_the_locks() -> None:
    assert LiteLLM.version().count(".") == 2
    assert Portkey.version() == "1.15.2"
