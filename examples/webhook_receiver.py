"""Take webhooks: verify each, act on it once, answer fast. Needs standardwebhooks.

WEBHOOK_SECRET is what `GET /v1/webhooks/secret` says (for a job's own `webhook`), or an endpoint's `signing_secret`.
"""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

verifier = Webhook(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()  # keep it where it outlives a restart: an event may come more than once


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204 if self.take(body) else 400)
        self.end_headers()

    def take(self, body: bytes) -> bool:
        try:
            event = verifier.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):
            return False
        if self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            print(event["type"], event["data"]["id"], flush=True)  # or put it in a queue of your own
        return True


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver).serve_forever()
