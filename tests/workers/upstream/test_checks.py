"""A file is believed when it has been looked at: all of it."""

from pathlib import Path

import pytest

from cli.fakes import sounds
from storage.errors import UpstreamMalformed
from storage.ids import new_job_id
from storage.job import Job, Kind
from workers.adapters.base import File
from workers.upstream.checks import checked

JOB = Job(
    id=new_job_id(),
    kind=Kind.SPEECH,
    owner="owner",
    dialect="openai",
    model="tts-1",
    engine="upstream",
    lane="upstream",
    step="submit",
    request={},
    priority=5,
)
WORDS = "the tide comes in and the boats go out and nobody is there to see any of it"


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "wav"])
def test_a_whole_recording_is_as_long_as_it_sounds(tmp_path: Path, format: str) -> None:
    path = tmp_path / "main"
    path.write_bytes(sounds.speech(WORDS, "alloy", format)[0])
    made = checked(path, File(), JOB)
    assert made.duration_s is None or abs(made.duration_s - 18 * 0.28) < 0.1
    assert made.duration_s or format == "aac"


@pytest.mark.parametrize("format", ["mp3", "flac"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_one_that_breaks_off_is_not_believed(tmp_path: Path, format: str, share: float) -> None:
    path, whole = tmp_path / "main", sounds.speech(WORDS, "alloy", format)[0]
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UpstreamMalformed):
        checked(path, File(), JOB)
