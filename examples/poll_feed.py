"""Submit a song, poll the feed until its clips are complete, download them. Needs httpx."""

import os
import pathlib
import time

import httpx

api = httpx.Client(
    base_url=os.environ["GATEWAY_URL"],
    headers={"Authorization": f"Bearer {os.environ['GATEWAY_API_KEY']}"},
    timeout=90,
)
song = {
    "mv": "chirp-v3-0",
    "title": "Tide",
    "tags": "calm folk",
    "prompt": "[Verse]\nThe tide comes in, the tide goes out",
}
clips = api.post("/v1/suno/api/generate/v2/", json=song).raise_for_status().json()["clips"]
ids = ",".join(clip["id"] for clip in clips)

while not all(clip["status"] in ("complete", "error") for clip in clips):
    time.sleep(1)
    clips = api.get("/v1/suno/api/feed/", params={"ids": ids}).raise_for_status().json()
    print(*(clip["status"] for clip in clips))

for clip in clips:
    if clip["status"] == "error":
        raise SystemExit(clip["metadata"]["error_message"])
    file = pathlib.Path(f"{clip['id']}.mp3")
    file.write_bytes(api.get(clip["audio_url"]).raise_for_status().content)
    print(file, f"{clip['metadata']['duration']:.1f} s")
