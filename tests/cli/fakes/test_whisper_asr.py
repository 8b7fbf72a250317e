"""The fake of whisper-asr-webservice, as Bazarr uses the real one, and as our adapter does."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from cli.fakes.sounds import speech
from cli.fakes.whisper_asr import WhisperAsr as Fake
from storage.errors import UpstreamError, UpstreamFailed, UpstreamMalformed
from storage.transcripts import Transcript, parsed
from tests.workers.adapters import asking
from tests.workers.adapters.asking import Order
from tests.workers.adapters.sending import sent
from workers.adapters.base import Done
from workers.adapters.whisper_asr import WhisperAsr

PCM = b"\x00\x20\x00\xe0" * 24_000  # three seconds


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s=0.001)).serving() as fake:
        yield fake


@pytest.fixture(scope="module")
def recording() -> bytes:
    data, _ = speech("a few words that take a while to say aloud", "alloy", "flac")
    return data


async def asked(fake: FakeUpstream, order: Order, **options: Any) -> bytes:
    adapter = WhisperAsr(options)
    (item,) = adapter.taken(order.task, await sent(adapter.submit(order.task), fake.url, order.files)).items
    assert isinstance(item, Done)
    return item.files[0].data or b""


async def heard(fake: FakeUpstream, order: Order) -> Transcript:
    return parsed(await asked(fake, order))


async def test_subtitles_are_had_as_bazarr_has_them(fake: FakeUpstream) -> None:
    files = {"audio_file": ("audio_file", PCM)}
    async with httpx.AsyncClient(base_url=fake.url, trust_env=False) as http:
        found = await http.post("/detect-language?encode=false&video_file=/films/a.mkv", files=files)
        made = await http.post("/asr?task=transcribe&language=en&output=srt&encode=false", files=files)
        told = [await http.post(f"/asr?output={output}&encode=0", files=files) for output in ("vtt", "tsv", "text")]
        root = await http.get("/")
    assert found.json()["language_code"] == "en"
    assert made.headers["content-type"] == "text/plain; charset=utf-8"
    assert made.headers["asr-engine"] == "faster_whisper"
    assert made.text.startswith("1\n00:00:00,000 --> 00:00:")
    assert [each.text.partition("\n")[0] for each in told[:2]] == ["WEBVTT", "start\tend\ttext"]
    assert told[2].headers["content-disposition"].endswith('.txt"')
    assert root.status_code == 307


@pytest.mark.parametrize("engine", ["openai_whisper", "faster_whisper", "whisperx"])
async def test_the_adapter_hears_the_same_of_every_engine(fake: FakeUpstream, recording: bytes, engine: str) -> None:
    usual = await heard(fake, asking.recording(recording, word_timestamps=True))
    fake.world.faults.set([parse(f"engine={engine}")])
    said = await heard(fake, asking.recording(recording, word_timestamps=True))
    assert (said.text, said.language, len(said.segments)) == (usual.text, "en", len(usual.segments))
    assert [len(one.words or ()) for one in said.segments] == [len(one.words or ()) for one in usual.segments]
    assert all(one.words for one in said.segments)


async def test_words_are_told_if_they_are_asked_for(fake: FakeUpstream, recording: bytes) -> None:
    assert not any(one.words for one in (await heard(fake, asking.recording(recording))).segments)


async def test_headless_sound_is_told_apart_from_files(fake: FakeUpstream) -> None:
    assert (await heard(fake, asking.recording(PCM, encode=False))).text
    with pytest.raises(UpstreamFailed, match="not be able to read"):
        await heard(fake, asking.recording(PCM))
    assert fake.ledger.counts()["accepted"] == 1


async def test_silence_says_nothing(fake: FakeUpstream) -> None:
    assert (await heard(fake, asking.recording(bytes(64_000), encode=False))).segments == []


async def test_a_language_is_found_out(fake: FakeUpstream, recording: bytes) -> None:
    order = asking.recording(recording, task="detect")
    found = {"language": "en", "language_name": "english", "probability": 0.98}
    assert msgspec.json.decode(await asked(fake, order)) == found
    fake.world.faults.set([parse("old")])
    assert msgspec.json.decode(await asked(fake, order)) == {**found, "probability": None}


async def test_calls_that_differ_in_their_query_alone_are_two(fake: FakeUpstream, recording: bytes) -> None:
    await heard(fake, asking.recording(recording))
    await heard(fake, asking.recording(recording, task="translate"))
    assert (fake.ledger.counts()["accepted"], fake.ledger.counts()["duplicates"]) == (2, 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("subgen", UpstreamFailed), ("html", UpstreamMalformed), ("cut_json", UpstreamMalformed)],
)
async def test_faults_are_what_the_adapter_takes_them_for(
    fake: FakeUpstream, recording: bytes, fault: str, error: type[UpstreamError]
) -> None:
    fake.world.faults.set([parse(fault)])
    with pytest.raises(error):
        await heard(fake, asking.recording(recording))


async def test_a_switch_that_is_none_is_refused(fake: FakeUpstream) -> None:
    async with httpx.AsyncClient(base_url=fake.url, trust_env=False) as http:
        answer = await http.post("/asr?encode=perhaps", files={"audio_file": PCM})
        missing = await http.post("/asr")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "encode"])
    assert (missing.status_code, missing.json()["detail"][0]["loc"]) == (422, ["body", "audio_file"])
