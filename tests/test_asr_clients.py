"""Requests as Bazarr, scripts and a SenseVoice client send them; films and links; on whole gateways with real ears."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import requests

from cli.gateway import Gateway
from tests.api.recordings import hears
from tests.gateway import whole_gateway
from tests.storage.receiver import always, receiving
from tests.test_openai_images import key
from tests.workers.engines.transcription.conftest import SPEECH

WITHIN_S = 120.0
SRT = re.compile(r"(\d+\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n.+\n\n)+")


@pytest.fixture(scope="module", autouse=True)
def _ears() -> None:
    hears()


@pytest.fixture(scope="module")
def pcm() -> bytes:
    """What Bazarr's ffmpeg makes of a film: samples, 16-bit, mono, 16 kHz, without a head."""
    from workers.engines.transcription.reading import sound

    samples = np.concatenate(list(sound(SPEECH / "en.opus")))
    return (samples * 32767).astype("<i2").tobytes()


@pytest.fixture
def bazarr(running_gateway: Gateway) -> Iterator[requests.Session]:
    """No header can be set in Bazarr: the key is in the address that it is given."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = "Subliminal/2.1"
        yield session


def endpoint(gateway: Gateway) -> str:
    to = urlsplit(gateway.url)
    return f"http://bazarr:{key(gateway)}@{to.netloc}"


def test_bazarr_finds_out_the_language_and_gets_its_subtitles(
    running_gateway: Gateway, bazarr: requests.Session, pcm: bytes
) -> None:
    found = bazarr.post(
        f"{endpoint(running_gateway)}/detect-language",
        params={"encode": "false", "video_file": "/films/The Lighthouse (2019)/film.mkv"},
        files={"audio_file": pcm},
        timeout=(5, WITHIN_S),
    )
    assert found.json()["language_code"] == "en"
    made = bazarr.post(
        f"{endpoint(running_gateway)}/asr",
        params={"task": "transcribe", "language": "en", "output": "srt", "encode": "false"},
        files={"audio_file": pcm},
        timeout=(5, WITHIN_S),
    )
    assert (made.status_code, made.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert SRT.fullmatch(made.text), made.text
    assert "lighthouse keeper" in made.text
    assert made.headers["content-disposition"] == 'attachment; filename="audio_file.srt"'


def test_bazarrs_second_attempt_is_not_paid_for_again(
    running_gateway: Gateway, bazarr: requests.Session, pcm: bytes
) -> None:
    def attempt(patience_s: float, sound: bytes = pcm) -> requests.Response:
        return bazarr.post(
            f"{endpoint(running_gateway)}/asr",
            params={"task": "translate", "language": "en", "output": "srt", "encode": "false"},
            files={"audio_file": sound},
            timeout=(5, patience_s),
        )

    attempt(WITHIN_S, pcm[: len(pcm) // 2])  # a gateway that has just started takes its first request more slowly
    with pytest.raises(requests.Timeout):
        attempt(0.05)
    made = attempt(WITHIN_S)
    assert SRT.fullmatch(made.text)
    assert made.headers["idempotent-replayed"] == "true"


def test_subtitles_are_never_made_of_an_error(running_gateway: Gateway, bazarr: requests.Session) -> None:
    answer = bazarr.post(
        f"{endpoint(running_gateway)}/asr?task=transcribe&language=en&output=srt&encode=false",
        files={"audio_file": b""},
        timeout=30,
    )
    assert answer.status_code == 422
    assert "-->" not in answer.text


def test_samples_of_silence_are_refused_or_empty_and_never_hang(
    running_gateway: Gateway, bazarr: requests.Session
) -> None:
    answer = bazarr.post(
        f"{endpoint(running_gateway)}/asr?output=srt&encode=false",
        files={"audio_file": bytes(64_000)},
        timeout=30,
    )
    assert (answer.status_code, "silen" in answer.text.lower()) == (422, True)


def test_a_note_takers_json_has_times(running_gateway: Gateway) -> None:
    with (SPEECH / "fr.opus").open("rb") as file:
        answer = httpx.post(
            f"{running_gateway.url}/asr",
            params={"encode": "true", "task": "transcribe", "output": "json", "word_timestamps": "true"},
            files={"audio_file": ("note.ogg", file, "audio/ogg")},
            headers={"x-api-key": key(running_gateway)},
            timeout=WITHIN_S,
            trust_env=False,
        )
    body = answer.json()
    assert (body["language"], len(body["segments"])) == ("fr", 2)
    assert body["segments"][0]["words"][0]["start"] < body["segments"][1]["start"]


def test_a_sensevoice_client_gets_its_text(running_gateway: Gateway) -> None:
    answer = httpx.post(
        f"{running_gateway.url}/api/v1/asr",
        files={"files": ("zh.opus", (SPEECH / "zh.opus").read_bytes())},
        data={"keys": "one", "lang": "auto"},
        headers={"authorization": f"Bearer {key(running_gateway)}"},
        timeout=WITHIN_S,
        trust_env=False,
    )
    (result,) = answer.json()["result"]
    assert (result["key"], "图书馆" in result["text"]) == ("one", True)


def film(path: Path) -> Path:
    """A film of ten seconds with the English recording as its sound: H.264 and AAC in MP4, if they are there."""
    import av

    with av.open(str(SPEECH / "en.opus")) as heard, av.open(str(path), "w") as made:
        picture: Any = made.add_stream("mpeg4", rate=5)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        voice: Any = made.add_stream("aac", rate=24_000)
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")
            made.mux(picture.encode(frame))
        made.mux(picture.encode(None))
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=24_000)
        for frame in heard.decode(audio=0):
            for part in resampler.resample(frame):
                made.mux(voice.encode(part))
        made.mux(voice.encode(None))
    return path


def test_a_film_gives_its_sound_track(running_gateway: Gateway, tmp_path: Path) -> None:
    with film(tmp_path / "film.mp4").open("rb") as file:
        answer = httpx.post(
            f"{running_gateway.url}/v1/audio/transcriptions",
            files={"file": ("film.mp4", file, "video/mp4")},
            data={"response_format": "vtt"},
            headers={"authorization": f"Bearer {key(running_gateway)}"},
            timeout=WITHIN_S,
            trust_env=False,
        )
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "lighthouse keeper" in answer.text


def test_a_job_is_had_as_subtitles_by_its_link(running_gateway: Gateway) -> None:
    with httpx.Client(
        base_url=running_gateway.url, headers={"x-api-key": key(running_gateway)}, timeout=WITHIN_S, trust_env=False
    ) as client:
        file = client.post(
            "/v1/files", data={"purpose": "user_data"}, files={"file": (SPEECH / "es.opus").read_bytes()}
        ).json()["id"]
        body = {"kind": "transcription", "input": {"file": file, "language": "es"}}
        job = client.post("/v1/jobs", json=body).json()
        job = client.get(f"/v1/jobs/{job['id']}", params={"wait": 120}).json()
        assert job["status"] == "succeeded", job
        (output,) = job["outputs"]
        assert SRT.fullmatch(client.get(output["url"], params={"format": "srt"}).text)
        assert output["text"] in client.get(output["url"], params={"format": "text"}).text


async def test_a_recording_at_an_allowed_address_is_fetched_and_no_other(
    running_gateway: Gateway, tmp_path: Path
) -> None:
    data = (SPEECH / "en.opus").read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    async with receiving(always(head + data)) as server:
        body = {"file": server.url("/en.opus"), "response_format": "text"}

        async def ask(gateway: Gateway) -> httpx.Response:
            async with httpx.AsyncClient(timeout=WITHIN_S, trust_env=False) as http:
                headers = {"authorization": f"Bearer {key(gateway)}"}
                return await http.post(f"{gateway.url}/v1/audio/transcriptions", json=body, headers=headers)

        refused = await ask(running_gateway)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "address_refused")
        assert server.accepted == 0
        models = str(running_gateway.data / "models")
        gateway = whole_gateway(tmp_path, outbound_allow="127.0.0.1", models=models)
        try:
            await asyncio.to_thread(gateway.start)
            answer = await ask(gateway)
        finally:
            await asyncio.to_thread(gateway.stop)
        assert (answer.status_code, "lighthouse keeper" in answer.text) == (200, True)
