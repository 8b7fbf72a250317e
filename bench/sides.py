"""The ways to one chat service: straight to it, through our API, and through other people's gateways."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from bench.caller import Load, Order, call
from bench.duel import listens, new_key, our_api
from bench.load import request
from bench.mock import CHUNKS, MODEL
from bench.peers.gateway import PeerGateway
from bench.peers.installed import NotHad
from bench.peers.litellm import LiteLLM
from bench.peers.portkey import Portkey
from bench.program import Program
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from cli.embedded.service import Service, ServiceError
from tests.certificates import files

PEERS: tuple[type[PeerGateway], ...] = (Portkey, LiteLLM)
DIRECT, OURS = "direct", "ours"
_OVER_TLS = "gpt-over-tls"


class Case(NamedTuple):
    """`chunks`: of a stream, one in 10 ms; 0 is as many as the service sends by itself, without a pause. `at_once`: the
    service takes no time to answer."""

    connections: int
    streamed: bool = False
    chunks: int = 0
    at_once: bool = False

    def body(self, model: str = MODEL) -> bytes:
        said: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": "Tell me about the sea."}]}
        if self.at_once:
            said["temperature"] = 0
        if self.streamed:
            said["stream"] = True
        if self.chunks:
            said["max_tokens"] = self.chunks
        return msgspec.json.encode(said)


class Spent(NamedTuple):
    """What came of a load, and the processor time that the two behind it took for each answer."""

    load: Load
    side_us: float
    mock_us: float


class Side(NamedTuple):
    """One of the ways. `title` has its version. `model`: what it calls the service's. `trusted`: the file of a
    certificate, if callers speak TLS to it."""

    name: str
    title: str
    port: int
    headers: Mapping[str, str]
    process: psutil.Process
    mock: psutil.Process
    model: str = MODEL
    trusted: str = ""

    def spend(self, case: Case, seconds: float, most: int) -> Spent:
        """Have it loaded for so long, or so often if that is sooner."""
        headers = {"content-type": "application/json", **self.headers}
        sent = request("POST", "/v1/chat/completions", headers, case.body(self.model))
        events, end = (case.chunks or CHUNKS, b"data: [DONE]") if case.streamed else (0, b"}")
        before = [_cpu_s(each) for each in (self.process, self.mock)]
        load = call(Order(self.port, sent, case.connections, seconds, most, events, end, self.trusted))
        after = [_cpu_s(each) for each in (self.process, self.mock)]
        spent = [(late - early) / max(1, load.answers) * 1e6 for early, late in zip(before, after, strict=True)]
        return Spent(load, *spent)

    def rss_bytes(self) -> int:
        return sum(each.memory_info().rss for each in _tree(self.process))


class Sides(NamedTuple):
    """The service itself first, then ours, then the peers that could be had. By name, `absent`: why the others could
    not; `titles`: of all of them. `over_tls`: the first two once more, before a service that speaks TLS.
    """

    present: list[Side]
    absent: dict[str, str]
    titles: dict[str, str]
    over_tls: Sequence[Side] = ()

    def named(self, name: str) -> Side:
        return next(side for side in self.present if side.name == name)


@contextmanager
def sides(folder: Path) -> Iterator[Sides]:
    port, tls_port = free_ports(2)
    key, certificate = files(folder, ["127.0.0.1"])
    with ExitStack() as stack:
        service = stack.enter_context(chat_service(folder / "mock", port))
        vouched = stack.enter_context(chat_service(folder / "mock-tls", tls_port, certificate, key))
        upstreams = {MODEL: f"http://127.0.0.1:{port}/v1", _OVER_TLS: f"https://127.0.0.1:{tls_port}/v1"}
        ours = stack.enter_context(_ours(folder, upstreams, service, certificate))
        present = [Side(DIRECT, "direct", port, {}, service, service), ours]
        over_tls = [
            Side(DIRECT, "direct", tls_port, {}, vouched, vouched, trusted=str(certificate)),
            ours._replace(mock=vouched, model=_OVER_TLS),
        ]
        absent = dict[str, str]()
        titles = {peer.name: f"{peer.name} {peer.version()}" for peer in PEERS}
        for peer in PEERS:
            try:
                child = peer(folder / peer.name.lower(), upstreams[MODEL], peer.install())
                stack.enter_context(child)
            except (NotHad, ServiceError) as error:
                absent[peer.name] = str(error)
            else:
                present.append(Side(peer.name, titles[peer.name], child.port, child.headers, _process(child), service))
        yield Sides(present, absent, titles, over_tls)


@contextmanager
def chat_service(folder: Path, port: int, *tls: Path) -> Iterator[psutil.Process]:
    """The service at that port; with a certificate and its key it speaks TLS."""
    words = [str(port), *map(str, tls)]
    with Program(folder, "bench.mock", *words, environment={}, answers=lambda: listens(port)) as mock:
        yield _process(mock)


@contextmanager
def _ours(folder: Path, upstreams: Mapping[str, str], service: psutil.Process, certificate: Path) -> Iterator[Side]:
    """As users have it: a Redis, the API, one account for each model's service, and a key."""
    accounts = folder / "gateway.toml"
    accounts.write_text(
        "".join(
            f'[accounts.{model.replace(".", "-")}]\nadapter = "openai"\nbase_url = "{upstream}"\n'
            f'models = {{ "{model}" = "{MODEL}" }}\n'
            for model, upstream in upstreams.items()
        )
    )
    (port,) = free_ports(1)
    with Redis(folder / "redis") as server:
        key = asyncio.run(new_key(server.url))
        variables = {"GATEWAY_ACCOUNTS": str(accounts), "SSL_CERT_FILE": str(certificate)}
        with our_api(folder / "api", port, server.url, **variables) as api:
            yield Side(OURS, "ours", port, {"authorization": f"Bearer {key}"}, _process(api), service)


def _process(service: Service) -> psutil.Process:
    assert service.process
    return psutil.Process(service.process.pid)


def _tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    return sum(times.user + times.system for times in (each.cpu_times() for each in _tree(process)))
