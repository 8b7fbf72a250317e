"""The fake of OpenAI: its own client uses it unmodified, and so does our adapter."""

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import soundfile
from PIL import Image

from cli.fakes.faults import parse
from cli.fakes.openai import OpenAI as Fake
from cli.fakes.server import FakeUpstream
from cli.fakes.sounds import speech
from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamSessionExpired,
    UpstreamSuspended,
)
from storage.transcripts import parsed
from tests.portraits import apart
from tests.workers.adapters import asking
from tests.workers.adapters.asking import CUT_OUT, Order
from tests.workers.adapters.sending import sent
from workers.adapters.base import Done, Item, Taken
from workers.adapters.openai import OpenAI


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s=0.001)).serving() as fake:
        yield fake


@pytest.fixture(scope="module")
def recording() -> bytes:
    data, _ = speech("a few words that take a while to say aloud", "alloy", "wav")
    return data


async def asked(
    fake: FakeUpstream, order: Order, *, to: Path | None = None, key: str = "sk-x", **options: Any
) -> Taken:
    adapter = OpenAI(options)
    call = adapter.submit(order.task)
    return adapter.taken(order.task, await sent(call, f"{fake.url}/v1", order.files, auth="bearer", key=key, to=to))


def done(item: Item) -> Done:
    assert isinstance(item, Done)
    return item


def opened(data: bytes | None) -> Image.Image:
    image = Image.open(BytesIO(data or b""))
    image.load()
    return image


async def test_the_unmodified_client_has_pictures_made_changed_and_varied(fake: FakeUpstream) -> None:
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-x", max_retries=0) as client:
        linked = await client.images.generate(prompt="a red boat", n=2, size="256x256")
        inline = await client.images.generate(prompt="a red boat", model="gpt-image-1", size="1024x1024", quality="low")
        edited = await client.images.edit(
            image=CUT_OUT, mask=CUT_OUT, prompt="a hat", size="256x256", response_format="b64_json"
        )
        with pytest.deprecated_call():
            variation = client.images.create_variation(image=CUT_OUT, size="256x256", response_format="b64_json")
        varied = await variation
        listed = [model.id async for model in client.models.list()]
    async with httpx.AsyncClient(trust_env=False) as http:
        first, second = [opened((await http.get(str(each.url))).content) for each in linked.data or []]
    assert (first.size, apart(first, second) > 2) == ((256, 256), True)
    assert inline.usage
    assert (inline.usage.output_tokens, inline.quality) == (272, "low")
    for made, size in ((inline, (1024, 1024)), (edited, (256, 256)), (varied, (256, 256))):
        (datum,) = made.data or []
        assert opened(base64.b64decode(datum.b64_json or "")).size == size
    assert "whisper-1" in listed


async def test_the_unmodified_client_speaks_and_listens(fake: FakeUpstream, recording: bytes) -> None:
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-x", max_retries=0) as client:
        spoken = await client.audio.speech.create(model="tts-1", voice="nova", input="hello there")
        said = await client.audio.transcriptions.create(
            model="whisper-1",
            file=("a.wav", recording),
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        plain = await client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", recording))
        text = await client.audio.transcriptions.create(
            model="whisper-1", file=("a.wav", recording), response_format="text"
        )
        with pytest.deprecated_call():
            translation = client.audio.translations.create(model="whisper-1", file=("a.wav", recording))
        english = await translation
    samples, rate = soundfile.read(BytesIO(spoken.content))
    assert (rate, len(samples) > rate // 3, float(abs(samples).max()) > 0.1) == (24_000, True, True)
    assert said.words
    assert said.segments
    assert (said.language, abs(said.duration - soundfile.info(BytesIO(recording)).duration) < 0.01) == ("english", True)
    assert plain.text == said.text == english.text == str(text).strip()
    assert len(said.words) == len(said.text.split())


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("session_expired", openai.AuthenticationError, "invalid_api_key"),
        ("busy=3", openai.RateLimitError, "rate_limit_exceeded"),
        ("no_credits", openai.RateLimitError, "insufficient_quota"),
        ("moderated", openai.BadRequestError, "content_policy_violation"),
    ],
)
async def test_the_unmodified_client_understands_its_refusals(
    fake: FakeUpstream, fault: str, error: type[openai.APIStatusError], code: str
) -> None:
    fake.world.faults.set([parse(fault)])
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-x", max_retries=0) as client:
        with pytest.raises(error) as refused:
            await client.images.generate(prompt="a boat")
    assert (refused.value.code, refused.value.request_id) == (code, "req_fakerefused")
    assert fake.ledger.counts()["accepted"] == 0


@pytest.mark.parametrize("answers", ["url", "b64_json"])
async def test_the_adapter_has_pictures_made(fake: FakeUpstream, answers: str) -> None:
    order = asking.generation(prompt="a red boat", n=2, size="256x256")
    items = [done(item) for item in (await asked(fake, order, answers=answers)).items]
    async with httpx.AsyncClient(trust_env=False) as http:
        data = [item.files[0].data or (await http.get(str(item.files[0].url))).content for item in items]
    assert [opened(each).size for each in data] == [(256, 256)] * 2
    assert items[0].metadata["request_id"].startswith("req_fake")


