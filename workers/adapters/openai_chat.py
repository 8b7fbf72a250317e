"""Chat by OpenAI's dialect: what the caller sent, as it came; what is answered, as it comes.

The answer is wanted whole, however the caller will have it. Source: shared/protocols/openai.md §2, §3.
"""

from storage.completions import BODY
from storage.errors import UpstreamMalformed
from storage.wire.openai_chat import MOST_BYTES, kept
from storage.wire.reading import json_of
from storage.wire.reply import Reply
from workers.adapters.base import Call, Done, Failed, Item, Task
from workers.adapters.openai_options import Options

_LEFT_OUT = ("stream", "stream_options")


def chat(task: Task, options: Options) -> Call:
    asked = {name: value for name, value in task.job.request[BODY].items() if name not in _LEFT_OUT}
    return Call(
        method="POST",
        path="/chat/completions",
        json={**asked, "model": task.model},
        pays=options.risky,
        timeout_s=options.timeout_s,
    )


def answers(task: Task, reply: Reply, *, risky: bool) -> tuple[Item, ...]:
    """Raises UpstreamMalformed, UpstreamFailed."""
    if len(reply.body) > MOST_BYTES:  # it is made and paid for, and still cannot be kept
        return (too_large(),) * task.job.items
    return tuple(Done((), metadata=metadata) for metadata in kept(json_of(reply, in_doubt=risky), in_doubt=risky))


def too_large() -> Failed:
    return Failed(UpstreamMalformed(f"the upstream answered with more than the {MOST_BYTES} bytes that are kept"))
