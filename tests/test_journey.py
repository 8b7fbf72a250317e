"""What the gateway is for, done from start to end over its documented HTTP surface, all of its processes real."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from cli.gateway import Gateway
from tests.gateway import SONG, Visitor, seconds, visiting


async def test_a_song_is_generated_extended_joined_and_downloaded(running_gateway: Gateway) -> None:
    async with visiting(running_gateway.data) as visitor:
        clips = await visitor.complete(*await visitor.generate())
        for clip in clips:
            await assert_downloads(visitor, clip)
        assert clips[0]["metadata"]["duration"] != clips[1]["metadata"]["duration"]

        cut_s = 20.0
        extension = await visitor.generate(continue_clip_id=clips[0]["id"], continue_at=cut_s, title="Two Lines")
        extended, _ = await visitor.complete(*extension)
        await assert_downloads(visitor, extended)
        assert extended["metadata"]["history"] == [
            {"id": clips[0]["id"], "continue_at": cut_s, "type": "gen", "source": "web", "infill": False}
        ]

        whole_id = await visitor.concat(extended["id"])
        (whole,) = await visitor.complete(whole_id)
        await assert_downloads(visitor, whole)
        joined_s = whole["metadata"]["duration"] - extended["metadata"]["duration"]
        assert joined_s == pytest.approx(cut_s, abs=4.0)  # the engine cuts at a bar
        assert whole["metadata"]["type"] == "concat"
        await visitor.assert_done_once(clips[0]["id"], extended["id"], whole_id)


async def test_a_job_of_our_own_surface_is_waited_for_and_its_files_are_served_in_parts(
    running_gateway: Gateway,
) -> None:
    async with visiting(running_gateway.data) as visitor:
        song = {"kind": "music.generate", "input": SONG}
        accepted = await visitor.http.post("/v1/jobs", json=song)
        assert accepted.status_code == 202
        job = (await visitor.http.get(f"{accepted.headers['location']}?wait=75")).json()
        assert (job["status"], job["progress"], job["error"]) == ("succeeded", 1.0, None)
        audio = next(output for output in job["outputs"] if output["role"] == "audio")
        whole = await visitor.download(audio["url"])
        assert len(whole) == audio["size_bytes"]
        rest = await visitor.http.get(audio["url"], headers={"range": "bytes=1000-"})
        assert (rest.status_code, rest.content) == (206, whole[1000:])


async def assert_downloads(visitor: Visitor, clip: dict[str, Any]) -> None:
    """A song that plays for as long as the clip says, and two covers."""
    song = await visitor.http.get(clip["audio_url"])
    assert (song.status_code, song.headers["content-type"]) == (200, "audio/mpeg")
    assert seconds(song.content) == pytest.approx(clip["metadata"]["duration"], abs=0.05)
    assert clip["metadata"]["duration"] >= 30
    sizes = []
    for link in ("image_url", "image_large_url"):
        with Image.open(BytesIO(await visitor.download(clip[link]))) as cover:
            cover.load()
            sizes.append(cover.width)
            assert (cover.format, cover.width) == ("JPEG", cover.height)
    assert sizes[0] < sizes[1]
