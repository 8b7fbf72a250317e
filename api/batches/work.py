"""One batch in the hands of one runner: judged, submitted line by line, its results collected, ended.

All that must not be forgotten is in Redis and in the object store; whoever takes the batch over goes on from there.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from itertools import islice

from api.admission import job_of
from api.batches.lines import BadLine, Raw, Validation, groups, read_line, stored, stored_chunks, understood
from api.batches.results import Result, Results, refusal, result, result_of, results_prefix, unanswered
from api.endpoints import endpoint
from api.operation import Caller
from api.services import Services
from storage import keys
from storage.batches import Batch, BatchStatus, Cursor, Fed, LineError, Open
from storage.errors import InvalidRequest, NotFound, ObjectMissing
from storage.events import LAST_WORDS
from storage.files import File
from storage.ids import line_job_id, line_of_job
from storage.signals import Signal

log = logging.getLogger(__name__)

PRIORITY = 7
"""Of lines that do not name one: behind what is waited for."""

FLUSH_BYTES = 1 << 20
POLL_S = 10.0  # how late an event that was lost is noticed
_ENDING_POLL_S = 1.0
_GATHER_S = 0.02  # news of one moment are looked at together
_AT_ONCE = 32  # jobs read, rendered or canceled between two looks of the event loop at everybody else
_SKIP_AT_ONCE = 2_000
_MOST_NEWS = 5_000
_INPUT_MISSING = LineError("input_missing", "the input file is there no more")


class Work:
    """`run` returns when the batch has ended. `judging`: how many batches a process judges at a time."""

    def __init__(self, services: Services, batch: Batch, judging: asyncio.Semaphore) -> None:
        self.batch, self._judging = batch, judging
        self._services, self._store, self._batches = services, services.store, services.store.batches
        self._caller = Caller(services, batch.owner, batch.base_url)
        self._window = services.settings.batch_window
        self._cursor = Cursor(batch.line, batch.offset)
        self._open: dict[int, Open] = {}
        self._results = Results(batch, services.objects)
        self._first_result_s = 0.0
        self._ahead: deque[Raw] = deque()
        self._all_fed = False
        self._ending: BatchStatus | None = None
        self._look_at_all_s = time.monotonic() + POLL_S
        self._news = Signal()

    def told(self, status: BatchStatus) -> None:
        """What the batch's status is by now: somebody may have asked for its end."""
        if status == BatchStatus.CANCELLING and self._ending is None:
            self._ending = BatchStatus.CANCELLED
            self._news.set()

    async def run(self) -> None:
        """Raises NoLongerHeld, and StorageError when Redis or the object store is away."""
        self.told(self.batch.status)
        try:
            self._operation = endpoint(self.batch.endpoint)
            file = await self._store.files.get(self.batch.owner, self.batch.input_file)
            if self.batch.status == BatchStatus.VALIDATING and not await self._is_valid(file):
                return
        except (NotFound, ObjectMissing):
            await self._fail([_INPUT_MISSING])
        except InvalidRequest as error:  # another version of the gateway took it
            await self._fail([LineError("invalid_endpoint", str(error), "endpoint")])
        else:
            if self.batch.in_progress_at and self.batch.status != BatchStatus.FINALIZING:
                await self._work(file)
            await self._end()

    def _check_time(self) -> None:
        if self._ending is None and time.time() * 1000 > self.batch.expires:
            self._ending = BatchStatus.EXPIRED

    # --- before the first line is submitted ---

    async def _is_valid(self, file: File) -> bool:
        """Judge all lines. False if the batch has ended with that."""
        most = self._services.settings.batch_max_lines
        found = Validation(self._caller, self._operation, self.batch.form, most=most)
        chunks = stored_chunks(self._services.objects, file.where, file.bytes)
        async with self._judging, aclosing(groups(chunks)) as lines:
            async for group in lines:
                self._check_time()
                if self._ending or not await found.take(group):
                    break
        if self._ending is None and (errors := found.errors()):
            await self._fail(errors)
            return False
        if self._ending is None:
            self.told(await self._batches.move(self.batch, BatchStatus.IN_PROGRESS, total=found.lines))
        if self._ending is None:
            self.batch.total, self.batch.in_progress_at = found.lines, int(time.time() * 1000)
        return True

    async def _fail(self, errors: list[LineError]) -> None:
        status = await self._batches.move(self.batch, BatchStatus.FAILED, errors=errors)
        if status == BatchStatus.CANCELLING:
            await self._batches.move(self.batch, BatchStatus.CANCELLED)

    # --- submitting, and collecting ---

    async def _work(self, file: File) -> None:
        chunks = stored_chunks(self._services.objects, file.where, file.bytes, self._cursor.offset)
        async with (
            self._store.signals.watch(keys.events_channel(self.batch.owner)) as self._news,
            aclosing(groups(chunks, self._cursor)) as lines,
        ):
            await self._resume()
            while True:
                self._check_time()
                if self._ending:
                    await self._wind_up(lines, self._ending)
                else:
                    await self._feed(lines)
                if self._is_due():
                    await self._flush()
                if self._all_fed and not self._open and not self._results:
                    return
                await self._wait()

    async def _resume(self) -> None:
        """Find out what came of the lines that were open when the batch was taken over."""
        self._open = await self._batches.open_lines(self.batch)
        for number, line in list(self._open.items()):
            if line.refused:
                self._settle(result(number, line.refused))
        await self._look(list(self._open))

    def _room(self) -> int:
        return self._window - len(self._open) - len(self._results)

    async def _feed(self, lines: AsyncIterator[list[Raw]]) -> None:
        """Submit lines while there is room for more."""
        while not self._all_fed and not self._ending and (room := self._room()) > 0:
            raws = await self._next(lines, room)
            if not raws:
                self._all_fed = True
                return
            fed = await asyncio.gather(*map(self._fed, raws))
            to = Cursor(raws[-1].number, raws[-1].end)
            status = await self._batches.feed(self.batch, self._cursor, to, fed)
            if status != BatchStatus.IN_PROGRESS:  # none of them was
                self._ahead.extendleft(reversed(raws))
                self.told(status)
                return
            self._cursor = to
            for line in fed:
                self._open[line.number] = line.open
                if line.open.refused:
                    self._settle(result(line.number, line.open.refused))

    async def _next(self, lines: AsyncIterator[list[Raw]], most: int) -> list[Raw]:
        if not self._ahead:
            try:
                self._ahead.extend(await anext(lines, []))
            except ObjectMissing:
                self._ending = BatchStatus.FAILED
        return [self._ahead.popleft() for _ in range(min(most, len(self._ahead)))]

    async def _fed(self, raw: Raw) -> Fed:
        custom_id = f"line-{raw.number}"
        try:
            line = read_line(raw, self.batch.form, self._operation.path)
            custom_id = line.custom_id
            new = await understood(self._caller, self._operation, self.batch.form, line)
            inputs = await stored(self._caller, line_job_id(self.batch.id, raw.number), self.batch.form, new)
        except BadLine as bad:  # it was good when it was judged; the clip it goes on from may have gone since
            return Fed(raw.number, Open(custom_id, refusal(self.batch, raw.number, custom_id, bad)), None)
        if new.terms.webhook is None:
            new = new._replace(terms=new.terms._replace(webhook=self.batch.webhook))
        accounts = self._caller.services.accounts
        job = job_of(line_job_id(self.batch.id, raw.number), self.batch.owner, new, accounts, priority=PRIORITY)
        job.inputs = inputs
        return Fed(raw.number, Open(custom_id), job, new.terms.start_within_s)

    async def _look(self, numbers: Iterable[int]) -> None:
        """Take the results of those of the open lines whose jobs have ended."""
        rest = iter(numbers)
        while some := list(islice(rest, _AT_ONCE)):
            jobs = await self._store.jobs.get(*(line_job_id(self.batch.id, number) for number in some))
            for number, job in zip(some, jobs, strict=True):
                if number in self._open and (job is None or job.ended):
                    custom_id = self._open[number].custom_id
                    self._settle(
                        await result_of(self._caller, self._operation, self.batch, number, custom_id, job, self._ending)
                    )
                if self._results.size_bytes >= FLUSH_BYTES:  # one result may hold ten pictures
                    await self._flush()

    def _settle(self, found: Result) -> None:
        del self._open[found.number]
        if not self._results:
            self._first_result_s = time.monotonic()
        self._results.add(found)

    # --- storing results ---

    def _flush_after_s(self) -> float:
        """The longer a batch runs, the longer its results gather: else it would end with a segment for each line."""
        runs_s = time.time() - self.batch.in_progress_at / 1000
        return min(30.0, max(0.5, runs_s / 100))

    def _is_due(self) -> bool:
        if not self._results:
            return False
        waited_s = time.monotonic() - self._first_result_s
        return (
            waited_s >= self._flush_after_s()
            or self._results.size_bytes >= FLUSH_BYTES
            or len(self._results) >= self._window / 2
            or (not self._open and self._all_fed)
            or self._ending is not None
        )

    async def _flush(self) -> None:
        numbers, counts, output, error = await self._results.store()
        self.told(await self._batches.commit(self.batch, lines=numbers, counts=counts, output=output, error=error))

    # --- waiting ---

    async def _wait(self) -> None:
        """Until jobs have ended, results are due, or something else may have changed."""
        if not self._all_fed and not self._ending and self._room() > 0:
            return
        heard = await self._news.wait(max(0.01, self._longest_wait_s()))
        if heard:
            await asyncio.sleep(_GATHER_S)
        news = self._news.take()
        if len(news) >= _MOST_NEWS or (heard and not news) or time.monotonic() >= self._look_at_all_s:
            self._look_at_all_s = time.monotonic() + POLL_S
            await self._look(list(self._open))
        else:
            await self._look(self._heard_of(news))

    def _longest_wait_s(self) -> float:
        """Until the next thing that happens by itself."""
        if self._ending:
            return _ENDING_POLL_S
        now_s = time.monotonic()
        waits_s = [self._look_at_all_s - now_s, self.batch.expires / 1000 - time.time()]
        if self._results:
            waits_s.append(self._first_result_s + self._flush_after_s() - now_s)
        return min(waits_s)

    def _heard_of(self, news: Iterable[str]) -> list[int]:
        """The lines whose jobs have ended, from what was said of all the owner's jobs."""
        ended = [job for _, job, word in (said.split(" ", 2) for said in news) if word in LAST_WORDS]
        return [number for job in ended if (number := line_of_job(self.batch.id, job)) in self._open]

    # --- ending ---

    async def _wind_up(self, lines: AsyncIterator[list[Raw]], ending: BatchStatus) -> None:
        """Nothing more is submitted, and what runs is canceled; each line still gets its result."""
        rest = iter(list(self._open))
        while some := list(islice(rest, _AT_ONCE)):
            ids = [line_job_id(self.batch.id, number) for number in some]
            await asyncio.gather(*(self._store.queue.cancel(id) for id in ids))
        await self._look(list(self._open))
        if self._results:
            await self._flush()
        while not self._all_fed:
            await self._skip(lines, ending)

    async def _skip(self, lines: AsyncIterator[list[Raw]], ending: BatchStatus) -> None:
        """Answer some lines that were never submitted."""
        to = self._cursor
        while len(self._results) < _SKIP_AT_ONCE and self._results.size_bytes < FLUSH_BYTES:
            raws = await self._next(lines, _SKIP_AT_ONCE)
            if not raws:
                self._all_fed = True
                break
            for raw in raws:
                try:
                    custom_id = read_line(raw, self.batch.form, self._operation.path).custom_id
                except BadLine:
                    custom_id = f"line-{raw.number}"
                self._results.add(unanswered(self.batch, raw.number, custom_id, ending))
            to = Cursor(raws[-1].number, raws[-1].end)
        if self._results:
            _, counts, output, error = await self._results.store()
            moves = (self._cursor, to)
            await self._batches.commit(self.batch, moves=moves, counts=counts, output=output, error=error)
            self._cursor = to

    async def _end(self) -> None:
        """All lines have their results: the last word, and no segment left that a kill kept out of the files."""
        if self._ending is None:
            self.told(await self._batches.move(self.batch, BatchStatus.FINALIZING))
        await self._sweep()
        if self._ending is None:
            self.told(await self._batches.move(self.batch, BatchStatus.COMPLETED))
        if self._ending:
            fields = {"errors": [_INPUT_MISSING]} if self._ending == BatchStatus.FAILED else {}
            status = await self._batches.move(self.batch, self._ending, **fields)
            if status == BatchStatus.CANCELLING:
                await self._batches.move(self.batch, BatchStatus.CANCELLED)

    async def _sweep(self) -> None:
        batch = await self._batches.get(self.batch.owner, self.batch.id)
        for name, id in (("output", batch.output_file), ("error", batch.error_file)):
            file = await self._store.files.get(batch.owner, id) if id else None
            known = {segment.key for segment in await self._store.files.segments(file)} if file else set[str]()
            prefix = results_prefix(batch, name)
            lost = [key async for key in self._services.objects.list_keys(prefix) if key not in known]
            await self._services.objects.delete(lost)
