"""Recordings written down: how fast, beside the bare engine, and how true the times of a long one are.

Half an hour is put together from a dozen sentences that the speech engine has said, at known moments, over a hiss.
A whole gateway transcribes it over HTTP: divided, by as many engines as there are cores. The bare engine does the same
in one call, in one subprocess, before it.
"""

import asyncio
import json
import random
import re
import statistics
import time
import wave
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.models import with_models
from bench.report import Row, number, percentile
from cli.embedded.ports import free_ports
from cli.gateway import Gateway
from storage.catalog import ENGINES
from storage.transcripts import Segment, parsed
from workers.engines.host import EngineHost
from workers.engines.limits import Limits

LONG_S, CLIP_S = 1800.0, 30.0
TRUE_WITHIN_S = 0.5
RATE = 16_000
HISS, _AUDIBLE = 0.001, 0.02
GAPS_S = (1.0, 4.0)
LIMIT_S = 3600.0
SENTENCES = (
    "The old lighthouse keeper climbed the narrow stairs every evening.",
    "Please bring some red apples and a loaf of bread from the market.",
    "Nobody remembers who planted the tall trees behind the school.",
    "A small boat was waiting for us at the end of the pier.",
    "She wrote seven letters to her brother during the long winter.",
    "The museum opens at ten, but the garden is open all day.",
    "My neighbour repairs clocks and sells them on Saturday morning.",
    "We followed the river until we came to a wooden bridge.",
    "The children painted the kitchen door yellow last summer.",
    "He forgot his umbrella on the train and walked home in the rain.",
    "There is a letter for you on the table beside the window.",
    "Every spring the farmers carry their seeds up the mountain.",
)
VOICES = ("af_heart", "am_michael", "bf_emma")

Sound = NDArray[np.float32]


class Said(NamedTuple):
    """A sentence, and the second at which it begins."""

    text: str
    at_s: float


def run(folder: Path) -> list[Row]:
    path, truth = asyncio.run(recorded(folder))
    clip = folder / "clip.wav"
    _write(clip, _read(path)[: round(CLIP_S * RATE)])
    clips = asyncio.run(alone(clip, folder, {}, turns=5))
    known = asyncio.run(alone(clip, folder, {"language": "en"}, turns=5))
    bare_s = asyncio.run(alone(path, folder, {"language": "en", "word_timestamps": True}))[0]
    port = free_ports(1)[0]
    with Gateway(folder / "data", "127.0.0.1", port, with_models()) as gateway:
        took_s, segments = transcribed(port, gateway.first_key or "", path)
    return [
        Row(f"transcription: {CLIP_S:g} s of speech, the engine alone", f"{_middle(clips)}", "–", "–", "–", None),
        Row("the same, its language given", f"{_middle(known)}", "–", "–", "–", None),
        Row(
            f"transcription: {LONG_S / 60:g} minutes over HTTP, in parts, with words",
            f"{number(took_s)} s",
            f"the bare engine, in one call: {number(bare_s)} s",
            f"{took_s / bare_s:.0%}",
            "–",
            None,
        ),
        truth_row(truth, segments),
    ]


def truth_row(truth: Sequence[Said], segments: Sequence[Segment]) -> Row:
    """How far the first word of each sentence is from where it was put, and how many words are wrong."""
    offs, wrong = compared(truth, segments)
    within = sum(off <= TRUE_WITHIN_S for off in offs) / len(truth)
    spread = f"{number(statistics.median(offs))} / {number(percentile(offs, 0.95))} / {number(max(offs))} s"
    return Row(
        f"its {len(truth)} sentences: how far their times are off, median / p95 / most",
        f"{spread}; {wrong:.1%} of the words wrong",
        f"{len(offs)} of {len(truth)} found by their first word",
        f"{within:.1%} within {TRUE_WITHIN_S:g} s",
        f"within {TRUE_WITHIN_S:g} s",
        max(offs) <= TRUE_WITHIN_S,
    )


def compared(truth: Sequence[Said], segments: Sequence[Segment]) -> tuple[list[float], float]:
    """Seconds by which the first words are off that were found again; the share of words that are wrong."""
    heard = [(plain, word.start) for one in segments for word in one.words or () for plain in _plain(word.word)]
    spoken, first = list[str](), dict[int, float]()
    for one in truth:
        first[len(spoken)] = one.at_s
        spoken += _plain(one.text)
    blocks = SequenceMatcher(None, spoken, [word for word, _ in heard], autojunk=False).get_matching_blocks()
    places = {block.a + i: block.b + i for block in blocks for i in range(block.size)}
    offs = [abs(heard[places[at]][1] - at_s) for at, at_s in first.items() if at in places]
    wrong = max(len(spoken), len(heard)) - len(places)
    return offs, wrong / len(spoken)


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


