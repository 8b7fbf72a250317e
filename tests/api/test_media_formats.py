"""A transcript that is kept can be had in any format, by its link."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.gateway import Gateway
from tests.api.images import GENERATIONS, picture
from tests.api.images import answered as pictured
from tests.api.recordings import DETECT, NOTHING, answered, form


async def link(gateway: Gateway, **how: Any) -> str:
    """The path of a transcript's link."""
    _, job = await answered(gateway, **{**form(), **how})
    (output,) = (await gateway.alice.job(job.id))["outputs"]
    assert (output["role"], output["content_type"]) == ("text", "application/json")
    return urlsplit(output["url"]).path


@pytest.mark.parametrize(
    ("format", "kind", "ending", "says"),
    [
        ("text", "text/plain; charset=utf-8", "txt", "Good morning. It is 7 --> 8 o'clock.\n"),
        ("srt", "application/x-subrip; charset=utf-8", "srt", "01:02:03,250 --> 01:02:05,000\nIt is 7 -> 8 o'clock.\n"),
        ("vtt", "text/vtt; charset=utf-8", "vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGood morning.\n"),
        ("tsv", "text/tab-separated-values; charset=utf-8", "tsv", "start\tend\ttext\n0\t1500\tGood morning.\n"),
        ("verbose_json", "application/json", "json", '"words":[{"word":"Good","start":0.0'),
    ],
)
async def test_a_link_to_a_transcript_gives_it_in_any_format(
    stocked: Gateway, format: str, kind: str, ending: str, says: str
) -> None:
    path = await link(stocked)
    answer = await stocked.nobody.get(path, params={"format": format})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert says in answer.text
    assert answer.headers["content-disposition"].endswith(f'.{ending}"')
    assert answer.headers["access-control-allow-origin"] == "*"
    same = await stocked.nobody.get(path, params={"format": format}, headers={"if-none-match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    head = await stocked.nobody.head(path, params={"format": format})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_each_format_has_a_tag_of_its_own(stocked: Gateway) -> None:
    path = await link(stocked)
    tags = {(await stocked.nobody.get(path, params=params)).headers["etag"] for params in ({}, *FORMATS)}
    assert len(tags) == 3


FORMATS: tuple[dict[str, str], ...] = ({"format": "srt"}, {"format": "vtt"})


async def test_a_recording_in_which_nobody_speaks_has_no_subtitles(stocked: Gateway) -> None:
    path = await link(stocked, said=NOTHING)
    assert (await stocked.nobody.get(path, params={"format": "srt"})).content == b""
    assert (await stocked.nobody.get(path, params={"format": "vtt"})).text == "WEBVTT\n\n"


async def refused(gateway: Gateway, path: str, format: str) -> str:
    answer = await gateway.nobody.get(path, params={"format": format})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["parameter"] == "format"
    return str(answer.json()["detail"])


async def test_a_format_that_nobody_knows_is_refused_by_name(stocked: Gateway) -> None:
    said = await refused(stocked, await link(stocked), "docx")
    assert said == "format: is one of: text, srt, vtt, tsv, verbose_json"


async def test_what_is_no_transcript_has_no_formats(stocked: Gateway) -> None:
    language = await link(stocked, path=DETECT, **form(part="audio_file"))
    assert "no transcript" in await refused(stocked, language, "srt")
    answer, _ = await pictured(stocked, picture(), path=GENERATIONS, prompt="a boat")
    assert "no transcript" in await refused(stocked, urlsplit(answer.json()["data"][0]["url"]).path, "srt")
