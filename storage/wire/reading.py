"""What the replies of several dialects have in common: words, waiting times, Base64, and pages where JSON is due."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from storage.errors import UpstreamMalformed
from storage.wire.reply import Reply

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises that is none, or another than was expected, or nested beyond all measure."""

_LONGEST = 300
_LONGEST_WAIT_S = 3600.0
_SECRET = re.compile(r"\b(?:(?:sk|pk)-[\w*-]{6,}|(?:Bearer|Basic) \S{6,})")
_PATH = re.compile(r"(?<![\w:/.])(?:/[\w.+~@-]+){2,}/?|\b[A-Za-z]:\\[^\s'\",;]+")


def words(text: object) -> str:
    """What an upstream says, fit to be told to a caller: one line, no key, no path on its server, 300 characters."""
    line = " ".join(str(text).split())
    line = _PATH.sub("…", _SECRET.sub("…", line))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def is_page(reply: Reply) -> bool:
    """Whether HTML has come, whatever it claims to be: a proxy's error, a login, a challenge."""
    kind = reply.headers.get("content-type", "").lower()
    return "html" in kind or reply.body[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))


def is_challenge(reply: Reply) -> bool:
    """Whether somebody before the upstream wants to see a person. Source: Cloudflare, "Detect a challenge page"."""
    return reply.headers.get("cf-mitigated", "") == "challenge" or (reply.status == 403 and is_page(reply))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`retry-after-ms`, else `retry-after`: seconds, or a date, which counts from the reply's own. At most an hour."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,12}(\.\d{0,9})?", text):
            return min(_LONGEST_WAIT_S, float(text) / unit)
    due, now = _date(headers.get("retry-after", "")), _date(headers.get("date", ""))
    return None if due is None or now is None else min(_LONGEST_WAIT_S, max(0.0, (due - now).total_seconds()))


def json_of(reply: Reply, *, in_doubt: bool) -> dict[str, Any]:
    """The object that a good reply is. Raises UpstreamMalformed."""
    try:
        found = reply.json
    except UpstreamMalformed as error:
        error.in_doubt = in_doubt
        raise
    if not isinstance(found, dict):
        raise UpstreamMalformed("the upstream answered with JSON that is no object", in_doubt=in_doubt)
    return found


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    return found if found.tzinfo else None


def from_base64(text: object, *, in_doubt: bool) -> bytes:
    """The bytes, with a data URI's head or without. Raises UpstreamMalformed."""
    if isinstance(text, str) and text:
        raw = text.partition(",")[2] if text.startswith("data:") else text
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UpstreamMalformed("the upstream sent a file that is no Base64", in_doubt=in_doubt) from error
    raise UpstreamMalformed("the upstream sent no file where one is due", in_doubt=in_doubt)
