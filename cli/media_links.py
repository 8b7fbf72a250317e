"""The links to results that an answer holds, whichever protocol it is of, and what their files are called here."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_MEDIA = re.compile(r"/media/[^/]+/[^/]+$")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_NOT_OURS = {"metadata", "urls", "input"}
"""Where the caller's own words are, and links that lead to no file."""


class Link(NamedTuple):
    """`size_bytes` is None where the answer does not tell."""

    url: str
    size_bytes: int | None

    @property
    def suffix(self) -> str:
        found = _SUFFIX.search(urlsplit(self.url).path)
        return found[0].lower() if found else ""


def links(answer: Any) -> list[Link]:
    """The media links of an answer, each once, in the order in which it tells them."""
    found: dict[str, Link] = {}
    for link in _links(answer):
        found.setdefault(link.url, link)
    return list(found.values())


def file_name(name: str, number: int, suffix: str, *, alike: bool = False) -> str:
    """What the nth file of a line, or of a job, is called: `{name}-{n}.mp3`, made safe for any file system.

    A name that had to be changed, or may be taken for another (`alike`), gets a digest, so that none is there twice.
    """
    if alike or not _PLAIN.fullmatch(name):
        readable = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:80].strip("_-")
        name = f"{readable or 'line'}-{sha256(name.encode()).hexdigest()[:10]}"
    return f"{name}-{number}{suffix}"


def _links(value: Any) -> Iterator[Link]:
    match value:
        case dict():
            for name, inner in value.items():
                if isinstance(inner, str) and (name == "url" or name.endswith("_url")):
                    if _MEDIA.search(urlsplit(inner).path):
                        yield Link(inner, value.get("size_bytes") if name == "url" else None)
                elif name not in _NOT_OURS:
                    yield from _links(inner)
        case list():
            for inner in value:
                yield from _links(inner)
        case _:
            pass  # a text or a number: no more of them in there