async def recorded(folder: Path) -> tuple[Path, list[Said]]:
    """Half an hour of speech in a file, and what is said in it when."""
    sentences = await _spoken(folder)
    draw = random.Random(7)
    sound = np.random.default_rng(7).normal(0, HISS, round(LONG_S * RATE)).astype(np.float32)
    truth, at = list[Said](), RATE
    while True:
        number_, voice = draw.randrange(len(SENTENCES)), draw.randrange(len(VOICES))
        samples = sentences[number_, voice]
        if at + len(samples) > len(sound):
            break
        sound[at : at + len(samples)] += samples
        truth.append(Said(SENTENCES[number_], at / RATE))
        at += len(samples) + round(draw.uniform(*GAPS_S) * RATE)
    path = folder / "long.wav"
    _write(path, sound)
    return path, truth


async def _spoken(folder: Path) -> dict[tuple[int, int], Sound]:
    """Each sentence by each voice, from its first sound on."""
    found: dict[tuple[int, int], Sound] = {}
    host = _host("kokoro")
    try:
        for number_, text in enumerate(SENTENCES):
            for at, voice in enumerate(VOICES):
                to = folder / f"said-{number_}-{at}"
                to.mkdir()
                request = {"input": text, "voice": voice, "response_format": "pcm"}
                made = await host.generate({"kind": "speech", "request": request, "seed": 1}, to, lambda _: None)
                found[number_, at] = await asyncio.to_thread(_at_16_khz, Path(made.artifacts[0].path))
    finally:
        await host.close()
    return found


def _at_16_khz(pcm: Path) -> Sound:
    """What is in a file of 24 kHz, from its first sound on: two samples for three, by straight lines."""
    whole = _floats(pcm.read_bytes())
    samples = whole[int(np.argmax(np.abs(whole) > _AUDIBLE)) :]
    at = np.arange(0, len(samples) - 1, 1.5)
    return np.asarray(np.interp(at, np.arange(len(samples)), samples), np.float32)


def _floats(pcm: bytes) -> Sound:
    return np.asarray(np.frombuffer(pcm, "<i2"), np.float32) / np.float32(32767)


async def alone(path: Path, folder: Path, request: Mapping[str, Any], turns: int = 1) -> list[float]:
    """Seconds that the bare engine takes, warm, by one thread."""
    host, took = _host("whisper"), list[float]()
    try:
        for turn in range(turns + 1):
            to = folder / f"heard-{time.monotonic_ns()}"
            to.mkdir()
            of = path if turn else folder / "clip.wav"
            task = {"kind": "transcription", "request": dict(request), "inputs": {"file": str(of)}, "seed": 1}
            began = time.monotonic()
            await host.generate(task, to, lambda _: None)
            if turn:  # the first starts the process
                took.append(time.monotonic() - began)
    finally:
        await host.close()
    return took


def _host(engine: str) -> EngineHost:
    return EngineHost(ENGINES[engine].spec, limits=Limits(ENGINES[engine].memory_mb, ENGINES[engine].stall_s))


def transcribed(port: int, key: str, path: Path) -> tuple[float, list[Segment]]:
    """Send a recording, wait for its job. Returns the seconds that took, and what was said."""
    fields = {"model": "whisper-1", "language": "en", "response_format": "verbose_json"}
    fields["timestamp_granularities[]"] = "word"
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n'
    body = "".join([*parts, head]).encode() + path.read_bytes() + b"\r\n--x--\r\n"
    began = time.monotonic()
    kind = "multipart/form-data; boundary=x"
    job = json.loads(
        _ask(port, key, "POST", "/v1/audio/transcriptions", body, content_type=kind, prefer="respond-async")
    )
    while job["status"] in ("queued", "running"):
        job = json.loads(_ask(port, key, "GET", f"/v1/jobs/{job['id']}?wait=60"))
    took_s = time.monotonic() - began
    assert job["status"] == "succeeded", job
    link = str(job["outputs"][0]["url"])
    return took_s, parsed(_ask(port, key, "GET", link[link.index("/media/") :])).segments


def _ask(port: int, key: str, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        words = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, {"authorization": f"Bearer {key}", **words})
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    assert answer.status // 100 == 2, said[:500]
    return said


def _middle(values: Sequence[float]) -> str:
    return f"{number(statistics.median(values))} s [{number(min(values))} – {number(max(values))}]"


def _read(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        return _floats(file.readframes(file.getnframes()))


def _write(path: Path, samples: Sound) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
