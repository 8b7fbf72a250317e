"""What all upstreams have in common that answer a call with the result itself: there is nothing to ask for later."""

from collections.abc import Sequence

from storage.wire.reply import Reply
from workers.adapters.base import Call, Item, Taken, Task


class Answering:
    """The half of an adapter that such an upstream leaves empty."""

    batch = 0

    def poll(self, ids: Sequence[str]) -> Call:
        raise NotImplementedError(f"{len(ids)} ids, and nothing to ask after: this upstream answers with the result")

    def read(self, reply: Reply) -> dict[str, tuple[Item, ...]]:
        raise NotImplementedError(f"a reply ({reply.status}) to a question that is never asked")

    def single(self, id: str) -> Call | None:  # noqa: ARG002 - as the protocol has it
        return None

    def cancel(self, ids: Sequence[str]) -> Call | None:  # noqa: ARG002
        return None

    def recent(self) -> Call | None:
        return None

    def found(self, task: Task, since_ms: int, reply: Reply) -> Sequence[Taken]:  # noqa: ARG002
        return ()
