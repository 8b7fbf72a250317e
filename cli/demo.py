"""`ai-gateway demo`: a song and a picture, made through the documented API, on a gateway that is gone afterwards."""

import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli import models
from cli.client import Client, Refused
from cli.embedded.ports import free_ports
from cli.environment import without_ours
from cli.gateway import Gateway
from cli.signals import end_as_by_ctrl_c
from workers.engines.assets import SPRITES, models_folder

_POLL_S = 0.5
_PATIENCE_S = 300.0
_SHARE = {"submitted": 0.0, "queued": 0.05, "streaming": 0.5, "complete": 1.0, "error": 1.0}

SONG = {
    "mv": "chirp-v3-0",
    "title": "Paper Lanterns",
    "tags": "warm indie folk, acoustic guitar, hopeful",
    "make_instrumental": False,
    "prompt": "[Intro]\n\n[Verse 1]\nPaper lanterns on the river\nCarry every word we said\n"
    "All the little lights together\nDrifting slowly on ahead\n\n[Chorus]\nSo let it go, let it glow\n"
    "Where the quiet waters flow",
}
EXTENSION = {
    "mv": "chirp-v3-0",
    "title": "Paper Lanterns",
    "tags": "warm indie folk, fuller, drums",
    "make_instrumental": False,
    "prompt": "[Verse 2]\nMorning finds the paper sleeping\nWashed along the farther shore\n\n[Chorus]\n"
    "So let it go, let it glow\nWhere the quiet waters flow\n\n[Outro]",
}
PICTURE = {
    "model": "dall-e-3",
    "prompt": "three paper lanterns over a mountain lake at dusk",
    "size": "1024x1024",
    "response_format": "url",
}


def run(out: Path) -> None:
    """Leave the songs, their covers and a picture in `out`, and nothing running."""
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    end_as_by_ctrl_c()
    if not SPRITES.is_installed():
        models.install(models_folder(), tuple(source for source in models.SOURCES if source.asset is SPRITES))
    environment = {**without_ours(os.environ), "GATEWAY_MODELS": str(models_folder().resolve())}
    with tempfile.TemporaryDirectory(prefix="ai-gateway-") as data:
        gateway = Gateway(Path(data), "127.0.0.1", free_ports(1)[0], environment)
        try:
            with console.status("starting Redis, S3, the API and a worker"):
                gateway.start()
            _journey(console, Client(gateway.url, gateway.first_key or ""), out)
        finally:
            with console.status("stopping all of it"):
                gateway.stop()
    console.print(f"done in {time.monotonic() - started:.0f} s; nothing is left running")


def _journey(console: Console, client: Client, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    console.print('1. [bold]generate[/]: two clips of "Paper Lanterns" (POST /v1/suno/api/generate/v2/)')
    clips = _finish(console, client, client.post("/v1/suno/api/generate/v2/", SONG)["clips"])
    first = clips[0]
    cut = round(first["metadata"]["duration"] * 0.8, 1)
    console.print(f"2. [bold]extend[/]: the first of them, from second {cut} on")
    extension = {**EXTENSION, "continue_clip_id": first["id"], "continue_at": cut}
    extended = _finish(console, client, client.post("/v1/suno/api/generate/v2/", extension)["clips"])
    console.print("3. [bold]concat[/]: the whole song (POST /v1/suno/api/generate/concat/v2/)")
    whole = client.post("/v1/suno/api/generate/concat/v2/", {"clip_id": extended[0]["id"]})
    (song,) = _finish(console, client, [whole])
    console.print(f"4. [bold]download[/] into {out}/")
    for name, clip in [("clip-1", clips[0]), ("clip-2", clips[1]), ("extension", extended[0]), ("whole", song)]:
        _download(console, client, clip, out / f"{_slug(clip['title'])}-{name}")
    console.print(f'5. [bold]picture[/]: "{PICTURE["prompt"]}" (POST /v1/images/generations)')
    _draw(console, client, out)


def _draw(console: Console, client: Client, out: Path) -> None:
    """One request, which is answered when the picture is there."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps(PICTURE).encode()
    answer = client.call("POST", "/v1/images/generations", body, headers, timeout_s=_PATIENCE_S)
    link = answer["data"][0]["url"]
    picture = out / f"paper-lanterns-picture{Path(urlsplit(link).path).suffix}"
    client.download(link, picture)
    console.print(f"   {picture}  {PICTURE['size']}, {picture.stat().st_size / 1e6:.1f} MB")


def _finish(console: Console, client: Client, clips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Poll the feed until every clip is complete. Raises Refused if one fails, or all of it takes too long."""
    ids = ",".join(clip["id"] for clip in clips)
    deadline = time.monotonic() + _PATIENCE_S
    columns = (TextColumn("   {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("submitted", total=len(clips))
        while time.monotonic() < deadline:
            clips = client.get(f"/v1/suno/api/feed/?ids={ids}")
            states = [clip["status"] for clip in clips]
            progress.update(task, completed=sum(_SHARE[state] for state in states), description=", ".join(states))
            if "error" in states:
                raise Refused(next(clip["metadata"]["error_message"] for clip in clips if clip["status"] == "error"))
            if all(state == "complete" for state in states):
                return clips
            time.sleep(_POLL_S)
    raise Refused(f"not finished after {_PATIENCE_S:.0f} s")


def _download(console: Console, client: Client, clip: dict[str, Any], to: Path) -> None:
    song, cover = to.with_suffix(".mp3"), to.with_suffix(Path(clip["image_large_url"]).suffix)
    client.download(clip["audio_url"], song)
    client.download(clip["image_large_url"], cover)
    seconds = clip["metadata"]["duration"]
    console.print(f"   {song}  {seconds:.1f} s, {song.stat().st_size / 1e6:.1f} MB  and its cover {cover.name}")


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "song"
