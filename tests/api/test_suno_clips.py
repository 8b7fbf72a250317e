"""What a clip's status is in every state of its job and its output, and that it never goes back."""

from itertools import product

import pytest

from api.dialects.suno import Clip
from api.dialects.suno_clips import ClipStatus, clip_status
from storage.ids import new_job_id
from storage.job import NEXT, TERMINAL, Failure, Job, Kind, OutputStatus, Status
from tests.api.gateway import Gateway

RANK = {status: rank for rank, status in enumerate(ClipStatus)}
ENDS = {ClipStatus.COMPLETE, ClipStatus.ERROR}
OUTPUT_NEXT = {
    OutputStatus.PENDING: {OutputStatus.MAKING, OutputStatus.STORED, OutputStatus.FAILED},
    OutputStatus.MAKING: {OutputStatus.STORED, OutputStatus.FAILED},
    OutputStatus.STORED: set[OutputStatus](),
    OutputStatus.FAILED: set[OutputStatus](),
}
STATES = list(product(Status, OutputStatus))


def clip(status: Status, output: OutputStatus) -> Clip:
    job = Job(
        id=new_job_id(),
        kind=Kind.MUSIC_GENERATE,
        owner="alice",
        dialect="suno",
        model="chirp-v3-0",
        engine="composer",
        lane="engines",
        step="render",
        request={},
        priority=5,
        status=status,
    )
    job.output(1).status = output
    return Clip(job, 1)


def steps(status: Status, output: OutputStatus) -> list[tuple[Status, OutputStatus]]:
    """Where one change leads: the job's, or, while it lives, the output's, or both in one write."""
    jobs = {status, *NEXT[status]}
    if status == Status.STORING:  # only of what came as the answer itself: songs have addresses, and are fetched again
        jobs -= {Status.IN_DOUBT}
    outputs = {output} if status in TERMINAL else {output, *OUTPUT_NEXT[output]}
    return list(product(jobs, outputs))


@pytest.mark.parametrize(("status", "output"), STATES)
def test_a_clip_never_goes_back(status: Status, output: OutputStatus) -> None:
    before = clip_status(clip(status, output))
    for later in steps(status, output):
        after = clip_status(clip(*later))
        allowed = {before} if before in ENDS else {each for each in ClipStatus if RANK[each] >= RANK[before]}
        if (status, before) == (Status.STORING, ClipStatus.STREAMING) and later[0] in TERMINAL:
            allowed = {ClipStatus.COMPLETE, ClipStatus.ERROR}
        assert after in allowed, f"{before} → {after} by {status}/{output} → {later}"


@pytest.mark.parametrize(("status", "output"), STATES)
def test_a_clip_ends_with_its_job_at_the_latest_and_not_before_its_output(status: Status, output: OutputStatus) -> None:
    ended = clip_status(clip(status, output)) in ENDS
    assert ended == (status in TERMINAL or output in (OutputStatus.STORED, OutputStatus.FAILED))


@pytest.mark.parametrize("status", Status)
def test_a_stored_clip_is_complete_whatever_becomes_of_its_job(status: Status) -> None:
    assert clip_status(clip(status, OutputStatus.STORED)) == ClipStatus.COMPLETE


async def test_one_clip_may_fail_alone(gateway: Gateway) -> None:
    ids = [each["id"] for each in (await gateway.alice.generate())["clips"]]
    job = await gateway.claim()
    await gateway.mark(job, OutputStatus.FAILED, [1], error=Failure("engine_misproduced", "it came out silent"))
    await gateway.mark(job, OutputStatus.STORED, [2])
    await gateway.end(job)
    failed, made = await gateway.alice.feed(*ids)
    assert (failed["status"], made["status"]) == ("error", "complete")
    assert failed["metadata"]["error_type"] == "engine_misproduced"
    assert failed["metadata"]["error_message"] == "it came out silent"
    assert failed["audio_url"] == ""
    assert failed["image_url"] is None
    assert made["metadata"]["error_type"] is None


async def test_a_failed_jobs_clips_say_why(gateway: Gateway) -> None:
    ids = [each["id"] for each in (await gateway.alice.generate())["clips"]]
    await gateway.fail("the engine broke")
    for each in await gateway.alice.feed(*ids):
        assert each["status"] == "error"
        assert each["metadata"]["error_type"] == "engine_failed"
        assert each["metadata"]["error_message"] == "the engine broke"


async def test_a_canceled_jobs_clips_say_so(gateway: Gateway) -> None:
    submission = await gateway.alice.generate()
    await gateway.alice.http.post(f"/v1/jobs/{submission['id']}/cancel")
    (one, _) = await gateway.alice.feed(*(each["id"] for each in submission["clips"]))
    assert (one["status"], one["metadata"]["error_type"]) == ("error", "canceled")


async def test_what_the_engine_chose_shows_where_the_caller_said_nothing(gateway: Gateway) -> None:
    submission = await gateway.alice.generate(title=None, tags="", prompt=None)
    job = await gateway.claim()
    made = {"title": "Made Up", "tags": "folk", "prompt": "la la", "vocals": False, "key": "A minor"}
    await gateway.mark(job, OutputStatus.STORED, metadata=made)
    (one, _) = await gateway.alice.feed(*(each["id"] for each in submission["clips"]))
    assert one["title"] == "Made Up"
    assert {key: one["metadata"][key] for key in ("tags", "prompt", "vocals", "key")} == {
        "tags": "folk",
        "prompt": "la la",
        "vocals": False,
        "key": "A minor",
    }
