// Submit a batch of jobs and read its results. Needs Node 20, nothing else.
import { setTimeout as pause } from "node:timers/promises";

const { GATEWAY_URL, GATEWAY_API_KEY } = process.env;

async function api(path, options = {}) {
  const headers = { Authorization: `Bearer ${GATEWAY_API_KEY}`, ...options.headers };
  const answer = await fetch(GATEWAY_URL + path, { ...options, headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
}

const lines = ["calm folk", "fast techno"].map((tags) => ({
  custom_id: tags,
  kind: "music.generate",
  input: { tags, make_instrumental: true },
}));
const submitted = await api("/v1/jobs/batch", {
  method: "POST",
  headers: { "Content-Type": "application/jsonl" },
  body: lines.map((line) => JSON.stringify(line)).join("\n"),
});
let batch = await submitted.json();

while (["validating", "in_progress", "finalizing"].includes(batch.status)) {
  await pause(1000);
  batch = await (await api(`/v1/batches/${batch.id}`)).json();
  console.log(batch.status, `${batch.request_counts.completed} of ${batch.request_counts.total}`);
}

for (const error of batch.errors?.data ?? []) console.log(`line ${error.line}: ${error.message}`);
for (const file of [batch.output_file_id, batch.error_file_id].filter(Boolean)) {
  for (const line of (await (await api(`/v1/files/${file}/content`)).text()).trimEnd().split("\n")) {
    const { custom_id, response, error } = JSON.parse(line);
    const audio = response?.body.outputs?.filter((output) => output.role === "audio") ?? [];
    console.log(custom_id, ...(audio.length ? audio.map((output) => output.url) : [error?.message ?? response?.body]));
  }
}
