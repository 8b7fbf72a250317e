"""One fault at one fake upstream, with an account and a model of its own, so that many can be tried side by side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from cli.fakes.songs import Songs
from storage.capacity import AccountState
from storage.errors import UpstreamTimedOut
from storage.ids import new_job_id, output_id
from storage.job import Job, Kind, OutputStatus, Status
from storage.media import inputs_prefix
from storage.standing import Standing
from tests.waiting import until
from tests.workers.jobs import read
from tests.workers.upstream.asked import OTHERS, USUAL, Asked
from tests.workers.upstream.bench import Bench
from tests.workers.upstream.matrix import COLUMNS, Cell, Ends, Word
from workers.upstream.submit import LOOKS, MOST_TRIES

_PACE_S = 0.1
_SONG_S = 0.6
_LIMIT_S = 60.0
_RUN_S = 5
_POLLS = 3  # after which one more changes nothing
_ENDED = {Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED}
_LASTS = {AccountState.NO_CREDITS, AccountState.CHALLENGE, AccountState.SUSPENDED}
"""What an operator has to say the end of."""


class Trial:
    """One cell, at a fake that serves nobody else."""

    def __init__(self, bench: Bench, fake: FakeUpstream, cell: Cell, name: str) -> None:
        self.bench, self.fake, self.cell, self.name = bench, fake, cell, name
        self.asked: Asked = OTHERS[cell.asks] if cell.asks else USUAL[COLUMNS[cell.column].adapter]
        self.standing = Standing(bench.store, bench.accounts)

    async def run(self) -> None:
        """The fault, and what comes after it. Raises AssertionError."""
        more = await self._before()
        made_before = self.accepts
        self.fake.world.faults.set([parse(fault) for fault in self.cell.fault.split()])
        job = await self._admit(more, run_s=_RUN_S if self._runs_out else 0)
        ends = await self._ends(job, made_before)
        assert ends == self.cell.ends, f"{ends}, and not {self.cell.ends}"
        self.fake.world.faults.set([])
        await self._mended(job, ends, made_before)
        made_before = self.accepts
        after = await self.bench.ended(await self._admit(more), limit_s=_LIMIT_S)
        assert after.status == Status.SUCCEEDED, f"the next job: {after.status}, {after.error}"
        assert all(output.status == OutputStatus.STORED for output in after.outputs)
        assert self.accepts == made_before + 1, "the next job was not sent once"
        (fares,) = await self.bench.store.capacity.fares(self.name)
        assert (fares.state, fares.busy) == (AccountState.OK, 0), f"the account after all: {fares}"

    @property
    def accepts(self) -> int:
        return len(self.fake.ledger.accepts)

    @property
    def _runs_out(self) -> bool:
        """Whether the job ends because its time does. All others have all the time that a busy machine may need."""
        ends, asks = self.cell.ends, "on=poll" in self.cell.fault
        return ends.word == "failed" and (asks or ends.code == UpstreamTimedOut.code)

    async def _before(self) -> dict[str, Any]:
        """What the job goes on from, if it goes on from something: fields of its request."""
        if self.asked.kind != Kind.MUSIC_CONCAT:
            return {}
        song = USUAL["suno"].request
        first = await self.bench.ended(await self._admit(song, Kind.MUSIC_GENERATE, 2), limit_s=_LIMIT_S)
        going_on = {**song, "continue_clip_id": output_id(first.id, 1), "continue_at": 0.3}
        second = await self.bench.ended(await self._admit(going_on, Kind.MUSIC_EXTEND, 2), limit_s=_LIMIT_S)
        assert second.status == Status.SUCCEEDED, second.error
        return {"clip_id": output_id(second.id, 1)}

    async def _admit(self, more: dict[str, Any], kind: Kind | None = None, items: int = 0, run_s: int = 0) -> Job:
        asked, id = self.asked, new_job_id()
        inputs = {name: f"{inputs_prefix(id)}{name}" for name in asked.inputs}
        if inputs:
            await self.bench.store.jobs.expect_inputs(id)
        for name, key in inputs.items():
            await self.bench.objects.put_bytes(key, asked.inputs[name], content_type="application/octet-stream")
        return await self.bench.admit(
            kind or asked.kind,
            {**asked.request, **more},
            id=id,
            model=self.name,
            items=items or asked.items,
            inputs=inputs,
            run_s=run_s,
        )

    async def _ends(self, job: Job, made_before: int) -> Ends:
        """How the job stands when it has ended, or nothing moves any more without somebody's doing."""

        async def arrived() -> tuple[Word, str] | None:
            now = await read(self.bench.store, job.id)
            (fares,) = await self.bench.store.capacity.fares(self.name)
            return self._word(now, fares.state)

        word, code = cast(tuple[Word, str], await until(arrived, self.cell.fault, limit_s=_LIMIT_S))
        (fares,) = await self.bench.store.capacity.fares(self.name)
        if word in ("succeeded", "partly", "failed"):
            assert fares.busy == 0, "its slot was not let go"
        state = fares.state
        if self._runs_out and state == AccountState.OK:  # a busy machine asks less than three times in that time
            state = self.cell.ends.account
        return Ends(word, code, self.accepts - made_before, state)

    def _word(self, now: Job, state: AccountState) -> tuple[Word, str] | None:
        code = now.error.code if now.error else ""
        if now.status == Status.SUCCEEDED:
            failed = [output.error for output in now.outputs if output.error]
            return ("partly", failed[0].code) if failed else ("succeeded", "")
        if now.status in _ENDED:
            return "failed", code
        if now.status == Status.IN_DOUBT:
            looks = now.upstream.looks if now.upstream else 0
            return ("held", code) if COLUMNS[self.cell.column].adapter != "suno" or looks >= LOOKS else None
        if self.cell.ends.word != "waits":
            return None
        asked = self.fake.ledger.asked
        if now.status == Status.WAITING:
            return ("waits", code) if asked["poll"] > _POLLS and state != AccountState.OK else None
        tired = state in _LASTS or asked["submit"] > MOST_TRIES + 1
        return ("waits", code) if tired and now.status == Status.QUEUED else None

    async def _mended(self, job: Job, ends: Ends, made_before: int) -> None:
        """An operator does what only an operator can. A job that was not given up comes to its end then, once."""
        if ends.account in _LASTS:
            await self.standing.resume(self.name)
        if ends.word == "held":
            assert [row["job"] for row in await self.standing.doubts() if row["job"] == job.id] == [job.id]
            if ends.accepts:  # they have looked at the account, and it is there
                await self.standing.fail(job.id)
                return
            await self.standing.resubmit(job.id)
        if ends.word in ("held", "waits"):
            done = await self.bench.ended(job, limit_s=_LIMIT_S)
            assert done.status == Status.SUCCEEDED, f"when it was mended: {done.status}, {done.error}"
            assert self.accepts == made_before + 1, "it was not sent once"


@asynccontextmanager
async def prepared(bench: Bench, cell: Cell, name: str) -> AsyncIterator[Trial]:
    """Its fake runs, and its account is in the file."""
    column = COLUMNS[cell.column]
    async with bench.fake(column.adapter, _PACE_S) as fake:
        trial = Trial(bench, fake, cell, name)
        if isinstance(fake.family, Songs):
            fake.family.seconds = _SONG_S
        options = ", ".join(filter(None, (column.options, trial.asked.options)))
        bench.account(
            name,
            fake,
            models={name: trial.asked.model},
            path="/v1" if column.adapter == "openai" else "",
            options=f"{{ {options} }}",
        )
        yield trial
