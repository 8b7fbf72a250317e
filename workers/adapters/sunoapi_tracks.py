"""The tracks of a task at sunoapi.org, as queries and callbacks tell of them. Source: shared/protocols/suno.md C.1-2.

A task may be over and badly ended, and yet hold a track that is good: tracks are looked at first.
"""

from collections.abc import Mapping
from typing import Any

from storage.errors import ContentRefused, UpstreamError, UpstreamMalformed
from storage.wire.reading import words
from workers.adapters.base import Done, Failed, File, Item, Pending
from workers.adapters.suno_clips import LATER_S, Stand, audio, covers, number, record, records, text
from workers.adapters.sunoapi_errors import code_of, failure

TASK = {
    "PENDING": Stand.WAITS,
    "TEXT_SUCCESS": Stand.WAITS,
    "FIRST_SUCCESS": Stand.BEGUN,
    "SUCCESS": Stand.OVER,
    "CREATE_TASK_FAILED": Stand.FAILED,
    "GENERATE_AUDIO_FAILED": Stand.FAILED,
    "CALLBACK_EXCEPTION": Stand.FAILED,
    "SENSITIVE_WORD_ERROR": Stand.FAILED,
}
CALLBACK = {"text": Stand.WAITS, "first": Stand.BEGUN, "complete": Stand.OVER, "error": Stand.FAILED}

_KNOWN = frozenset(
    "id audioUrl audio_url sourceAudioUrl source_audio_url streamAudioUrl stream_audio_url sourceStreamAudioUrl "
    "source_stream_audio_url imageUrl image_url sourceImageUrl source_image_url prompt modelName model_name title tags "
    "createTime duration".split()
)


def stands(data: Mapping[str, Any]) -> tuple[Item, ...]:
    """How the tracks of a task stand, by its record."""
    word = text(data.get("status"))
    said = text(data.get("errorMessage"))
    error = failure(code_of(data, "errorCode"), said)
    if word == "SENSITIVE_WORD_ERROR":
        error = ContentRefused(words(said) or "the upstream found words that it will not sing")
    return _tracks(records(record(data.get("response")).get("sunoData")), TASK.get(word), error)


def called(data: Mapping[str, Any], code: int | None, said: str) -> tuple[Item, ...]:
    """The same by a callback, whose code and message stand outside of its data."""
    stand = CALLBACK.get(text(data.get("callbackType")))
    if code not in (None, 200):
        stand = Stand.FAILED
    return _tracks(records(data.get("data")), stand, failure(code, said))


def _tracks(tracks: list[Mapping[str, Any]], stand: Stand | None, error: UpstreamError) -> tuple[Item, ...]:
    """A link is worth something once the upstream calls the track ready: before, it leads to a stream at best."""
    if stand in (Stand.WAITS, None):
        return (Pending(begun=bool(tracks), after_s=LATER_S if stand is None else None),)
    if stand == Stand.FAILED:
        return tuple(_track(track, Failed(error, text(track.get("id")) or None)) for track in tracks) or (
            Failed(error),
        )
    if stand == Stand.OVER:
        silent = Failed(UpstreamMalformed("the upstream says that a task has succeeded, and lists no tracks"))
        return tuple(_track(track, Pending(begun=True, after_s=LATER_S)) for track in tracks) or (silent,)
    return (*(_track(track, Pending(begun=True)) for track in tracks), Pending(begun=True))


def _track(track: Mapping[str, Any], otherwise: Item) -> Item:
    """The track, if its file is there; else what that means."""
    id = text(track.get("id")) or None
    match audio(_either(track, "audioUrl", "audio_url")):
        case File() as file:
            return Done((file, *covers(_either(track, "imageUrl", "image_url"))), id, _metadata(track))
        case UpstreamError() as error:
            return Failed(error, id)
        case _:
            return otherwise


def _metadata(track: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {name: text(track.get(name)) or None for name in ("title", "tags", "prompt")}
    unknown = {name: value for name, value in track.items() if name not in _KNOWN and value is not None}
    found = {**said, "duration_s": number(track.get("duration")), "upstream": unknown or None}
    return {name: value for name, value in found.items() if value is not None}


def _either(track: Mapping[str, Any], *names: str) -> Any:
    return next((value for name in names if (value := track.get(name))), None)
