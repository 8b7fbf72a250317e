"""What a WebUI's refusals mean. Source: shared/protocols/stable-diffusion.md §3, §9.

A1111 tells of an exception in `errors`, Forge in `message`; FastAPI in `detail`, a text or a list. Where the server
speaks for itself about what it tried, nothing is in doubt; a proxy's word leaves it open.
"""

from typing import Any

from storage.errors import UpstreamError, UpstreamFailed, UpstreamMalformed, UpstreamRefused
from storage.wire.reading import is_page, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply

_MEMORY = ("OutOfMemoryError", "out of memory")
_PICTURE = ("Invalid encoded image", "Invalid image url", "Requests not allowed", "Request to local resource")


def refused(reply: Reply, *, paid: bool) -> UpstreamError:
    """The error for a reply that is not 200."""
    body = _body(reply)
    kind, text = str(body.get("error") or ""), _text(body, reply)
    if reply.status == 500 and any(word in text for word in _PICTURE):
        return UpstreamRefused(f"the server cannot read a picture: {text}")
    if reply.status == 500 and kind:
        if any(word in kind or word in text for word in _MEMORY):
            return UpstreamFailed("the server ran out of memory")
        return UpstreamFailed(f"the server failed: {': '.join(filter(None, (words(kind), text)))}")
    if reply.status == 404 and text == "Not Found":
        return UpstreamRefused("the server has no such path: is it started with --api, and the extension installed?")
    return by_status(reply, text, in_doubt=paid)


def _body(reply: Reply) -> dict[str, Any]:
    try:
        found = reply.json
    except UpstreamMalformed:
        return {}
    return found if isinstance(found, dict) else {}


def _text(body: dict[str, Any], reply: Reply) -> str:
    if not body:
        return "" if is_page(reply) else words(reply.body[:1000].decode(errors="replace"))
    for name in ("errors", "message", "detail"):
        said = body.get(name)
        if isinstance(said, list):
            return words("; ".join(_complaint(one) for one in said))
        if said:
            return words(said)
    return ""


def _complaint(one: Any) -> str:
    """What does not fit, of the list that FastAPI sends, without the values that were sent."""
    if not isinstance(one, dict):
        return str(one)
    steps = one.get("loc")
    place = ".".join(str(step) for step in steps if step != "body") if isinstance(steps, list) else ""
    return f"{place}: {one.get('msg')}" if place else str(one.get("msg"))
