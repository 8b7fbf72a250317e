"""What a user of OpenAI's client does with recordings, in a script that runs under any version of it.

Prints what came of it as one JSON object. Its one argument is the folder of the recordings.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

FOLDER = Path(sys.argv[1])


def formats(audio: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for format in ("json", "text", "srt", "vtt", "verbose_json"):
        with (FOLDER / "en.opus").open("rb") as file:
            said = audio.transcriptions.create(file=file, model="whisper-1", response_format=format, language="en")
        told[format] = [type(said).__name__, said if isinstance(said, str) else said.to_dict()]
    return told


def words(audio: Any) -> dict[str, Any]:
    said = audio.transcriptions.create(
        file=FOLDER / "en.opus",
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        prompt="lighthouse",
        temperature=0.0,
    )
    return {
        "words": [[one.word, one.start, one.end] for one in said.words],
        "segments": len(said.segments),
        "language": said.language,
        "duration": said.duration,
    }


def translations(audio: Any) -> dict[str, Any]:
    said = audio.translations.create(file=FOLDER / "es.opus", model="whisper-1")
    srt = audio.translations.create(file=FOLDER / "es.opus", model="whisper-1", response_format="srt")
    return {"text": said.text, "srt": srt}


def streams(audio: Any) -> dict[str, Any]:
    events = list(audio.transcriptions.create(file=FOLDER / "fr.opus", model="gpt-4o-transcribe", stream=True))
    return {
        "types": [event.type for event in events],
        "deltas": "".join(event.delta for event in events[:-1]),
        "text": events[-1].text,
    }


def refusals(audio: Any) -> dict[str, Any]:
    def ask(data: Any = FOLDER / "en.opus", **how: Any) -> Callable[[], Any]:
        return lambda: audio.transcriptions.create(**{"file": data, "model": "whisper-1", **how})

    asked = {
        "empty": ask(("a.wav", b"")),
        "page": ask(("a.mp3", b"<!doctype html><html></html>")),
        "junk": ask(("a.mp3", bytes(range(256)) * 64)),
        "model": ask(model="whisper-9"),
        "language": ask(language="klingon"),
        "word": ask(timestamp_granularities=["word"]),
        "format": ask(response_format="diarized_json"),
        "temperature": ask(temperature=2),
    }
    told = {}
    for name, call in asked.items():
        try:
            call()
        except openai.APIStatusError as error:
            told[name] = [error.status_code, error.param, error.code, str(error.message)]
    return told


def jobs(audio: Any) -> dict[str, Any]:
    once = {"Idempotency-Key": "recordings-" + openai.__version__}
    raw = [
        audio.transcriptions.with_raw_response.create(file=FOLDER / "zh.opus", model="whisper-1", extra_headers=once)
        for _ in range(2)
    ]
    return {
        "ids": [each.headers["x-job-id"] for each in raw],
        "engine": raw[0].headers["x-gateway-engine"],
        "replayed": [each.headers.get("idempotent-replayed") for each in raw],
        "text": raw[1].parse().text,
    }


def main() -> None:
    warnings.filterwarnings(
        "ignore", category=DeprecationWarning, message="The 'warn' method"
    )  # of formats it knows not
    warnings.filterwarnings("ignore", category=DeprecationWarning, message="deprecated")  # translations, by OpenAI
    client = openai.OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key=os.environ["KEY"], max_retries=0)
    told = {each.__name__: each(client.audio) for each in (formats, words, translations, streams, refusals, jobs)}
    json.dump({"version": openai.__version__, **told}, sys.stdout)
    client.close()


if __name__ == "__main__":
    main()
