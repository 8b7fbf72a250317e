#!/bin/sh
# Submit a song, poll the feed until its clips are complete, download them. Needs curl.
set -eu
api() { curl --fail-with-body --silent --show-error -H "Authorization: Bearer $GATEWAY_API_KEY" "$@"; }

song='{"mv": "chirp-v3-0", "title": "Tide", "tags": "calm folk", "prompt": "[Verse]\nThe tide comes in, the tide goes out"}'
answer=$(api "$GATEWAY_URL/v1/suno/api/generate/v2/" -H "Content-Type: application/json" -d "$song")
# the job's id comes first, then the two clips'
ids=$(echo "$answer" | grep -o '"id":"[^"]*"' | sed -n '2,3s/.*:"\(.*\)"/\1/p' | paste -sd, -)

while :; do
    clips=$(api "$GATEWAY_URL/v1/suno/api/feed/?ids=$ids")
    echo "$clips" | grep -o '"status":"[^"]*"' | paste -sd' ' -
    case $clips in *'"status":"error"'*) echo "$clips" >&2; exit 1 ;; esac
    case $clips in *'"status":"submitted"'* | *'"status":"queued"'* | *'"status":"streaming"'*) sleep 1 ;; *) break ;; esac
done

for url in $(echo "$clips" | grep -o '"audio_url":"[^"]*"' | sed 's/.*:"\(http.*\)"/\1/'); do
    curl --fail --silent --show-error --remote-name "$url"
    echo "${url##*/}"
done
