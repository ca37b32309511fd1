#!/bin/sh
# Asks Weir with curl in every way that HTTP has: at once, later, in bulk, and by its feed.
# Usage: ask.sh [URL] [MODEL]
set -eu
url=${1:-http://127.0.0.1:8080}
model=${2:-flights}
row='{"data":[[1750,0,0,"DTW","LAS"]]}'

echo 'At once:'
curl -sS --fail-with-body "$url/predict?model=$model" -H 'Content-Type: application/json' -d "$row"
echo

echo 'Later: 202 with the address of the answer, then a poll that waits for it:'
location=$(curl -sS -o /dev/null -w '%header{location}' "$url/predict?model=$model" \
  -H 'Content-Type: application/json' -H 'Prefer: respond-async' -d "$row")
echo "$location"
curl -sS --fail-with-body "$url$location" -H 'Prefer: wait=30'
echo

echo 'In bulk: a line for each request, a line for each answer, in the same order:'
printf '%s\n%s\n' "$row" '{"data":[[2399,1,0,"HNL","SFO"]]}' |
  curl -sS --fail-with-body -T - -X POST "$url/v2/models/$model/infer" \
    -H 'Content-Type: application/x-ndjson'

echo 'The feed, from its beginning, for a second:'
curl -sS -N --max-time 1 "$url/v2/models/$model/feed?from=1" || test $? -eq 28
