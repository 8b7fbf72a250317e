"""How a job at an upstream should have ended, whatever became of its workers on the way."""

from io import BytesIO

import redis
import soundfile
from PIL import Image

from storage import keys
from storage.completions import completion
from storage.job import Failure, Job, Kind, OutputStatus, Status
from storage.transcripts import parsed
from tests.services import leaks
from tests.storage.samples import where
from tests.workers.upstream.sites import ACCOUNT, COST, Site
from tests.workers.upstream.steps import Known


async def assert_ended_well(site: Site, job: Job, known: Known) -> None:
    """Done, with one accept. Or nobody can tell and an operator says, and then it has failed, or is done. Nothing of it
    is left where nothing should be. `known`: what Redis knew when its worker was lost."""
    done = await site.ended(job)
    doubtful = site.way.pays and (known == Known.INTENDED or (known == Known.SENT and not site.way.lists))
    assert (done.status == Status.IN_DOUBT) == doubtful, done
    assert site.accepts == (0 if doubtful and known == Known.INTENDED else 2 if _made_again(site, known) else 1)
    if doubtful:
        done = await _a_word_is_said(site, done, known)
    if doubtful and known == Known.SENT:
        assert (done.status, site.accepts) == (Status.FAILED, 1)
    else:
        assert (done.status, site.accepts) == (Status.SUCCEEDED, 2 if _made_again(site, known) else 1), done.error
        await _assert_whole(site, done)
        (purse,) = await site.store.ledger.of(ACCOUNT)
        assert purse.units == purse.jobs * COST
        assert purse.jobs == 1 or (_made_again(site, known) and purse.jobs == 2)  # as often as it was done, or once
    await _assert_nothing_left(site, done)


def _made_again(site: Site, known: Known) -> bool:
    """What costs nothing is simply asked for again."""
    return known == Known.SENT and not site.way.pays


async def _a_word_is_said(site: Site, job: Job, known: Known) -> Job:
    """An operator looks at the account, sees whether the job is there, and says so."""
    assert [id for id, _ in await site.store.upstreams.doubts()] == [job.id]
    if known == Known.INTENDED:
        assert await site.store.upstreams.resubmit(job.id)
    else:
        failure = Failure("upstream_failed", "given up by the operator")
        assert await site.store.queue.advance(job.id, Status.FAILED, only=Status.IN_DOUBT, error=failure)
    return await site.ended(job)


async def _assert_whole(site: Site, job: Job) -> None:
    """Every output is there, and can be heard, seen or read."""
    assert {output.status for output in job.outputs} == {OutputStatus.STORED}
    assert {output.item for output in job.outputs} == {*range(1, site.way.items + 1)}
    if site.way.writes:
        assert [choice["message"]["content"] for choice in completion(job)["choices"]] == ["Hello"] * site.way.items
        return
    for output in job.outputs:
        data = await site.kept.get_bytes(str(output.object_key), limit_bytes=1 << 24)
        assert len(data) == output.size_bytes
        match str(output.content_type).partition("/")[0], site.way.kind:
            case _, Kind.TRANSCRIPTION:
                assert parsed(data).text
            case "audio", _:
                assert len(soundfile.read(BytesIO(data))[0])
            case _:
                Image.open(BytesIO(data)).load()


async def _assert_nothing_left(site: Site, job: Job) -> None:
    """No slot is taken, no list has it, and no key of Redis stays for ever that should not. Its ids stay its own."""
    assert (await site.store.capacity.fares(ACCOUNT))[0].busy == 0
    there = {key for key in await where(site.store.redis, job.id) if not key.startswith("bound:")}
    assert there == {f"job:{job.id}", keys.jobs(job.owner)}
    with redis.Redis.from_url(site.direct.redis_url.get_secret_value(), decode_responses=True) as client:
        assert leaks(client) == []
