"""Every operation that /schema/openapi.json describes, asked by schemathesis for what fits its description and what does not.

Requests come from the description alone, half of their ids from what `furnished` made; no answer may be a 5xx, and none
may keep the asker waiting. Examples, then each limit of each field (always the same), then random requests.

By hand, over an API, a Redis and an S3 store of its own, with more of the random ones and, unlike in the tests, different
ones each time: `python -m tests.api.fuzz --examples 1000`. What else is said goes to schemathesis:
`--include-path-regex images`, `--checks all`, `--phases stateful`, `--seed 7` (as a run that failed prints it).
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.embedded import Objects, Redis
from storage.ids import Part
from storage.job import OutputStatus
from tests.api.batches import create, line, upload
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.granian import served

HANGS_S = 10.0
"""No answer should take a tenth of this; streams of events, which may say nothing for long, are left sooner."""

OF_EACH = 4
_URL = "https://app.example/hooks"
_ROOT = Path(__file__).parents[2]


async def furnished(gateway: Gateway) -> dict[str, list[str]]:
    """Things of alice's, in several states: their ids, by the names of the parameters that take them."""
    ids: dict[str, list[str]] = {}

    def keep(name: str, id: str) -> None:
        ids.setdefault(name, []).append(id)

    http = gateway.alice.http
    for number in range(OF_EACH):
        endpoint = (await http.post("/v1/webhooks", json={"url": f"{_URL}/{number}"})).raise_for_status().json()["id"]
        keep("endpoint_id", endpoint)
        clips = (await gateway.alice.generate())["clips"]
        job = await gateway.claim()
        keep("job_id", job.id)
        await gateway.store(job, 1, b"ID3 a song")
        await gateway.store(job, 1, b"a cover", part=Part.COVER, kind="image/jpeg")
        await gateway.mark(job, OutputStatus.STORED, [2])
        await gateway.end(job)
        for clip in await gateway.alice.feed(clips[0]["id"]):
            *_, token, name = clip["audio_url"].split("/")
            keep("clip_id", clip["id"])
            keep("token", token)
            keep("name", name)
        for delivery in (await http.get(f"/v1/webhooks/{endpoint}/deliveries")).raise_for_status().json()["data"]:
            keep("delivery_id", delivery["id"])
    for number in range(OF_EACH):
        keep("job_id", (await gateway.alice.generate())["id"])
        keep("file_id", await upload(gateway.alice, [line(f"line {number}")]))
        keep("batch_id", (await create(gateway.alice, [line(f"line {number}")]))["id"])
    return ids


def configuration(secret: str, ids: Mapping[str, Sequence[str]]) -> str:
    """What schemathesis reads. It is told never to wait for a job's end: nobody makes what it asks for."""
    return "\n".join(_lines(secret, ids))


def _lines(secret: str, ids: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "headers = { Authorization = %s, Prefer = 'respond-async' }" % json.dumps(f"Bearer {secret}")
    yield f"request-timeout = {HANGS_S}"
    yield "continue-on-failure = true"
    yield "warnings = false"
    yield "cache = { enabled = false }"
    for name, values in ids.items():
        yield f"[dictionaries.{name}]"
        yield f"values = {json.dumps(values)}"
    yield "[parameters]"
    yield '"query.wait" = 0'
    for name in ids:
        for place in ("path", "query", "body"):
            yield f'"{place}.{name}" = {{ dictionary = "{name}", probability = 0.5 }}'
    yield '"body.input_file_id" = { dictionary = "file_id", probability = 0.5 }'
    yield "[[operations]]"
    yield 'include-path-regex = "/events$"'
    yield "request-timeout = 0.2"


def fuzz(
    url: str, secret: str, ids: Mapping[str, Sequence[str]], folder: Path, *options: str, told: Any = subprocess.PIPE
) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis, which leaves its files in `folder`. It ends with 0 if every answer was as it should be."""
    (folder / "schemathesis.toml").write_text(configuration(secret, ids))
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema/openapi.json", *options]
    variables = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    variables |= {"PYTHONPATH": str(_ROOT), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_bodies"}
    return subprocess.run(command, cwd=folder, env=variables, stdout=told, stderr=subprocess.STDOUT, text=True)


async def by_hand(examples: int, options: Sequence[str]) -> int:
    """The exit code of schemathesis, which prints as it goes; then what the API said of itself, if it did."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Redis(Path(folder, "redis")) as redis,
        Objects(Path(folder, "s3")) as s3,
    ):
        settings = storage_settings(
            redis.url,
            {
                "s3_endpoint": s3.endpoint,
                "s3_bucket": s3.bucket,
                "s3_region": s3.region,
                "s3_access_key": s3.access_key,
                "s3_secret_key": s3.secret_key,
            },
        )
        log = Path(folder, "api.log")
        with served(settings, log) as server:
            async with serving(settings) as gateway:
                ids = await furnished(gateway)
                asked = ["--max-examples", str(examples), "--generation-database", "none", *options]
                done = await asyncio.to_thread(
                    fuzz, server.url, gateway.alice.secret, ids, Path(folder), *asked, told=None
                )
        sys.stderr.write(log.read_text())
        return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="random requests to each operation (100)")
    arguments, options = parser.parse_known_args()
    checks = [] if "--checks" in options else ["--checks", "not_a_server_error"]
    return asyncio.run(by_hand(arguments.examples, [*checks, *options]))


if __name__ == "__main__":
    sys.exit(main())
