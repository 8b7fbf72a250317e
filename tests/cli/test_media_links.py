from typing import Any

import pytest

from cli.media_links import Link, file_name, links

MEDIA = "http://gateway/media/token"


def test_a_job_s_outputs_are_its_files_with_their_sizes() -> None:
    job = {
        "outputs": [
            {"url": f"{MEDIA}/a.mp3", "size_bytes": 7},
            {"url": None, "size_bytes": None},
            {"url": f"{MEDIA}2/b.JPEG", "size_bytes": 8},
        ],
        "urls": {"self": "http://gateway/v1/jobs/1"},
    }
    assert links(job) == [Link(f"{MEDIA}/a.mp3", 7), Link(f"{MEDIA}2/b.JPEG", 8)]
    assert [link.suffix for link in links(job)] == [".mp3", ".jpeg"]


def test_other_protocols_links_are_found_each_once() -> None:
    clips = {"clips": [{"audio_url": f"{MEDIA}/a.mp3", "image_url": f"{MEDIA}/a.jpeg", "video_url": ""}] * 2}
    assert [link.url for link in links(clips)] == [f"{MEDIA}/a.mp3", f"{MEDIA}/a.jpeg"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "http://gateway/media/t/a.mp3",
        {"metadata": {"url": f"{MEDIA}/a.mp3"}},
        {"input": {"audio_url": f"{MEDIA}/a.mp3"}},
        {"url": "http://gateway/v1/jobs/1"},
        {"url": "http://gateway/media/a"},
        {"title": f"{MEDIA}/a.mp3"},
    ],
)
def test_what_the_caller_said_and_what_is_no_file_is_not_fetched(body: Any) -> None:
    assert links(body) == []


def test_names_are_safe_and_none_is_there_twice() -> None:
    names = ["song-1", "a.b", "a/b", "a b", "../../etc/passwd", ".hidden", "ü", "x" * 300, "x" * 301, "", "a\nb", "-rf"]
    made = [file_name(name, 1, ".mp3") for name in names]
    assert made[:2] == ["song-1-1.mp3", "a.b-1.mp3"]
    assert len(set(made)) == len(names)
    for name in made:
        assert len(name) < 130
        assert not name.startswith((".", "-"))
        assert "/" not in name
        assert name.isascii()
        assert name.isprintable()


def test_where_ids_are_alike_but_for_case_their_names_are_not() -> None:
    assert file_name("Song", 1, "", alike=True).lower() != file_name("song", 1, "", alike=True).lower()
