#!/bin/sh
# Submit a job and watch its events until it ends: the stream closes after the last one. Needs curl.
set -eu
job='{"kind": "music.generate", "input": {"title": "Tide", "tags": "calm folk", "prompt": "[Verse]\nThe tide comes in"}}'
answer=$(curl --fail-with-body --silent --show-error "$GATEWAY_URL/v1/jobs" \
    -H "Authorization: Bearer $GATEWAY_API_KEY" -H "Content-Type: application/json" -d "$job")
events=$(echo "$answer" | sed 's/.*"events":"\([^"]*\)".*/\1/')
curl --fail --silent --show-error --no-buffer -H "Authorization: Bearer $GATEWAY_API_KEY" "$events"
