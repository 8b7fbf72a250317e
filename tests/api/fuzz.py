"""Every operation of /schema/openapi.json, asked by schemathesis for what fits its description and for what does not.

Requests come of the description alone; half of the ids, models and pictures in them are real. No answer may be a 5xx,
and none may keep the asker waiting. First come the examples, then each limit of each field, then random requests.

By hand, over an API, a Redis and an S3 store of its own: `python -m tests.api.fuzz --examples 1000`, so many random
requests to each operation, different ones each time. After these, chains of requests follow what was made. All other
options go to schemathesis: `--include-path-regex images`, `--checks all`, `--phases fuzzing`, or `--seed` with the
number that a run ended with.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from cli.embedded import Objects, Redis
from storage.ids import Part
from storage.job import OutputStatus
from storage.settings import StorageSettings
from storage.voices import voices
from tests.api.batches import create, line, upload
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.granian import served
from tests.api.recordings import TONE

HANGS_S = 20.0
"""No answer may take this long. Streams of events, which may have nothing to say, are left after STREAMS_S."""
STREAMS_S = 0.2

OF_EACH = 4
_HOOK = "https://app.example/hooks"
_ROOT = Path(__file__).parents[2]


async def furnished(gateway: Gateway) -> dict[str, list[str]]:
    """Ids of alice's things, pictures, models, by the names of the parameters and fields that take them."""
    values: dict[str, list[str]] = {}

    def keep(name: str, value: str) -> None:
        values.setdefault(name, []).append(value)

    http = gateway.alice.http
    for number in range(OF_EACH):
        endpoint = (await http.post("/v1/webhooks", json={"url": f"{_HOOK}/{number}"})).raise_for_status().json()["id"]
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
    values["input_file_id"] = values["file_id"]
    values["model"] = list(gateway.services.catalog.models)
    values["voice"] = [voice.id for voice in voices()]
    for name in ("image", "init_images[*]", "mask", "source_image", "target_image"):
        values[name] = _pictures()
    for name in ("file", "audio_file", "files"):
        values[name] = [*_recordings(), *values["file_id"]]
    return values


def _pictures() -> list[str]:
    png = BytesIO()
    Image.radial_gradient("L").resize((24, 16)).save(png, "PNG")
    text = base64.b64encode(png.getvalue()).decode()
    return [
        text,
        f"data:image/png;base64,{text}",
        text[:-20],
        "http://127.0.0.1/picture.png",
        "https://192.0.2.1/a.png",
    ]


def _recordings() -> list[str]:
    return [TONE, TONE[:-30], "data:audio/wav;base64,PGh0bWw+", "http://127.0.0.1/a.wav", "https://192.0.2.1/a.wav"]


async def fuzz(url: str, secret: str, values: Mapping[str, Sequence[str]], folder: Path, *options: str) -> int:
    """Run schemathesis, which prints what it finds and leaves its files in `folder`. It ends with 0 if all is well."""
    (folder / "schemathesis.toml").write_text("\n".join(_configuration(secret, values)))
    variables = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema/openapi.json", *options]
    variables |= {"PYTHONPATH": str(_ROOT), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_bodies"}
    running = await asyncio.create_subprocess_exec(*command, cwd=folder, env=variables)
    try:
        return await running.wait()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


def _configuration(secret: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Nobody works here: a request that waited for its job would wait in vain, and so none is to wait."""
    yield f'headers = {{ Authorization = "Bearer {secret}", Prefer = "respond-async" }}'
    yield f"request-timeout = {HANGS_S}"
    yield "continue-on-failure = true"
    yield "warnings = false"
    yield "[generation]"
    yield 'database = "none"'
    for name, choice in values.items():
        yield f'[dictionaries."{name}"]'
        yield f"values = {json.dumps(choice)}"
    yield "[parameters]"
    yield '"query.wait" = 0'
    for name in values:
        for place in ("path", "body"):
            yield f'"{place}.{name}" = {{ dictionary = "{name}", probability = 0.5 }}'
    yield "[[operations]]"
    yield 'include-path-regex = "/events$"'
    yield f"request-timeout = {STREAMS_S}"


def by_hand(options: Sequence[str]) -> int:
    """The exit code of schemathesis. After it, what the API said of itself, if it did."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Redis(Path(folder, "redis")) as redis,
        Objects(Path(folder, "s3")) as s3,
    ):
        of_s3 = {
            "s3_endpoint": s3.endpoint,
            "s3_bucket": s3.bucket,
            "s3_region": s3.region,
            "s3_access_key": s3.access_key,
            "s3_secret_key": s3.secret_key,
        }
        settings, log = storage_settings(redis.url, of_s3), Path(folder, "api.log")
        with served(settings, log) as server:
            code = asyncio.run(_furnish_and_fuzz(settings, server.url, Path(folder), options))
        sys.stderr.write(log.read_text())
        return code


async def _furnish_and_fuzz(settings: StorageSettings, url: str, folder: Path, options: Sequence[str]) -> int:
    async with serving(settings) as gateway:
        return await fuzz(url, gateway.alice.secret, await furnished(gateway), folder, *options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", default="100", help="random requests to each operation (100)")
    arguments, options = parser.parse_known_args()
    checks = [] if "--checks" in options else ["--checks", "not_a_server_error"]
    return by_hand(["--max-examples", arguments.examples, *checks, *options])


if __name__ == "__main__":
    sys.exit(main())
