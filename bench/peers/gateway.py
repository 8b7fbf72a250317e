"""What is the same of other people's gateways, as children of a benchmark."""

from collections.abc import Mapping
from pathlib import Path

from bench.duel import answers
from cli.embedded.ports import free_ports
from cli.embedded.service import Service


class PeerGateway(Service):
    """A gateway on a port of its own, before the chat service at `upstream`, whose address ends in `/v1`.

    `program` is what `install` returned, which raises NotHad.
    """

    poll_s = 0.1
    port = 0

    def __init__(self, folder: Path, upstream: str, program: Path) -> None:
        super().__init__(folder)
        self.upstream, self.program = upstream, program

    @classmethod
    def install(cls) -> Path:
        raise NotImplementedError

    @classmethod
    def version(cls) -> str:
        raise NotImplementedError

    @property
    def headers(self) -> Mapping[str, str]:
        """Those that a caller sends with each request."""
        raise NotImplementedError

    def _choose_ports(self) -> None:
        (self.port,) = free_ports(1)

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), "HOME": str(self.folder)}

    def _answers(self) -> bool:
        return answers(self.port)
