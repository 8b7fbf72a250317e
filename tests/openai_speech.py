"""What a user of OpenAI's client does with speech, in a script that runs under any version of it.

Prints what came of it as one JSON object. FORMATS names those to try.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import av
import httpx
import numpy as np
import openai

RATE = 24_000
SHORT = "We can go out now."
LONG = "The rain has stopped at last. We can go out now. Shall we walk to the harbour, or to the old mill?"
GATEWAY, KEY = os.environ["GATEWAY"], os.environ["KEY"]
WAIT_S = 0.02


def job(id: str) -> dict[str, Any]:
    answer = httpx.get(f"{GATEWAY}/v1/jobs/{id}", headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def ended(id: str) -> dict[str, Any]:
    """The job at its end, which comes a moment after that of the sound."""
    while (found := job(id))["status"] in ("queued", "running"):
        time.sleep(WAIT_S)
    return found


def stored(found: dict[str, Any]) -> bytes:
    return httpx.get(found["outputs"][0]["url"], trust_env=False).raise_for_status().content


def samples(data: bytes, format: str) -> Any:
    """What is heard, at 24 kHz, 16-bit."""
    if format == "pcm":
        return np.frombuffer(data, "<i2")
    resampler, frames = av.AudioResampler("s16", "mono", RATE), []
    with av.open(BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            frames += resampler.resample(frame)
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)[0]


def formats(speech: Any) -> dict[str, Any]:
    told = {}
    for format in os.environ["FORMATS"].split():
        answer = speech.with_raw_response.create(model="tts-1", voice="nova", input=SHORT, response_format=format)
        heard = samples(answer.content, format)
        found = ended(answer.headers["x-job-id"])
        kept = samples(stored(found), format)
        told[format] = {
            "type": answer.headers["content-type"],
            "seconds": len(heard) / RATE,
            "loud": float(np.sqrt((heard.astype(np.float64) ** 2).mean())),
            "told_s": found["outputs"][0]["duration_s"],
            "same": bool(np.array_equal(heard, kept)),
        }
    return told


def streamed(speech: Any) -> dict[str, Any]:
    parts = []
    with speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="onyx", input=LONG, response_format="wav"
    ) as answer:
        id = answer.headers["x-job-id"]
        for part in answer.iter_bytes(4096):
            if not parts:
                then = job(id)["status"]
            parts.append(part)
    found = ended(id)
    heard, kept = (samples(data, "wav") for data in (b"".join(parts), stored(found)))
    return {
        "when_first_heard": then,
        "in_the_end": found["status"],
        "length": answer.headers.get("content-length"),
        "same": bool(np.array_equal(heard, kept)),
        "seconds": len(heard) / RATE,
    }


def events(speech: Any) -> dict[str, Any]:
    with speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="coral", input=SHORT, response_format="pcm", stream_format="sse"
    ) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    heard = b"".join(base64.b64decode(each["audio"]) for each in told[:-1])
    return {
        "types": sorted({each["type"] for each in told[:-1]}),
        "last": told[-1],
        "same": heard == stored(ended(answer.headers["x-job-id"])),
    }


def again(speech: Any) -> dict[str, Any]:
    once = {"Idempotency-Key": "speech-" + openai.__version__}
    raw = [
        speech.with_raw_response.create(model="tts-1-hd", voice="echo", input=SHORT, extra_headers=once)
        for _ in range(2)
    ]
    later = speech.with_raw_response.create(
        model="tts-1", voice="echo", input=SHORT, extra_headers={"Prefer": "respond-async"}
    )
    return {
        "ids": [each.headers["x-job-id"] for each in raw],
        "replayed": [each.headers.get("idempotent-replayed") for each in raw],
        "engine": raw[0].headers["x-gateway-engine"],
        "later": [later.status_code, later.headers["location"].endswith(later.headers["x-job-id"])],
    }


def refusals(speech: Any) -> dict[str, Any]:
    usual = {"model": "tts-1", "voice": "alloy", "input": SHORT}
    asked: dict[str, dict[str, Any]] = {
        "model": {"model": "tts-9"},
        "voice": {"voice": "darth"},
        "input": {"input": "a" * 100_000},
        "nothing": {"input": "…?!"},
        "script": {"input": "Привет, как дела?"},
        "response_format": {"response_format": "ogg"},
        "speed": {"speed": 4.5},
        "language": {"extra_body": {"language": "de"}},
    }
    told = {}
    calls: dict[str, Callable[[], Any]] = {
        name: lambda wrong=wrong: speech.create(**{**usual, **wrong}) for name, wrong in asked.items()
    }
    for name, call in calls.items():
        try:
            call()
        except openai.APIStatusError as error:
            told[name] = [type(error).__name__, error.status_code, error.param, error.code, str(error.message)]
    return told


def main() -> None:
    client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0)
    told = {each.__name__: each(client.audio.speech) for each in (formats, streamed, events, again, refusals)}
    json.dump({"version": openai.__version__, **told}, sys.stdout)
    client.close()


if __name__ == "__main__":
    main()
