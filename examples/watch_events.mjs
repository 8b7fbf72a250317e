// Submit a job and watch its events until it ends, whatever happens to the connection meanwhile. Needs Node 20.
import { setTimeout as pause } from "node:timers/promises";

const { GATEWAY_URL, GATEWAY_API_KEY } = process.env;
const headers = { Authorization: `Bearer ${GATEWAY_API_KEY}` };
const ENDS = ["job.succeeded", "job.failed", "job.canceled", "job.expired"];

async function* events(url) {
  let last;
  for (;;) {
    try {
      const stream = await fetch(url, { headers: last ? { ...headers, "Last-Event-ID": last } : headers });
      if (stream.status === 204) return; // there is no more to come
      if (!stream.ok) throw new Error(`${stream.status} ${await stream.text()}`);
      let rest = "";
      for await (const text of stream.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
          last = fields.id ?? last;
          if (fields.data) yield JSON.parse(fields.data);
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's word for a connection that broke
      await pause(1000);
    }
  }
}

const input = { title: "Tide", tags: "calm folk", prompt: "[Verse]\nThe tide comes in, the tide goes out" };
const answer = await fetch(`${GATEWAY_URL}/v1/jobs`, {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json" },
  body: JSON.stringify({ kind: "music.generate", input }),
});
if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);

for await (const event of events((await answer.json()).urls.events)) {
  console.log(event.type, `${Math.round(event.data.progress * 100)}%`);
  if (!ENDS.includes(event.type)) continue;
  for (const output of event.data.outputs) if (output.role === "audio") console.log(output.url);
  break;
}
