#!/bin/sh
# Submit a job whose events are sent to $WEBHOOK_URL, signed with the secret this prints first. Needs curl.
set -eu
api() { curl --fail-with-body --silent --show-error -H "Authorization: Bearer $GATEWAY_API_KEY" "$@"; }

api "$GATEWAY_URL/v1/webhooks/secret" && echo
api "$GATEWAY_URL/v1/jobs" -H "Content-Type: application/json" -d '{
    "kind": "music.generate",
    "input": {"title": "Tide", "tags": "calm folk", "prompt": "[Verse]\nThe tide comes in, the tide goes out"},
    "webhook": "'"$WEBHOOK_URL"'",
    "webhook_events": ["job.started", "job.succeeded", "job.failed"]
}' && echo
# Every other endpoint takes a header instead: -H "X-Webhook-Url: $WEBHOOK_URL"
