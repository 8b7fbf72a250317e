"""Songs and pictures made elsewhere, from outside: a whole gateway, and upstreams that count what they take."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from cli.gateway import Gateway
from storage.job import OutputStatus, Status
from tests.api.images import picture
from tests.api.recordings import wav
from tests.cli.callers import call
from tests.fakes import Fake, fake_upstream
from tests.gateway import Visitor, part, seconds, visiting, whole_gateway
from tests.portraits import face
from tests.portraits import sent as raw
from tests.waiting import until

WORKER = "the worker"
LEASE_S = 2.0
ACCOUNTS = """
[accounts.studio]
adapter = "suno"
base_url = "{suno}"
token_file = "{folder}/token"
models = {{ "chirp-v3-0" = "chirp-v3-0" }}
concurrent = 4

[accounts.painter]
adapter = "webui"
base_url = "{webui}"
models = {{ "dall-e-2" = "majicmixRealistic_v7", "inswapper_128.onnx" = "inswapper_128.onnx" }}

[accounts.listener]
adapter = "whisper_asr"
base_url = "{whisper_asr}"
models = {{ "whisper-1" = "base" }}

[accounts.shop]
adapter = "openai"
base_url = "{openai}/v1"
token_file = "{folder}/token"
[accounts.shop.models]
"dall-e-3" = "dall-e-3"
"gpt-image-1" = "gpt-image-1"
"gpt-4o-transcribe" = "gpt-4o-transcribe"
"tts-1" = "tts-1"
"""


class Elsewhere(NamedTuple):
    """A gateway with an account at each fake."""

    gateway: Gateway
    suno: Fake
    webui: Fake
    whisper_asr: Fake
    openai: Fake

    async def restart(self) -> None:
        """kill -9 of the worker, and another one in its place."""
        worker = part(self.gateway, WORKER)
        await asyncio.to_thread(worker.kill)
        await asyncio.to_thread(worker.start)

    def run(self, *words: str) -> str:
        """What an operator's command says."""
        said = call(*words, "--data", self.gateway.data, COLUMNS="200")
        assert said.code == 0, said.notes
        return said.out


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    (folder / "token").write_text("tulip")
    with ExitStack() as at_end:
        fakes = [at_end.enter_context(fake_upstream(family)) for family in Elsewhere._fields[1:]]
        file = folder / "gateway.toml"
        file.write_text(ACCOUNTS.format(folder=folder, **{fake.family: fake.url for fake in fakes}))
        with whole_gateway(folder / "data", accounts=str(file), lease_s=f"{LEASE_S}") as gateway:
            yield Elsewhere(gateway, *fakes)


@pytest.fixture
async def visitor(elsewhere: Elsewhere) -> AsyncIterator[Visitor]:
    for fake in elsewhere[1:]:
        fake.err()
    async with visiting(elsewhere.gateway.data) as visitor:
        yield visitor


async def assert_home(visitor: Visitor, *clips: str) -> None:
    """The clips' jobs have succeeded at the studio, and their files are here, and play."""
    for clip in await visitor.complete(*clips):
        assert seconds(await visitor.download(clip["audio_url"])) > 0.5
        job = await visitor.ended(clip["id"])
        assert (job.status, job.account, job.served_by) == (Status.SUCCEEDED, "studio", "suno"), job.error
        assert {output.status for output in job.outputs} == {OutputStatus.STORED}
        assert clip["image_url"] is None or (await visitor.http.get(clip["image_url"])).status_code == 200
        assert "studio" not in str(clip)


async def test_a_song_is_made_extended_and_made_whole_elsewhere(elsewhere: Elsewhere, visitor: Visitor) -> None:
    first, second = await visitor.generate()
    assert (await visitor.http.get(f"/v1/jobs/{(await visitor.record(first)).id}")).headers[
        "x-gateway-engine"
    ] == "suno"
    await assert_home(visitor, first, second)
    longer, other = await visitor.generate(continue_clip_id=first, continue_at=1.0)
    await assert_home(visitor, longer, other)
    whole = await visitor.concat(longer)
    await assert_home(visitor, whole)
    assert (elsewhere.suno.accepted, elsewhere.suno.duplicates) == (3, 0)


