"""What an upstream has made, brought home: fetched through the guard, judged by its bytes, and only then believed."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from storage.disk import opened
from storage.errors import RequestError, UpstreamError, UpstreamFailed, UpstreamMalformed
from storage.job import Job
from storage.outbound import Outbound
from workers.adapters.base import Done, File
from workers.engines.base import Artifact, Made
from workers.upstream.checks import checked
from workers.upstream.unchanged import check_swapped

log = logging.getLogger(__name__)

MOST_BYTES = 2_000_000_000
FETCH_S = 1800.0
_CHUNK = 1 << 18


async def made_of(
    item: Done,
    folder: Path,
    job: Job,
    outbound: Outbound | None,
    given: Mapping[str, Path] | None = None,
    *,
    spare: bool = False,
) -> Made:
    """An item's files, in `folder`. `outbound`: who fetches what is an address; None where there must be none.
    `given`: what the caller sent, by its name. `spare`: do without what is not the main file (a cover), if it cannot be
    had.

    Raises UpstreamError: what cannot be had, or is not what it should be. Raises InvalidRequest for a face swap that
    swapped nothing.
    """
    artifacts = list[Artifact]()
    for file in item.files:
        try:
            artifacts.append(await _had(file, folder, job, outbound))
        except (UpstreamError, RequestError) as error:
            if not spare or file.part == "main":
                raise
            log.warning("job %s: its %s is left out: %s", job.id, file.part, error)
    main = next((artifact for artifact in artifacts if artifact.part == "main"), None)
    if main is None:
        raise UpstreamMalformed("the upstream delivered no result")
    await asyncio.to_thread(check_swapped, Path(main.path), job, given or {})
    about = {"engine": job.served_by, "embedded": False, **item.metadata}
    return Made(artifacts, about | ({"upstream_id": item.id} if item.id else {}))


async def _had(file: File, folder: Path, job: Job, outbound: Outbound | None) -> Artifact:
    path = folder / f"{file.part}.file"
    if file.path is not None:
        await asyncio.to_thread(file.path.replace, path)
    elif file.data is not None:
        await asyncio.to_thread(path.write_bytes, file.data)
    elif file.url is not None and outbound is not None:
        await _fetch(outbound, file.url, path)
    else:
        raise UpstreamMalformed("the upstream delivered a result that is nowhere")
    return await asyncio.to_thread(checked, path, file, job)


async def _fetch(outbound: Outbound, url: str, path: Path) -> None:
    async with outbound.stream(url, timeout_s=FETCH_S, limit_bytes=MOST_BYTES) as reading:
        if reading.status != 200:
            raise UpstreamFailed(f"the upstream's file could not be fetched: {reading.status}")
        async with opened(path, "wb") as out:
            async for chunk in reading:
                await asyncio.to_thread(out.write, chunk)
