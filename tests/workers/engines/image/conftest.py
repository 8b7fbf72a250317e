"""Pictures are drawn with our own shapes: what is installed on a machine must not change what is tested."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("GATEWAY_MODELS", str(tmp_path_factory.getbasetemp() / "no models"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
