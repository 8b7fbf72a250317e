"""`ai-gateway demo`, as it is: the whole journey on a gateway of its own, whatever the environment says."""

from pathlib import Path

import psutil
from PIL import Image

from tests.cli.commands import ai_gateway
from tests.gateway import seconds

CONFUSING = {
    "GATEWAY_API_KEY": "sk-of-another-gateway",
    "GATEWAY_REDIS_URL": "redis://127.0.0.1:9/0",
    "GATEWAY_S3_ENDPOINT": "http://127.0.0.1:9",
    "GATEWAY_LANES": "none",
    "GATEWAY_LEASE_S": "soon",
    "GATEWAY_PORT": "1",
}


def test_the_demo_leaves_songs_covers_and_a_picture_and_nothing_running(tmp_path: Path) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    ran = ai_gateway("demo", "--out", out, TMPDIR=str(temporary), **CONFUSING)
    assert ran.returncode == 0, ran.stderr
    names = ["clip-1", "clip-2", "extension", "whole"]
    songs = {name: seconds((out / f"paper-lanterns-{name}.mp3").read_bytes()) for name in names}
    assert min(songs.values()) >= 30
    assert songs["whole"] > max(songs["clip-1"], songs["extension"])
    for name in names:
        with Image.open(out / f"paper-lanterns-{name}.jpeg") as cover:
            cover.load()
            assert cover.width == cover.height >= 512
    [drawn] = out.glob("paper-lanterns-picture.*")
    with Image.open(drawn) as picture:
        picture.load()
        assert picture.size == (1024, 1024)
    assert str(drawn) in ran.stdout
    assert len(list(out.iterdir())) == 2 * len(names) + 1
    assert not list(temporary.iterdir())
    assert not [process for process in psutil.process_iter(["cmdline"]) if _mentions(process, temporary)]


def _mentions(process: psutil.Process, folder: Path) -> bool:
    return str(folder) in " ".join(process.info["cmdline"] or [])
