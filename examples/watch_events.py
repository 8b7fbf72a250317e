"""Submit a job and watch its events until it ends, whatever happens to the connection meanwhile. Needs httpx."""

import json
import os
import time

import httpx

api = httpx.Client(
    base_url=os.environ["GATEWAY_URL"],
    headers={"Authorization": f"Bearer {os.environ['GATEWAY_API_KEY']}"},
    timeout=httpx.Timeout(10, read=45),  # a heartbeat comes every 15 s
)
song = {"title": "Tide", "tags": "calm folk", "prompt": "[Verse]\nThe tide comes in, the tide goes out"}
job = api.post("/v1/jobs", json={"kind": "music.generate", "input": song}).raise_for_status().json()


def events(url: str):
    """Each event once: a connection that breaks is taken up again after the last one."""
    last = ""
    while True:
        try:
            with api.stream("GET", url, headers={"Last-Event-ID": last} if last else {}) as stream:
                if stream.status_code == 204:  # there is no more to come
                    return
                stream.raise_for_status()
                for line in stream.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "id":
                        last = value
                    elif name == "data":
                        yield json.loads(value)
        except httpx.TransportError:
            time.sleep(1)


for event in events(job["urls"]["events"]):
    print(event["type"], f"{event['data']['progress']:.0%}")
    if event["type"] in ("job.succeeded", "job.failed", "job.canceled", "job.expired"):
        print(*(output["url"] for output in event["data"]["outputs"] if output["role"] == "audio"), sep="\n")
        break
