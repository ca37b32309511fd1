#!/bin/sh
# Asks with tensors as raw bytes behind the JSON, and prints the probabilities from the raw bytes of
# the answer. Usage: binary.sh [URL] [MODEL]
set -eu
url=${1:-http://localhost:8080}
model=${2:-flights}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

head='{"inputs":[
 {"name":"distance","datatype":"FP32","shape":[1,1],"parameters":{"binary_data_size":4}},
 {"name":"hour","datatype":"INT64","shape":[1,1],"data":[0]},
 {"name":"weekday","datatype":"INT64","shape":[1,1],"data":[0]},
 {"name":"origin","datatype":"BYTES","shape":[1,1],"parameters":{"binary_data_size":7}},
 {"name":"destination","datatype":"BYTES","shape":[1,1],"data":["LAS"]}],
 "outputs":[{"name":"probabilities","parameters":{"binary_data":true}}]}'

# 1750 as a float of four bytes; the length of the text in four bytes, and the text.
{ printf '%s' "$head" && printf '\000\300\332\104\003\000\000\000DTW'; } >"$work/request"
curl -sS --fail -o "$work/answer" -D "$work/headers" --data-binary "@$work/request" \
  -H 'Content-Type: application/octet-stream' \
  -H "Inference-Header-Content-Length: ${#head}" "$url/v2/models/$model/infer"

length=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Ii]nference-[Hh]eader-[Cc]ontent-[Ll]ength: //p')
head -c "$length" "$work/answer"
echo
tail -c "+$((length + 1))" "$work/answer" | od -A n -t f4
