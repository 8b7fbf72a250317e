"""What is special about chats at accounts: long ones are not in their job's record, and all that is said is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from storage.completions import BODY, keep
from storage.errors import UpstreamMalformed
from storage.job import Failure, Job, Kind, OutputStatus
from workers.adapters.base import Done, Failed, Item, spread


def asked(job: Job, given: Mapping[str, Path]) -> Job:
    """The job with all that was asked, where that came as a file of its own. Blocks on the disk."""
    if job.kind != Kind.CHAT or BODY not in given:
        return job
    body = msgspec.json.decode(given[BODY].read_bytes())
    return msgspec.structs.replace(job, request={**job.request, BODY: body})


def answered(job: Job, items: Sequence[Item]) -> None:
    """Have the job's outputs hold what was answered. Nothing is written."""
    for output, item in zip(job.outputs, spread(items, job.items), strict=True):
        if isinstance(item, Done):
            about = {"engine": job.served_by, "embedded": False}
            keep(output, {**item.metadata, **about})
            continue
        error = item.error if isinstance(item, Failed) else UpstreamMalformed("the upstream answered without a result")
        output.status, output.error = OutputStatus.FAILED, Failure.of(error)
