"""The clips that a job goes on from, as the account knows them that made them."""

from storage.errors import InvalidRequest
from storage.ids import split_output_id
from storage.job import Job, Kind
from storage.store import Store
from workers.adapters.base import Source

_NAMED_BY = {Kind.MUSIC_EXTEND: "continue_clip_id", Kind.MUSIC_CONCAT: "clip_id"}


class Origin:
    """Where a job has to go, since what it goes on from is there: an account; '' if it may go anywhere."""

    def __init__(self, account: str, sources: dict[str, Source]) -> None:
        self.account, self.sources = account, sources


async def origin(store: Store, job: Job) -> Origin:
    """Raises InvalidRequest where nobody knows any more which account made the clip."""
    field = _NAMED_BY.get(job.kind)
    if field is None:
        return Origin("", {})
    clip = str(job.request[field])
    named = split_output_id(clip)
    (made_by,) = await store.jobs.get(named.job) if named else [None]
    output = made_by.output(named.item) if named and made_by else None
    if made_by is None or output is None or not made_by.account or not output.upstream_id:
        raise InvalidRequest("it is not known which account made this clip", field=field)
    return Origin(made_by.account, {clip: Source(output.upstream_id, output.upstream_task or "")})
