"""Submissions of a song (two clips, durable): requests a second, one API process, 32 connections.

Beside it a bare Litestar handler that parses the same body and makes one EVALSHA.
"""

from pathlib import Path

import msgspec

from bench.duel import Duel, duel, rounds, row
from bench.load import request
from bench.report import Row

COUNT = 1500
BODY = msgspec.json.encode(
    {
        "prompt": "[Verse]\nThe sea is wide, the sea is old\n[Chorus]\nIt keeps whatever it is told\n" * 2,
        "tags": "acoustic folk, calm, male voice",
        "title": "The sea",
        "mv": "chirp-v3-0",
        "make_instrumental": False,
    }
)


def submission(where: Duel) -> bytes:
    """The request, to ours."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {where.key}"}
    return request("POST", "/v1/suno/api/generate/v2/", headers, BODY)


def run(folder: Path) -> list[Row]:
    with duel(folder) as where:
        ours = submission(where)
        bare = request("POST", "/submit", {"content-type": "application/json"}, BODY)
        answers = rounds(where, lambda: [ours], lambda: [bare], COUNT)
    assert len(msgspec.json.decode(answers[0][0].body)["clips"]) == 2
    return [row("submit a song", *answers)]
