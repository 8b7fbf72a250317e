"""The API process: whatever happens to it, its port is free afterwards."""

import asyncio
import os
import subprocess
from collections.abc import Iterator

import httpx
import psutil
import pytest
from pydantic import SecretStr

from cli.client import answers
from cli.embedded.ports import free_ports, is_free
from cli.embedded.service import LOOPBACK
from cli.environment import without_ours
from storage.apikeys import ApiKeys
from storage.connect import connect
from storage.ids import output_id
from storage.links import Links
from storage.store import Store
from tests.cli.commands import COMMAND, ai_gateway
from tests.waiting import until
from tests.workers.jobs import admit, settings

SECRET = "only for tests: 0123456789abcdef"
WITHIN_S = 30


class Api:
    """An API process on a port of its own; the object store is away."""

    def __init__(self, redis_url: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{self.port}"
        environment = without_ours(os.environ) | {
            "GATEWAY_REDIS_URL": redis_url,
            "GATEWAY_S3_ENDPOINT": f"http://{LOOPBACK}:9",
            "GATEWAY_S3_ACCESS_KEY": "unused",
            "GATEWAY_S3_SECRET_KEY": "unused",
            "GATEWAY_SECRET": SECRET,
        }
        command = [*COMMAND, "api", "--port", str(self.port)]
        self.process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def up(self) -> None:
        await until(lambda: asyncio.to_thread(answers, f"{self.url}/health"), limit_s=WITHIN_S)

    async def assert_gone(self, children: list[psutil.Process]) -> None:
        _, left = await asyncio.to_thread(psutil.wait_procs, children, WITHIN_S)
        for child in left:
            child.kill()
        assert not left
        assert is_free(self.port)


@pytest.fixture
def api(redis_url: str) -> Iterator[Api]:
    api = Api(redis_url)
    yield api
    children = api.process.children() if api.process.is_running() else []
    for process in [api.process, *children]:
        if process.is_running():
            process.kill()
    api.process.wait()


async def test_killed_it_takes_its_children_along(api: Api) -> None:
    await api.up()
    children = api.process.children()
    assert children
    api.process.kill()
    await api.assert_gone(children)


async def test_killed_while_it_starts_it_takes_its_children_along_too(api: Api) -> None:
    children = await until(api.process.children)
    api.process.kill()
    await api.assert_gone(children)


async def test_a_child_that_is_killed_is_replaced(api: Api) -> None:
    await api.up()
    (child,) = api.process.children()
    child.kill()
    await until(lambda: [other for other in api.process.children() if other.pid != child.pid])
    await api.up()
    assert api.process.is_running()


async def test_a_stop_does_not_wait_for_those_who_wait_for_their_files(api: Api, redis_url: str) -> None:
    store = Store.open(settings(redis_url))
    job = await admit(store)
    await api.up()
    link = api.url + Links(SecretStr(SECRET)).path(output_id(job.id, 1), "song.mp3")
    async with httpx.AsyncClient(timeout=WITHIN_S, trust_env=False) as http:
        waiting = asyncio.create_task(http.get(link))
        await until(lambda: store.redis.pubsub_numsub(f"job:{job.id}"))
        await until(lambda: listened_for(store, job.id))
        children = api.process.children()
        api.process.terminate()
        assert await asyncio.to_thread(api.process.wait, WITHIN_S) == 0
        await api.assert_gone(children)
        assert (await waiting).status_code == 503
    await store.close()


async def test_more_event_streams_than_granian_would_serve_at_once_leave_room_for_others(
    api: Api, redis_url: str
) -> None:
    async with connect(SecretStr(redis_url)) as redis:
        _, key = await ApiKeys(redis, SecretStr(SECRET)).create("x")
    request = f"GET /v1/events HTTP/1.1\r\nhost: api\r\nx-api-key: {key.get_secret_value()}\r\n\r\n".encode()
    await api.up()

    async def open_one() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(LOOPBACK, api.port)
        writer.write(request)
        await reader.readuntil(b": still here\n")
        return writer

    writers = []
    async with asyncio.timeout(WITHIN_S):
        for _ in range(11):
            writers += await asyncio.gather(*(open_one() for _ in range(100)))
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{api.url}/health")).status_code == 200
    api.process.terminate()
    assert await asyncio.to_thread(api.process.wait, WITHIN_S) == 0
    for writer in writers:
        writer.close()


async def listened_for(store: Store, job: str) -> bool:
    ((_, listeners),) = await store.redis.pubsub_numsub(f"job:{job}")
    return bool(listeners)


def test_what_is_missing_from_the_environment_is_named_and_no_value_is_shown() -> None:
    short = "too short a secret"
    refused = ai_gateway("api", GATEWAY_SECRET=short)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: the environment is not right: GATEWAY_REDIS_URL: Field required; ")
    assert "GATEWAY_SECRET: " in refused.stderr
    assert short not in refused.stderr
