// Submit a song, poll the feed until its clips are complete, download them. Needs Node 20, nothing else.
import { writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const { GATEWAY_URL, GATEWAY_API_KEY } = process.env;

async function api(path, body) {
  const answer = await fetch(GATEWAY_URL + path, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${GATEWAY_API_KEY}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

const song = { mv: "chirp-v3-0", title: "Tide", tags: "calm folk", prompt: "[Verse]\nThe tide comes in, the tide goes out" };
let { clips } = await api("/v1/suno/api/generate/v2/", song);
const ids = clips.map((clip) => clip.id).join(",");

while (!clips.every((clip) => ["complete", "error"].includes(clip.status))) {
  await pause(1000);
  clips = await api(`/v1/suno/api/feed/?ids=${ids}`);
  console.log(...clips.map((clip) => clip.status));
}

for (const clip of clips) {
  if (clip.status === "error") throw new Error(clip.metadata.error_message);
  const audio = await fetch(clip.audio_url);
  await writeFile(`${clip.id}.mp3`, Buffer.from(await audio.arrayBuffer()));
  console.log(`${clip.id}.mp3`, `${clip.metadata.duration.toFixed(1)} s`);
}
