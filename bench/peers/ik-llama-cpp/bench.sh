#!/usr/bin/env bash
# bench.sh FOLDER MODEL [--threads 2] [--prompt 256] [--generate 64] [--runs 5] [--repack 0] [--depth N]
set -euo pipefail
folder=${1:?usage: bench.sh FOLDER MODEL [options]}; model=${2:?usage: bench.sh FOLDER MODEL [options]}; shift 2
threads=2 prompt=256 generate=64 runs=5 repack=0 depth=0
while [ $# -gt 0 ]; do
  case $1 in --threads|--prompt|--generate|--runs|--repack|--depth) printf -v "${1#--}" %s "$2"; shift 2;; *) echo "bench.sh: unknown option $1" >&2; exit 2;; esac
done
if [ "$depth" -gt 0 ]; then
  "$folder/build/bin/llama-sweep-bench" -m "$model" -t "$threads" -c $((depth + prompt)) -b "$prompt" -ub "$prompt" -n 1 -fa on --output-format jsonl 2>&1 |
    python3 -c 'import json,sys
rows = [json.loads(l) for l in sys.stdin if l.startswith("{")]
row = [r for r in rows if r["n_kv"] == int(sys.argv[1])][0]
print(json.dumps({"system": "ik_llama.cpp", "depth": row["n_kv"], "prompt": row["pp"], "prefill": row["speed_pp"]}))' "$depth"
else
  "$folder/build/bin/llama-bench" -m "$model" -t "$threads" -p "$prompt" -n "$generate" -r "$runs" -fa 1 -rtr "$repack" -o json 2>/dev/null |
    python3 -c 'import json,sys,statistics
speed = {}
for r in json.load(sys.stdin):
    key = "prefill" if r["n_prompt"] else "decode"
    speed |= {key: round(statistics.median(r["samples_ts"]), 2), key + "Best": round(max(r["samples_ts"]), 2)}
print(json.dumps({"system": "ik_llama.cpp", **speed}))'
fi
