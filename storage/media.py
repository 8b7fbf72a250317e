"""Where results lie in the object store, and what their files are called.

The key follows from the output's id alone, so that a link finds its file after the job's record has gone.
"""

from datetime import UTC, datetime

from storage.ids import OutputId, Part, minted_ms

EXTENSIONS = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/opus": ".opus",
    "audio/pcm": ".pcm",
    "image/jpeg": ".jpeg",
    "image/png": ".png",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "text/plain": ".txt",
    "application/json": ".json",
}
"""The content types that results have, and how their files' names end."""

UNKNOWN = ".bin"

_INPUTS = "inputs/"

_CONTENT_TYPES = {extension: content_type for content_type, extension in EXTENSIONS.items()}
_BY_ROLE = {"audio": ".mp3", "image": ".png", "cover": ".jpeg", "waveform": ".json", "plan": ".json", "text": ".json"}
_NAMES = {
    Part.MAIN: "{}",
    Part.COVER: "image_{}",
    Part.COVER_LARGE: "image_large_{}",
    Part.WAVEFORM: "waveform_{}",
    Part.PLAN: "plan_{}",
}


def extension(content_type: str | None, role: str = "") -> str:
    """How a file's name ends; while its content type is not known, as its role makes likely."""
    if content_type is None:
        return _BY_ROLE.get(role, UNKNOWN)
    return EXTENSIONS.get(content_type.partition(";")[0].strip().lower(), UNKNOWN)


def content_type_of(key: str) -> str:
    """The content type of an object, from its key."""
    return _CONTENT_TYPES.get(key[key.rfind(".") :], "application/octet-stream")


def job_prefix(job: str) -> str:
    """What the keys of all of a job's objects start with."""
    day = datetime.fromtimestamp(minted_ms(job) / 1000, UTC)
    return f"media/{day:%Y/%m/%d}/{job}/"


def inputs_prefix(job: str) -> str:
    """What the keys of all start with that a caller sent with a job. `storage/lua/job.lua` has it erased at its end."""
    return f"{_INPUTS}{job}/"


def job_of_inputs(prefix: str) -> str | None:
    """The job that `inputs_prefix` was made of; None if the prefix is another."""
    return prefix.removeprefix(_INPUTS).rstrip("/") if prefix.startswith(_INPUTS) else None


def output_prefix(output: OutputId) -> str:
    """The key of an output's object up to its extension."""
    return f"{job_prefix(output.job)}{output.item}-{output.part.name.lower()}."


def object_key(output: OutputId, extension: str) -> str:
    """The key of an output's object; `extension` starts with a dot."""
    return output_prefix(output) + extension.removeprefix(".")


def file_name(item_id: str, part: Part, content_type: str | None, role: str) -> str:
    """What a browser would save an output as; `item_id` is the id of the item's main output."""
    return _NAMES[part].format(item_id) + extension(content_type, role)
