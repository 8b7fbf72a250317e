#!/bin/sh
# Submit a batch of jobs and read its results. Needs curl.
set -eu
api() { curl --fail-with-body --silent --show-error -H "Authorization: Bearer $GATEWAY_API_KEY" "$@"; }
field() { sed 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/'; }

batch=$(api "$GATEWAY_URL/v1/jobs/batch" -H "Content-Type: application/jsonl" --data-binary @- <<'LINES'
{"custom_id": "folk", "kind": "music.generate", "input": {"tags": "calm folk", "make_instrumental": true}}
{"custom_id": "techno", "kind": "music.generate", "input": {"tags": "fast techno", "make_instrumental": true}}
LINES
)
id=$(echo "$batch" | grep -o '"id":"batch_[^"]*"' | head -n 1 | field id)

while :; do
    batch=$(api "$GATEWAY_URL/v1/batches/$id")
    status=$(echo "$batch" | field status)
    echo "$status"
    case $status in validating | in_progress | finalizing) sleep 1 ;; *) break ;; esac
done

for file in output_file_id error_file_id; do
    results=$(echo "$batch" | field $file)
    [ "$results" = null ] || api "$GATEWAY_URL/v1/files/$results/content"
done
