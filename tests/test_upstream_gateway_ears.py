"""A gateway as another's upstream for recordings: its real ears, by OpenAI's words and by whisper-asr's."""

from typing import Any

import msgspec
import pytest

from cli.gateway import Gateway
from storage.errors import UpstreamError, UpstreamRefused
from storage.transcripts import Transcript, parsed
from tests.api.recordings import hears
from tests.test_openai_images import key
from tests.workers.adapters import asking
from tests.workers.adapters.asking import Order
from tests.workers.adapters.sending import sent
from tests.workers.engines.transcription.conftest import SPEECH
from workers.adapters.base import Done
from workers.adapters.openai import OpenAI
from workers.adapters.whisper_asr import WhisperAsr

ENGLISH = (SPEECH / "en.opus").read_bytes()
FRENCH = (SPEECH / "fr.opus").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def _ears() -> None:
    hears()


async def heard(gateway: Gateway, adapter: OpenAI | WhisperAsr, order: Order) -> bytes:
    url = f"{gateway.url}/v1" if isinstance(adapter, OpenAI) else gateway.url
    reply = await sent(adapter.submit(order.task), url, order.files, auth=adapter.auth, key=key(gateway))
    (item,) = adapter.taken(order.task, reply).items
    assert isinstance(item, Done)
    return item.files[0].data or b""


async def both(gateway: Gateway, data: bytes, **request: Any) -> list[Transcript]:
    """The same recording by either dialect."""
    adapters = (OpenAI(), WhisperAsr({"auth": "bearer"}))
    return [parsed(await heard(gateway, adapter, asking.recording(data, **request))) for adapter in adapters]


async def test_either_dialect_brings_the_same_words_at_the_same_times(running_gateway: Gateway) -> None:
    openai, asr = await both(running_gateway, ENGLISH, word_timestamps=True)
    assert "lighthouse keeper" in openai.text
    assert (asr.text, asr.language, openai.language) == (openai.text, "en", "en")
    assert [(one.start, one.end, one.text) for one in asr.segments] == [
        (one.start, one.end, one.text) for one in openai.segments
    ]
    words = [[word for segment in said.segments for word in segment.words or ()] for said in (openai, asr)]
    assert [(one.word, one.start, one.end) for one in words[0]] == [(one.word, one.start, one.end) for one in words[1]]
    assert "".join(one.word for one in words[0]).strip() == openai.text


async def test_a_translation_is_english_and_its_language_the_one_asked_for(running_gateway: Gateway) -> None:
    openai, asr = await both(running_gateway, FRENCH, task="translate", language="fr")
    assert (openai.task, openai.language, asr.language) == ("translate", "fr", "fr")
    assert openai.text
    assert asr.text


async def test_a_language_is_found_out_by_either_dialect(running_gateway: Gateway) -> None:
    order = asking.recording(FRENCH, task="detect")
    for adapter in (OpenAI(), WhisperAsr({"auth": "header"})):
        found = msgspec.json.decode(await heard(running_gateway, adapter, order))
        assert (found["language"], found["language_name"]) == ("fr", "french")


async def test_what_our_gateway_cannot_hear_is_refused(running_gateway: Gateway) -> None:
    for adapter in (OpenAI(), WhisperAsr({"auth": "bearer"})):
        with pytest.raises(UpstreamError) as refused:
            await heard(running_gateway, adapter, asking.recording(b"no recording"))
        assert isinstance(refused.value, UpstreamRefused)
