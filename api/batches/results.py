"""What came of the lines of a batch: lines of its output file, and of its error file, in OpenAI's form.

An answer of the line's endpoint goes to the output file, with status 200. All else goes to the error file: a job that
failed with its status and `{"error": {...}}`, whichever endpoint it is; a line without an answer with an error only.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from api.batches.lines import BadLine
from api.errors import openai_error, status_of
from api.operation import Caller, Operation
from api.reply import within_json
from storage.batches import NO_SEGMENT, Batch, BatchStatus, Segment
from storage.errors import DeadlinePassed, EngineFailed, StorageError, by_code
from storage.ids import line_job_id, new_file_id
from storage.job import Failure, Job, Status
from storage.objects import Objects

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/jsonl"
_DONE = 200

_ENDINGS = {
    BatchStatus.CANCELLED: Failure("batch_cancelled", "the batch was cancelled before this line was done"),
    BatchStatus.EXPIRED: Failure("batch_expired", "the time of the batch was over before this line was done"),
    BatchStatus.FAILED: Failure("batch_failed", "the batch could not go on"),
}
_CANCELED = Failure("canceled", "the job of this line was canceled")
_DELETED = Failure("deleted", "the job of this line has been deleted")
_UNSAID = {
    Status.EXPIRED: Failure(DeadlinePassed.code, "the job did not end in its time"),
    Status.FAILED: Failure(EngineFailed.code, "the job failed"),
}


class Result(NamedTuple):
    """One line of a file: of the output file, if `good`."""

    number: int
    good: bool
    text: bytes


async def result_of(
    caller: Caller,
    operation: Operation,
    batch: Batch,
    number: int,
    custom_id: str,
    job: Job | None,
    ending: BatchStatus | None,
) -> Result:
    """What came of a line whose job has ended, or is there no more. `ending`: how the batch is about to, if it is."""
    if job is None:
        told = _unanswered(batch, number, custom_id, _DELETED)
    elif job.status == Status.CANCELED:
        told = _unanswered(batch, number, custom_id, _ENDINGS[ending] if ending else _CANCELED)
    elif job.status == Status.SUCCEEDED:
        told = await _finished(caller, operation, batch, number, custom_id, job)
    else:
        failure = job.error or _UNSAID[job.status]
        field = operation.fields.get(failure.field, failure.field) if failure.field else None
        told = refusal(batch, number, custom_id, BadLine(failure.code, failure.message, field))
    return result(number, told)


def unanswered(batch: Batch, number: int, custom_id: str, ending: BatchStatus) -> Result:
    """A line whose batch ends before it was submitted."""
    return result(number, _unanswered(batch, number, custom_id, _ENDINGS[ending]))


def refusal(batch: Batch, number: int, custom_id: str, why: BadLine) -> dict[str, Any]:
    """What is told of a line that failed, or was refused when it was to be submitted."""
    status, body = openai_error(status_of(by_code(why.code)), why.code, why.message, why.param)
    return _answered(batch, number, custom_id, status, body)


def result(number: int, told: Mapping[str, Any]) -> Result:
    """The line of a file that is `told`."""
    response = told["response"]
    return Result(number, bool(response and response["status_code"] == _DONE), msgspec.json.encode(told) + b"\n")


async def _finished(
    caller: Caller, operation: Operation, batch: Batch, number: int, custom_id: str, job: Job
) -> dict[str, Any]:
    try:
        return _answered(batch, number, custom_id, _DONE, within_json(await operation.answer(caller, job, True)))
    except StorageError:
        raise
    except Exception:
        log.exception("job %s of a batch cannot be answered", job.id)
        return refusal(batch, number, custom_id, BadLine("internal_error", "something went wrong here"))


def _answered(batch: Batch, number: int, custom_id: str, status: int, body: Any) -> dict[str, Any]:
    job = line_job_id(batch.id, number)
    return _line(job, custom_id, {"status_code": status, "request_id": job, "body": body}, None)


def _unanswered(batch: Batch, number: int, custom_id: str, why: Failure) -> dict[str, Any]:
    return _line(line_job_id(batch.id, number), custom_id, None, {"code": why.code, "message": why.message})


def _line(job: str, custom_id: str, response: Any, error: Any) -> dict[str, Any]:
    id = f"batch_req_{job.replace('-', '')}"
    return {"id": id, "custom_id": custom_id, "response": response, "error": error}


class Stored(NamedTuple):
    """Results that are in the object store, and in no file yet."""

    numbers: list[int]
    counts: tuple[int, int]
    output: Segment
    error: Segment


class Results:
    """Results that are not stored yet, and the way there. Its segments' keys hold the runner's token: two runners that
    believe to have a batch never write the same object."""

    def __init__(self, batch: Batch, objects: Objects) -> None:
        self._batch, self._objects = batch, objects
        self._files = (batch.output_file or new_file_id(), batch.error_file or new_file_id())
        self._segments = 0
        self._waiting: list[Result] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, result: Result) -> None:
        self._waiting.append(result)
        self.size_bytes += len(result.text)

    async def store(self) -> Stored:
        """Store all that waits. Raises ObjectsUnavailable."""
        waiting, self._waiting, self.size_bytes = self._waiting, [], 0
        good, bad = ([result for result in waiting if result.good is kind] for kind in (True, False))
        self._segments += 1
        output, error = await asyncio.gather(
            self._segment("output", self._files[0], good), self._segment("error", self._files[1], bad)
        )
        return Stored([result.number for result in waiting], (len(good), len(bad)), output, error)

    async def _segment(self, name: str, file: str, results: list[Result]) -> Segment:
        if not results:
            return NO_SEGMENT
        data = b"".join(result.text for result in results)
        key = f"{results_prefix(self._batch, name)}{self._batch.token:06d}-{self._segments:06d}.jsonl"
        await self._objects.put_bytes(key, data, content_type=CONTENT_TYPE)
        return Segment(file, f"{self._batch.id}_{name}.jsonl", key, len(data))


def results_prefix(batch: Batch, name: str) -> str:
    """What the keys of a file's segments start with."""
    return f"files/{batch.owner}/{batch.id}/{name}/"
