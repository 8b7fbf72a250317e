"""Suno's clips, as its own API and the relays in front of it tell of them. Source: shared/protocols/suno.md A.4, D.

Only `id` and `status` can be counted on; keys appear without notice, and those we do not know are kept.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from storage.errors import ContentRefused, UpstreamError, UpstreamFailed, UpstreamRefused
from storage.wire.reading import words
from workers.adapters.base import Done, Failed, File, Item, Pending

LATER_S = 15.0
"""When to look again at what cannot be understood now. Ours: no upstream has a say in it."""


class Stand(StrEnum):
    """What a status word means, whatever the upstream's word is."""

    WAITS = "waits"
    BEGUN = "begun"
    OVER = "over"
    FAILED = "failed"


CLIP = {
    "submitted": Stand.WAITS,
    "queued": Stand.WAITS,
    "streaming": Stand.BEGUN,
    "complete": Stand.OVER,
    "error": Stand.FAILED,
    "failed": Stand.FAILED,
}

_REFUSED = re.compile(
    r"moderat|\bartists?\b|copyright|sensitive|banned|prohibited|inappropriate|\bexplicit\b|violat|existing work",
    re.IGNORECASE,
)
_KNOWN = frozenset(
    "id title status model_name major_model_version audio_url video_url image_url image_large_url is_video_pending "
    "created_at user_id display_name handle is_handle_updated avatar_image_url is_liked is_trashed is_public reaction "
    "play_count upvote_count media_urls action_config ownership entity_type duration metadata".split()
)
_WORDS = ("tags", "negative_tags", "prompt", "gpt_description_prompt")
_KNOWN_DETAILS = frozenset(
    "audio_prompt_id history concat_history type duration refund_credits stream infill has_vocal can_remix is_remix "
    "error_type error_message".split()
) | frozenset(_WORDS)


def text(value: object) -> str:
    """A text without the white space around it; empty if it is none."""
    return value.strip() if isinstance(value, str) else ""


def record(value: object) -> Mapping[str, Any]:
    """An object of JSON; empty if it is none."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none if it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def link(value: object) -> str | None:
    """A link to follow; None if it is none."""
    url = text(value)
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def unix_ms(value: object) -> int | None:
    """A moment as ISO 8601; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text(value))
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def refusal(said: str, *, kind: str = "") -> UpstreamError:
    """Why something was not made, by the upstream's text and its code: the caller's fault, or just bad luck."""
    if _REFUSED.search(said) or _REFUSED.search(kind):
        return ContentRefused(words(said or kind))
    return UpstreamFailed(words(said or kind) or "the upstream failed, and did not say why")


def withheld(url: str) -> UpstreamError | None:
    """Why a link of something finished leads to no file, though it looks like one. (D.3, D.4)"""
    path = urlsplit(url).path.rstrip("/")
    if path.endswith(("/None.mp3", "/null.mp3")):
        return UpstreamFailed("the upstream says that the clip is complete, and has no file of it")
    if path.endswith("/api/forbidden"):
        return UpstreamRefused("the upstream made the clip, and keeps its file to itself")
    return None


def is_stream(url: str) -> bool:
    """Whether a link is to a sound that is still being made, and that ends with it. (D.5)"""
    parts = urlsplit(url)
    return (parts.hostname or "").startswith("audiopipe.") or "item_id=" in parts.query


def audio(url: object) -> File | UpstreamError | None:
    """The file of a finished clip, or why there is none; None if its link is not there yet."""
    found = link(url)
    if found is None or is_stream(found):
        return None
    return withheld(found) or File(url=found, content_type="audio/mpeg")


def item(clip: Mapping[str, Any]) -> Item:
    """How it stands with one clip."""
    stand, id = CLIP.get(text(clip.get("status"))), text(clip.get("id")) or None
    if stand == Stand.FAILED:
        details = record(clip.get("metadata"))
        return Failed(refusal(text(details.get("error_message")), kind=text(details.get("error_type"))), id)
    if stand != Stand.OVER:
        return Pending(begun=stand == Stand.BEGUN, after_s=LATER_S if stand is None else None)
    match audio(clip.get("audio_url")):
        case File() as file:
            return Done((file, *covers(clip.get("image_url"), clip.get("image_large_url"))), id, metadata(clip))
        case UpstreamError() as error:
            return Failed(error, id)
        case _:
            return Pending(begun=True, after_s=LATER_S)


def covers(small: object, large: object = None) -> tuple[File, ...]:
    """The pictures that there are."""
    found = {"cover": link(small), "cover_large": link(large)}
    return tuple(File(part, url=url) for part, url in found.items() if url)


def metadata(clip: Mapping[str, Any]) -> dict[str, Any]:
    """What a clip says of itself, and under `upstream` what it says that we do not know. Nothing of its account, and no
    id of another clip: callers know those by others."""
    details = record(clip.get("metadata"))
    said: dict[str, Any] = {name: text(details.get(name)) or None for name in _WORDS}
    length = number(details.get("duration"))
    news = {name: value for name, value in clip.items() if name not in _KNOWN}
    more = {name: value for name, value in details.items() if name not in _KNOWN_DETAILS}
    found = {
        "title": text(clip.get("title")) or None,
        **said,
        "duration_s": number(clip.get("duration")) if length is None else length,
        "upstream": _told(news | {"metadata": _told(more) or None}) or None,
    }
    return _told(found)


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}
