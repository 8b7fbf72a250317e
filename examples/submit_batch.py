"""Submit a batch and read its results, with the client that OpenAI's users have. Needs openai."""

import json
import os
import time

from openai import OpenAI

client = OpenAI(base_url=os.environ["GATEWAY_URL"] + "/v1", api_key=os.environ["GATEWAY_API_KEY"])
endpoint = "/v1/suno/api/generate/v2"
lines = [
    {"custom_id": f"song-{tags}", "method": "POST", "url": endpoint, "body": {"tags": tags, "make_instrumental": True}}
    for tags in ("calm folk", "fast techno")
]
file = client.files.create(file=("songs.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")  # type: ignore[arg-type]

while batch.status in ("validating", "in_progress", "finalizing"):
    time.sleep(1)
    batch = client.batches.retrieve(batch.id)
    counts = batch.request_counts
    print(batch.status, f"{counts.completed} of {counts.total}" if counts else "")

for error in batch.errors.data if batch.errors and batch.errors.data else ():
    print(f"line {error.line}: {error.message}")
if batch.output_file_id:
    for line in client.files.content(batch.output_file_id).text.splitlines():
        result = json.loads(line)
        print(result["custom_id"], *(clip["audio_url"] for clip in result["response"]["body"]["clips"]))
if batch.error_file_id:
    print(client.files.content(batch.error_file_id).text)
