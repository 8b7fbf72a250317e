from pathlib import Path

import msgspec

from storage.ids import new_job_id
from storage.job import Job, Status
from storage.rules import UPSTREAM
from storage.store import Store
from tests.workers.jobs import admit
from workers.engines.base import Artifact, Made
from workers.spool import Spool


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def make(spool: Spool, job: Job) -> Made:
    """An item in the spool, made but not yet kept."""
    song = spool.folder(job, 1) / "main.mp3"
    song.write_bytes(b"song")
    return Made([Artifact("main", str(song), "audio/mpeg", duration_s=2.5)], {"seed": 7})


def lose(made: Made) -> None:
    Path(made.artifacts[0].path).unlink()


async def test_an_item_counts_as_made_once_it_is_kept(store: Store, tmp_path: Path) -> None:
    spool, job = Spool(tmp_path), await admit(store)
    assert spool.made(job, 1) is None
    made = make(spool, job)
    assert spool.made(job, 1) is None
    spool.keep(job, 1, made)
    assert spool.made(job, 1) == made
    assert spool.made(job, 2) is None


async def test_a_folder_to_make_an_item_in_is_empty(store: Store, tmp_path: Path) -> None:
    spool, job = Spool(tmp_path), await admit(store)
    spool.keep(job, 1, make(spool, job))
    assert not list(spool.folder(job, 1).iterdir())
    assert spool.made(job, 1) is None


async def test_a_torn_mark_is_no_mark(store: Store, tmp_path: Path) -> None:
    spool, job = Spool(tmp_path), await admit(store)
    (spool.folder(job, 1) / "made.json").write_bytes(b'{"artifacts": [{"par')
    assert spool.made(job, 1) is None


async def test_sweeping_keeps_live_jobs_and_forgets_those_that_ended_or_are_gone(store: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    live, ended = await admit(store), await admit(store)
    await store.queue.advance(ended.id, Status.CANCELED)
    for id in (live.id, ended.id, new_job_id()):
        (tmp_path / id / "1").mkdir(parents=True)
    assert await spool.sweep(store.jobs) == 2
    assert names(tmp_path) == [live.id]


async def test_sweeping_leaves_nothing_of_earlier_attempts_at_a_job_that_is_at_an_upstream(
    store: Store, tmp_path: Path
) -> None:
    spool, job = Spool(tmp_path), await admit(store, lane=UPSTREAM)
    for status in (Status.SUBMITTING, Status.WAITING):
        assert await store.queue.advance(job.id, status)
    make(spool, job)
    later = msgspec.structs.replace(job, token=job.token + 1)
    make(spool, later)
    assert await spool.sweep(store.jobs) == 0
    assert names(tmp_path / job.id) == [f"1.{later.token}"]


async def test_attempts_at_an_item_share_no_folder_and_find_what_an_earlier_one_made(
    store: Store, tmp_path: Path
) -> None:
    spool, job = Spool(tmp_path), await admit(store)
    made = make(spool, job)
    later = msgspec.structs.replace(job, token=job.token + 1)
    assert not list(spool.folder(later, 1).iterdir())
    spool.keep(job, 1, made)
    assert spool.made(later, 1) == made


async def test_an_item_that_has_lost_a_file_is_not_made(store: Store, tmp_path: Path) -> None:
    spool, job = Spool(tmp_path), await admit(store)
    made = make(spool, job)
    spool.keep(job, 1, made)
    lose(made)
    assert spool.made(job, 1) is None


async def test_an_attempt_that_leaves_takes_its_things_and_earlier_ones_along_and_no_later_one_s(
    store: Store, tmp_path: Path
) -> None:
    spool, earlier = Spool(tmp_path), await admit(store)
    job, later = (msgspec.structs.replace(earlier, token=earlier.token + more) for more in (9, 10))
    for attempt in (earlier, job, later):
        spool.inputs(attempt)
        make(spool, attempt)
    spool.leave(job)
    assert {*names(tmp_path / job.id)} == {f"1.{later.token}", f"inputs.{later.token}"}
    spool.leave(later)
    spool.leave(later)
    assert names(tmp_path) == []