async def test_a_picture_is_drawn_elsewhere_while_its_caller_waits(elsewhere: Elsewhere, visitor: Visitor) -> None:
    asked = {"model": "dall-e-2", "prompt": "a harbour at night", "size": "256x256", "response_format": "b64_json"}
    answer = await visitor.http.post("/v1/images/generations", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-gateway-engine"] == "webui"
    (picture,) = answer.json()["data"]
    assert Image.open(BytesIO(b64decode(picture["b64_json"]))).size == (256, 256)
    assert elsewhere.webui.accepted == 1


async def test_pictures_are_made_and_edited_by_openais_words(elsewhere: Elsewhere, visitor: Visitor) -> None:
    asked = {"model": "dall-e-3", "prompt": "a harbour at night", "size": "1024x1024", "response_format": "b64_json"}
    made = await visitor.http.post("/v1/images/generations", json=asked)
    assert (made.status_code, made.headers.get("x-gateway-engine")) == (200, "openai"), made.text
    before = picture((64, 64))
    form = {"model": "gpt-image-1", "prompt": "a red balloon"}
    edited = await visitor.http.post("/v1/images/edits", data=form, files={"image": ("a.jpg", before)})
    assert (edited.status_code, edited.headers.get("x-gateway-engine")) == (200, "openai"), edited.text
    for answer in (made, edited):
        assert Image.open(BytesIO(b64decode(answer.json()["data"][0]["b64_json"]))).size[0] >= 64
    assert (elsewhere.openai.accepted, elsewhere.openai.duplicates) == (2, 0)


async def test_a_picture_is_changed_and_a_face_swapped_elsewhere(elsewhere: Elsewhere, visitor: Visitor) -> None:
    one, other = (raw(face(name)) for name in ("hopper.jpg", "hopper.jpg"))
    asked = {"model": "dall-e-2", "init_images": [one], "prompt": "a fox", "steps": 1}
    changed = await visitor.http.post("/sdapi/v1/img2img", json=asked)
    assert (changed.status_code, changed.headers.get("x-gateway-engine")) == (200, "webui"), changed.text
    swapped = await visitor.http.post("/reactor/image", json={"source_image": one, "target_image": other})
    assert (swapped.status_code, swapped.headers.get("x-gateway-engine")) == (200, "webui"), swapped.text
    for each in (changed.json()["images"][0], swapped.json()["image"]):
        assert Image.open(BytesIO(b64decode(each.partition(",")[2] or each))).size


@pytest.mark.parametrize(("model", "engine"), [("whisper-1", "whisper_asr"), ("gpt-4o-transcribe", "openai")])
async def test_a_recording_is_heard_elsewhere(elsewhere: Elsewhere, visitor: Visitor, model: str, engine: str) -> None:
    form = {"model": model, "response_format": "json"}
    answer = await visitor.http.post("/v1/audio/transcriptions", data=form, files={"file": ("tone", wav(1.0))})
    assert (answer.status_code, answer.headers.get("x-gateway-engine")) == (200, engine), answer.text
    assert answer.json()["text"]
    fake: Fake = getattr(elsewhere, engine)
    assert fake.accepted == 1


@pytest.mark.parametrize("format", ["mp3", "wav", "pcm"])
async def test_a_text_is_spoken_elsewhere(elsewhere: Elsewhere, visitor: Visitor, format: str) -> None:
    asked = {"model": "tts-1", "voice": "alloy", "input": "The tide comes in.", "response_format": format}
    answer = await visitor.http.post("/v1/audio/speech", json=asked)
    assert (answer.status_code, answer.headers.get("x-gateway-engine")) == (200, "openai"), answer.text
    assert len(answer.content) > 1000
    assert format == "pcm" or seconds(answer.content) > 0.2
    assert elsewhere.openai.accepted == 1


async def test_subtitles_come_of_what_is_heard_elsewhere(elsewhere: Elsewhere, visitor: Visitor) -> None:
    answer = await visitor.http.post("/asr", params={"output": "srt"}, files={"audio_file": ("tone", wav(1.0))})
    assert (answer.status_code, answer.headers.get("x-gateway-engine")) == (200, "whisper_asr"), answer.text
    assert answer.text.startswith("1\n00:00:0")
    assert elsewhere.whisper_asr.accepted == 1


async def test_a_worker_that_dies_between_the_accept_and_its_answer_costs_nothing_twice(
    elsewhere: Elsewhere, visitor: Visitor
) -> None:
    elsewhere.suno.err("slow=30,times=1")
    first, second = await visitor.generate(title="Cut off")
    await until(lambda: asyncio.to_thread(lambda: elsewhere.suno.accepted), "the upstream has it")
    await elsewhere.restart()
    await assert_home(visitor, first, second)
    assert (elsewhere.suno.accepted, elsewhere.suno.duplicates) == (1, 0)


async def test_a_worker_that_dies_while_a_song_is_made_costs_nothing_but_time(
    elsewhere: Elsewhere, visitor: Visitor
) -> None:
    first, second = await visitor.generate(title="Left alone")
    await visitor.when(first, status=Status.WAITING)
    await elsewhere.restart()
    await assert_home(visitor, first, second)
    assert (elsewhere.suno.accepted, elsewhere.suno.duplicates) == (1, 0)


async def test_a_worker_that_dies_while_a_picture_is_drawn_has_it_drawn_again(
    elsewhere: Elsewhere, visitor: Visitor
) -> None:
    elsewhere.webui.err("slow=30,times=1")
    asked = {"kind": "image.generate", "model": "dall-e-2", "input": {"prompt": "a fox", "width": 128, "height": 96}}
    answer = await visitor.http.post("/v1/jobs", json=asked)
    assert answer.status_code == 202, answer.text
    await until(lambda: asyncio.to_thread(lambda: elsewhere.webui.accepted), "it is being drawn")
    await elsewhere.restart()
    done = (await visitor.http.get(answer.json()["urls"]["self"], params={"wait": "60"})).json()
    assert (done["status"], done["engine"]) == ("succeeded", "webui"), done


async def test_an_operator_pauses_an_account_and_sees_why_jobs_wait(elsewhere: Elsewhere, visitor: Visitor) -> None:
    assert "studio is paused" in await asyncio.to_thread(elsewhere.run, "accounts", "pause", "studio")
    first, second = await visitor.generate(title="Patience")
    job = await visitor.when(first, stage="waiting_capacity")
    told = (await visitor.http.get(f"/v1/jobs/{job.id}")).json()
    assert (told["status"], told["queue"]["why_waiting"]) == ("queued", "the account is not in use (paused)")
    listed = await asyncio.to_thread(elsewhere.run, "accounts", "list")
    assert all(word in listed for word in ("studio", "paused", "by the operator", "painter", "chirp-v3-0"))
    assert "tulip" not in listed
    assert elsewhere.suno.accepted == 0
    assert "studio is ok" in await asyncio.to_thread(elsewhere.run, "accounts", "resume", "studio")
    await assert_home(visitor, first, second)


async def test_a_paid_picture_whose_worker_died_is_not_asked_for_again(elsewhere: Elsewhere, visitor: Visitor) -> None:
    elsewhere.openai.err("slow=30,times=1")
    asked = {"kind": "image.generate", "model": "dall-e-3", "input": {"prompt": "a fox", "width": 1024, "height": 1024}}
    job = (await visitor.http.post("/v1/jobs", json=asked)).json()
    await until(lambda: asyncio.to_thread(lambda: elsewhere.openai.accepted), "it is being drawn")
    await elsewhere.restart()

    async def in_doubt() -> bool:
        return bool((await visitor.http.get(job["urls"]["self"])).json()["stage"] == "in_doubt")

    await until(in_doubt, "nobody can tell")
    assert job["id"] in await asyncio.to_thread(elsewhere.run, "doubt", "list")
    assert "has failed" in await asyncio.to_thread(elsewhere.run, "doubt", "fail", job["id"])
    done = (await visitor.http.get(job["urls"]["self"])).json()
    assert (done["status"], done["error"]["code"]) == ("failed", "upstream_failed")
    assert elsewhere.openai.accepted == 1


async def test_accounts_that_change_are_taken_up_while_it_runs(elsewhere: Elsewhere, visitor: Visitor) -> None:
    file = elsewhere.gateway.environment["GATEWAY_ACCOUNTS"]
    before = await asyncio.to_thread(Path(file).read_text)
    changed = before.replace('{ "chirp-v3-0"', '{ "chirp-v4" = "chirp-v4", "chirp-v3-0"')
    await asyncio.to_thread(Path(file).write_text, changed)
    first, second = await visitor.generate(mv="chirp-v4")
    await assert_home(visitor, first, second)
    assert elsewhere.suno.accepted == 1


async def test_what_nobody_can_tell_is_settled_by_an_operator(elsewhere: Elsewhere, visitor: Visitor) -> None:
    elsewhere.suno.err("reset_before,times=1")
    assert elsewhere.suno.accepted == 0
    assert "no job is in doubt" in await asyncio.to_thread(elsewhere.run, "doubt", "list")
    first, second = await visitor.generate(title="Lost")
    job = await visitor.when(first, status=Status.IN_DOUBT)
    assert job.id in await asyncio.to_thread(elsewhere.run, "doubt", "list")
    elsewhere.suno.err()
    assert "waits to be sent again" in await asyncio.to_thread(elsewhere.run, "doubt", "resubmit", job.id)
    await assert_home(visitor, first, second)
    assert (elsewhere.suno.accepted, elsewhere.suno.duplicates) == (1, 0)
