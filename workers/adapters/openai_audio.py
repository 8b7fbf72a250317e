"""Speech and transcriptions by OpenAI's dialect. Sources: shared/protocols/openai.md §6; whisper-asr.md §5 (Speaches).

A transcription asks for as much as the model tells: segments and words with their times, or the text alone.
"""

from typing import Any

from storage.errors import UpstreamMalformed
from storage.wire.reading import is_page, json_of
from storage.wire.reply import Reply
from workers.adapters.base import Call, Done, Field, File, Given, Item, Task
from workers.adapters.heard import detected, stored, transcript
from workers.adapters.openai_options import Options, transcript_format


def speech(task: Task, options: Options) -> Call:
    request = task.job.request
    voice = request.get("voice") or "alloy"
    body: dict[str, Any] = {
        "model": task.model,
        "input": request.get("input", ""),
        "voice": options.voices.get(voice, voice),
        "response_format": request.get("response_format", "mp3"),
        "speed": request.get("speed", 1.0),
    }
    if request.get("language") and "language" in options.extras:
        body["language"] = request["language"]
    return Call(
        method="POST",
        path="/audio/speech",
        json=body,
        pays=options.risky,
        to_file=True,
        timeout_s=options.timeout_s,
    )


def sound(reply: Reply, *, risky: bool) -> tuple[Item, ...]:
    """Raises UpstreamMalformed for words where sound is due."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if is_page(reply) or kind.startswith("text/") or kind.endswith("json"):
        raise UpstreamMalformed(f"the upstream answered with {kind or 'a page'} where sound is due", in_doubt=risky)
    if reply.path is None and not reply.body:
        raise UpstreamMalformed("the upstream answered with nothing where sound is due", in_doubt=risky)
    claimed = None if kind in ("", "application/octet-stream") else kind
    file = File(path=reply.path, data=None if reply.path else reply.body, content_type=claimed)
    return (Done((file,), metadata=_about(reply)),)


def transcription(task: Task, options: Options) -> Call:
    """Of a detection, a transcription too: there is no other way to hear which language is spoken."""
    request, format = task.job.request, transcript_format(task.model, options)
    translates = request.get("task") == "translate"
    told = {
        "model": task.model,
        "language": None if translates else request.get("language"),
        "prompt": request.get("prompt"),
        "response_format": format,
        "temperature": request.get("temperature"),
    }
    fields = [Field(name, str(value)) for name, value in told.items() if value not in (None, "")]
    if format == "verbose_json" and not translates and request.get("word_timestamps"):
        fields += [Field("timestamp_granularities[]", each) for each in ("word", "segment")]
    return Call(
        method="POST",
        path="/audio/translations" if translates else "/audio/transcriptions",
        form=(*fields, recording("file", task)),
        pays=options.risky,
        timeout_s=options.listening_timeout_s,
    )


def recording(name: str, task: Task) -> Field:
    """The file under a name that says nothing of it: services look into it. PCM without a head is given one."""
    if task.job.request.get("encode") is False:
        return Field(name, Given("file", turn="wav"), "recording.wav", "audio/wav")
    return Field(name, Given("file"), "recording", "application/octet-stream")


def heard(task: Task, reply: Reply, *, risky: bool) -> tuple[Item, ...]:
    """Raises UpstreamMalformed."""
    request, answer = task.job.request, json_of(reply, in_doubt=risky)
    if request.get("task") == "detect":
        file, facts = detected(answer.get("language"), None, in_doubt=risky)
    else:
        file, facts = stored(transcript(answer, request, in_doubt=risky))
    usage = answer.get("usage")
    return (
        Done((file,), metadata={**facts, **({"usage": usage} if isinstance(usage, dict) else {}), **_about(reply)}),
    )


def _about(reply: Reply) -> dict[str, Any]:
    request_id = reply.headers.get("x-request-id")
    return {"request_id": request_id} if request_id else {}