async def test_the_adapter_has_the_right_half_of_a_picture_changed(fake: FakeUpstream) -> None:
    order = asking.edit(CUT_OUT, "gpt-image-1", mask=CUT_OUT, prompt="a hat")
    changed = opened(done((await asked(fake, order)).items[0]).files[0].data)
    before = opened(CUT_OUT).convert("RGB")
    assert apart(changed.crop((0, 0, 50, 60)), before.crop((0, 0, 50, 60))) == 0
    assert apart(changed.crop((50, 0, 100, 60)), before.crop((50, 0, 100, 60))) > 2
    (varied,) = (await asked(fake, asking.variation(CUT_OUT, size="256x256"))).items
    assert opened(done(varied).files[0].data).size == (256, 256)


@pytest.mark.parametrize(("format", "kind"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("opus", "audio/opus")])
async def test_the_adapter_has_a_text_read_aloud_into_a_file(
    fake: FakeUpstream, tmp_path: Path, format: str, kind: str
) -> None:
    (item,) = (await asked(fake, asking.speech(response_format=format), to=tmp_path)).items
    (file,) = done(item).files
    assert (file.path, file.content_type) == (tmp_path / "answer", kind)
    samples, rate = soundfile.read(tmp_path / "answer")
    assert 0.4 < len(samples) / rate < 0.8


async def test_the_adapter_hears_words_with_their_times(fake: FakeUpstream, recording: bytes) -> None:
    (item,) = (await asked(fake, asking.recording(recording, word_timestamps=True))).items
    said = parsed(done(item).files[0].data or b"")
    assert "".join(word.word for segment in said.segments for word in segment.words or ()).strip() == said.text
    (item,) = (await asked(fake, asking.recording(recording, "gpt-4o-transcribe"))).items
    assert parsed(done(item).files[0].data or b"").text == said.text
    fake.world.faults.set([parse("named_code")])
    (item,) = (await asked(fake, asking.recording(recording, task="translate"))).items
    assert parsed(done(item).files[0].data or b"").language == "en"


async def test_sound_without_a_head_is_heard_all_the_same(fake: FakeUpstream) -> None:
    pcm = b"\x00\x20\x00\xe0" * 16_000
    (item,) = (await asked(fake, asking.recording(pcm, encode=False))).items
    assert parsed(done(item).files[0].data or b"").duration_s == 2.0


@pytest.mark.parametrize(
    ("fault", "error", "accepted"),
    [
        ("session_expired", UpstreamSessionExpired, 0),
        ("busy=12", UpstreamBusy, 0),
        ("no_credits", UpstreamOutOfCredits, 0),
        ("moderated", ContentRefused, 0),
        ("suspended", UpstreamSuspended, 0),
        ("error=500", UpstreamFailed, 0),
        ("error_after=502", UpstreamFailed, 1),
        ("html", UpstreamMalformed, 1),
        ("cut_json", UpstreamMalformed, 1),
        ("short", UpstreamMalformed, 1),
        ("empty", UpstreamMalformed, 1),
    ],
)
async def test_faults_are_what_the_adapter_takes_them_for(
    fake: FakeUpstream, fault: str, error: type[UpstreamError], accepted: int
) -> None:
    fake.world.faults.set([parse(fault)])
    with pytest.raises(UpstreamError) as failed:
        await asked(fake, asking.generation(prompt="a boat", size="256x256"))
    assert type(failed.value) is error
    assert fake.ledger.counts()["accepted"] == accepted
    assert failed.value.in_doubt or not accepted
    if error is UpstreamBusy:
        assert failed.value.retry_after_s == 12


@pytest.mark.parametrize("fault", ["wrong_file=html", "wrong_file=empty", "empty", "html"])
async def test_what_is_no_sound_is_malformed(fake: FakeUpstream, fault: str) -> None:
    fake.world.faults.set([parse(fault)])
    with pytest.raises(UpstreamMalformed) as failed:
        await asked(fake, asking.speech())
    assert failed.value.in_doubt


async def test_links_run_out(fake: FakeUpstream) -> None:
    (item,) = (await asked(fake, asking.generation(prompt="a boat", size="256x256"), answers="url")).items
    fake.world.faults.set([parse("expired")])
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(str(done(item).files[0].url))).status_code == 403


async def test_a_call_without_a_credential_is_refused(fake: FakeUpstream) -> None:
    adapter, order = OpenAI(), asking.generation(prompt="a boat")
    reply = await sent(adapter.submit(order.task), f"{fake.url}/v1")
    with pytest.raises(UpstreamSessionExpired):
        adapter.taken(order.task, reply)


async def test_the_same_request_twice_is_counted_as_two(fake: FakeUpstream) -> None:
    order = asking.generation(prompt="a boat", size="256x256")
    await asked(fake, order)
    await asked(fake, order)
    assert (fake.ledger.counts()["accepted"], fake.ledger.counts()["duplicates"]) == (2, 1)
