"""Where results lie, and what their files are called."""

import pytest

from storage.ids import OutputId, Part, new_job_id, output_id
from storage.media import UNKNOWN, content_type_of, extension, file_name, job_prefix, object_key, output_prefix

JUST_BEFORE_MIDNIGHT_MS = 1_772_323_199_999  # 2026-02-28T23:59:59.999Z


def test_a_key_follows_from_the_output_id_and_the_day_in_utc() -> None:
    job = new_job_id(JUST_BEFORE_MIDNIGHT_MS)
    assert object_key(OutputId(job, 2, Part.COVER_LARGE), ".jpeg") == f"media/2026/02/28/{job}/2-cover_large.jpeg"
    after = new_job_id(JUST_BEFORE_MIDNIGHT_MS + 1)
    assert object_key(OutputId(after, 1, Part.MAIN), ".mp3") == f"media/2026/03/01/{after}/1-main.mp3"


def test_prefixes_take_in_what_belongs_to_them_and_nothing_else() -> None:
    job = new_job_id()
    keys = {part: object_key(OutputId(job, 1, part), ".x") for part in Part}
    assert all(key.startswith(job_prefix(job)) for key in keys.values())
    for part in Part:
        prefix = output_prefix(OutputId(job, 1, part))
        assert [other for other, key in keys.items() if key.startswith(prefix)] == [part]
    assert not object_key(OutputId(job, 12, Part.MAIN), ".x").startswith(output_prefix(OutputId(job, 1, Part.MAIN)))


@pytest.mark.parametrize(
    ("content_type", "ending"),
    [
        ("audio/mpeg", ".mp3"),
        ("image/jpeg", ".jpeg"),
        ("Image/PNG; x=1", ".png"),
        ("application/json", ".json"),
        ("audio/opus", ".opus"),
        ("audio/aac", ".aac"),
        ("audio/pcm", ".pcm"),
        ("x/y", UNKNOWN),
    ],
)
def test_an_extension_follows_from_the_content_type(content_type: str, ending: str) -> None:
    assert extension(content_type) == ending
    if ending != UNKNOWN:
        assert extension(content_type_of(f"media/1-main{ending}")) == ending


def test_while_the_content_type_is_not_known_the_role_tells() -> None:
    assert [extension(None, role) for role in ("audio", "cover", "waveform", "?")] == [
        ".mp3",
        ".jpeg",
        ".json",
        UNKNOWN,
    ]


def test_files_are_named_after_their_item() -> None:
    clip = output_id(new_job_id(), 1)
    assert file_name(clip, Part.MAIN, None, "audio") == f"{clip}.mp3"
    assert file_name(clip, Part.COVER, "image/png", "cover") == f"image_{clip}.png"
    assert file_name(clip, Part.COVER_LARGE, None, "cover") == f"image_large_{clip}.jpeg"
    assert len({file_name(clip, part, "x/y", "") for part in Part}) == len(Part)


def test_an_object_of_an_unknown_kind_is_bytes() -> None:
    assert content_type_of("media/a/1-main.bin") == "application/octet-stream"
