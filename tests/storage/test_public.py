"""The public job: what callers see of a job in every state."""

import time
from typing import Any

import pytest
from pydantic import SecretStr

from storage.errors import ObjectsUnavailable
from storage.ids import Part
from storage.job import TERMINAL, Failure, Job, OutputStatus, PublicStatus, Status
from storage.jobs import Place
from storage.links import Links
from storage.public import PublicJobs, iso, waits
from tests.storage.samples import sample

BASE = "https://gateway.example"
RECORD_S = 3600
PUBLIC = PublicJobs(Links(SecretStr("s" * 32)), record_s=RECORD_S)
NEXT_UP = Place(0, 20.0, 2)


def shown(place: Place | None = None, **fields: Any) -> dict[str, Any]:
    return PUBLIC.render(sample(created=1_751_328_000_000, **fields), base_url=BASE, place=place)


@pytest.mark.parametrize("status", Status)
def test_the_status_is_one_of_the_closed_set_and_an_ended_job_has_no_stage(status: Status) -> None:
    job = shown(status=status)
    assert job["status"] in set(PublicStatus)
    assert (job["stage"] is None) == (status in TERMINAL)


def test_a_stage_that_the_worker_names_is_shown() -> None:
    assert shown(status=Status.RUNNING, stage="tuning")["stage"] == "tuning"


def test_times_are_iso_8601_in_utc() -> None:
    job = shown(status=Status.SUCCEEDED, started=1_751_328_000_500, finished=1_751_328_001_000)
    assert job["created_at"] == "2025-07-01T00:00:00.000Z"
    assert job["started_at"] == "2025-07-01T00:00:00.500Z"
    assert job["finished_at"] == "2025-07-01T00:00:01.000Z"
    assert iso(0) is None


def test_it_expires_with_its_record_or_when_its_caller_asked() -> None:
    ended: dict[str, Any] = {"status": Status.SUCCEEDED, "finished": 1_751_328_000_000}
    assert shown(**ended)["expires_at"] == "2025-07-01T01:00:00.000Z"
    assert shown(**ended, keep_s=60)["expires_at"] == "2025-07-01T00:01:00.000Z"
    assert shown()["expires_at"] is None


def test_an_error_of_a_job_that_goes_on_or_went_well_is_not_shown() -> None:
    error = Failure("engine_lost", "its process died", retryable=True)
    told = {"code": "engine_lost", "message": "its process died", "retryable": True}
    assert shown(status=Status.FAILED, error=error)["error"] == told
    for status in (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED):
        assert shown(status=status, error=error)["error"] is None


@pytest.mark.parametrize(
    ("place", "queue"),
    [
        (Place(0, 20.0, 2), {"position": 1, "eta_s": 10.0, "why_waiting": "it is the next to be served"}),
        (Place(1, 20.0, 2), {"position": 2, "eta_s": 20.0, "why_waiting": "1 job is served first"}),
        (Place(3, 0.0, 2), {"position": 4, "eta_s": None, "why_waiting": "3 jobs are served first"}),
        (Place(3, 20.0, 0), {"position": 4, "eta_s": None, "why_waiting": "no worker serves the engines lane"}),
    ],
)
def test_a_waiting_job_says_where_it_stands_and_why_it_waits(place: Place, queue: dict[str, Any]) -> None:
    assert shown(place)["queue"] == queue


def test_a_job_put_off_says_until_when_and_after_what() -> None:
    until = int(time.time() * 1000) + 60_000
    place = Place(None, 20.0, 1)
    plain = shown(place, not_before=until)["queue"]
    assert plain == {"position": None, "eta_s": None, "why_waiting": f"retrying; not before {iso(until)}"}
    told = shown(place, not_before=until, error=Failure("engine_lost", "its process died"))["queue"]
    assert told["why_waiting"] == f"retrying after: its process died; not before {iso(until)}"


def test_a_job_that_waits_for_the_object_store_says_so_in_any_state() -> None:
    for status in (Status.QUEUED, Status.STORING):
        job = shown(Place(None, 20.0, 1), status=status, stage=ObjectsUnavailable.code)
        assert job["queue"]["why_waiting"] == "the object store is away"


def test_a_job_that_waits_for_an_account_says_what_for() -> None:
    later = int(time.time() * 1000) + 60_000
    job = shown(Place(None, 20.0, 1), stage="waiting_capacity", waits_for="account studio rests", not_before=later)
    assert (job["stage"], job["queue"]["why_waiting"]) == ("waiting_capacity", "the account rests")


def test_what_serves_a_job_elsewhere_is_told_by_its_kind_and_not_by_the_account_s_name() -> None:
    job = shown(None, engine="upstream", account="studio", served_by="suno", status=Status.WAITING)
    assert (job["engine"], job["stage"], job["status"]) == ("suno", "upstream", "running")
    assert shown(None, engine="upstream")["engine"] == "upstream"
    assert "studio" not in str(job)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.QUEUED}))
def test_a_job_that_does_not_wait_has_no_queue(status: Status) -> None:
    assert shown(NEXT_UP, status=status)["queue"] is None
    assert not waits(sample(status=status))


def linked(job: Job) -> list[bool]:
    return [bool(output["url"]) for output in PUBLIC.render(job, base_url=BASE)["outputs"]]


def test_an_output_has_a_link_once_it_is_being_made_unless_it_never_will_be() -> None:
    job = sample(items=1, status=Status.RUNNING)
    assert not any(linked(job))
    for output in job.outputs:
        output.status = OutputStatus.MAKING
    assert all(linked(job))
    job.status = Status.FAILED
    assert not any(linked(job))
    job.output(1).status = OutputStatus.STORED
    assert linked(job) == [True, False, False, False]


def test_what_an_engine_remembers_is_never_shown() -> None:
    job = sample(items=2)
    ids = {output["id"] for output in PUBLIC.render(job, base_url=BASE)["outputs"]}
    assert ids == {job.output_id(output) for output in job.outputs if output.part != Part.PLAN}


def test_links_start_with_what_they_are_told_to() -> None:
    job = sample(status=Status.RUNNING)
    job.output(1).status = OutputStatus.STORED
    seen = PUBLIC.render(job, base_url="https://x.example/ai")
    assert seen["urls"]["self"] == f"https://x.example/ai/v1/jobs/{job.id}"
    assert seen["outputs"][0]["url"].startswith("https://x.example/ai/media/")
