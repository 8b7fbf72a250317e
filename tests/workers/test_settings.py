import pytest
from pydantic import ValidationError

from workers.settings import WorkerSettings


def test_lanes_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LANES", " engines, upstream,")
    assert WorkerSettings().lanes == ["engines", "upstream"]


@pytest.mark.parametrize("name", ["ENGINE_SLOTS", "LEASE_S", "ENGINE_IDLE_S"])
def test_a_worker_with_nothing_to_work_with_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", "0")
    with pytest.raises(ValidationError, match=name.lower()):
        WorkerSettings()
