"""What surely is no recording is known by its first bytes; what may be one passes."""

from io import BytesIO

import pytest
from PIL import Image

from api.signatures import HEAD_BYTES, no_recording
from tests.api.images import encoded
from tests.api.recordings import SPEECH, WAV


def image(format: str) -> bytes:
    return encoded(Image.new("RGB", (64, 64), "teal"), format)


def pdf() -> bytes:
    data = BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PDF")
    return data.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"])
def test_a_picture_is_none(format: str) -> None:
    found = no_recording(image(format)[:HEAD_BYTES])
    assert found is not None
    assert "image" in found


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\n  <HTML lang=en>", "HTML"),
        (b"\xef\xbb\xbf<html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"<svg xmlns=", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (b"{}", "JSON"),
        (b'[\n  {"a": 1}]', "JSON"),
        (b"#EXTM3U\n#EXT-X-VERSION:3", "playlist"),
        (b"[playlist]\nFile1=", "playlist"),
        (b"WEBVTT\n\n", "subtitles"),
        (b"1\r\n00:00:00,000 --> 00:00:01,000", "subtitles"),
        (b"data:audio/wav;base64,UklG", "data URI"),
        (b"PK\x03\x04\x14\x00", "ZIP"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x7fELF\x02\x01", "program"),
        (b"MZ\x90\x00\x03", "program"),
        (b"#!/bin/sh\n", "script"),
        (b"SQLite format 3\x00", "database"),
        (pdf(), "PDF"),
    ],
)
def test_what_is_something_else_is_called_by_its_name(head: bytes, what: str) -> None:
    found = no_recording(head)
    assert found is not None
    assert what in found


@pytest.mark.parametrize(
    "head",
    [
        WAV,
        (SPEECH / "en.opus").read_bytes()[:HEAD_BYTES],
        b"ID3\x04\x00\x00",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x50\x80",
        b"fLaC\x00\x00\x00\x22",
        b"\x00\x00\x00\x20ftypM4A \x00\x00",
        b"\x00\x00\x00\x20ftypisom\x00\x00",
        b"\x1aE\xdf\xa3",
        b"FORM\x00\x00\x10\x00AIFF",
        b"#!AMR\n",
        b".snd\x00\x00\x00\x18",
        b"0&\xb2u\x8ef\xcf\x11",
        b"RIFF\x24\x08\x00\x00AVI LIST",
        b"G@\x11\x10",
        b"caff\x00\x01",
        b"BM" + bytes(range(20, 60)),
        bytes(HEAD_BYTES),
        bytes(range(256)),
        b"x",
        b"",
    ],
)
def test_what_may_be_one_passes(head: bytes) -> None:
    assert no_recording(head) is None
