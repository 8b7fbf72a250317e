"""Polls of a feed for two clips: requests a second, one API process, 32 connections, over the clips of 200 jobs.

Beside it a bare Litestar handler that makes one Lua call, which reads both records.
"""

from pathlib import Path

import msgspec

from bench.duel import Duel, duel, rounds, row
from bench.load import drive, request
from bench.report import Row
from bench.submit import submission

COUNT, JOBS = 1500, 200


def pair(where: Duel) -> str:
    """The ids of a new song's two clips."""
    answer = msgspec.json.decode(drive(where.ours, [submission(where)], connections=1, count=1).body)
    return ",".join(clip["id"] for clip in answer["clips"])


def run(folder: Path) -> list[Row]:
    with duel(folder) as where:
        pairs = [pair(where) for _ in range(JOBS)]
        key = {"authorization": f"Bearer {where.key}"}
        ours = [request("GET", f"/v1/suno/api/feed/?ids={ids}", key) for ids in pairs]
        bare = [request("GET", f"/feed?ids={ids}", {}) for ids in pairs]
        answers = rounds(where, lambda: ours, lambda: bare, COUNT)
    assert len(msgspec.json.decode(answers[0][0].body)) == 2
    return [row("poll a feed of two clips", *answers)]
