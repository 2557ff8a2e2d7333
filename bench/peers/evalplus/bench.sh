#!/usr/bin/env bash
# bench.sh FOLDER DATA RECORDED [humaneval|mbpp] [ROUNDS]: EvalPlus (made ready by setup.sh in FOLDER) and `banyan eval score` judge the same recorded answers in turn.
# DATA has HumanEvalPlus-v0.1.10.jsonl.gz and MbppPlus-v0.1.0.jsonl; RECORDED has humaneval-generated.jsonl and mbpp-generated.jsonl.
# ROUNDS runs of each with the canonical solutions' results kept from an earlier run; ROUNDS=0: one of each that computes them first.
# A line of JSON each: seconds until the score is printed, seconds until the program has ended, CPU-seconds, right answers in percent.
set -euo pipefail
folder=$(realpath "${1:?usage: bench.sh FOLDER DATA RECORDED [humaneval|mbpp] [ROUNDS]}") data=$(realpath "$2") recorded=$(realpath "$3") task=${4:-humaneval} rounds=${5:-3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
banyan=${BANYAN:-$here/../../../banyan} python=${PYTHON:-/usr/bin/python3} parallel=${PARALLEL:-$(nproc)}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
case $task in
    humaneval) zcat "$data/HumanEvalPlus-v0.1.10.jsonl.gz" >"$work/data.jsonl"; export HUMANEVAL_OVERRIDE_PATH=$work/data.jsonl ;;
    mbpp) cp "$data/MbppPlus-v0.1.0.jsonl" "$work/data.jsonl"; export MBPP_OVERRIDE_PATH=$work/data.jsonl ;;
    *) echo "bench.sh: humaneval or mbpp, not $task" >&2; exit 2 ;;
esac
export XDG_CACHE_HOME=${CACHE:-$folder/cache}
[ "$rounds" -gt 0 ] || { export XDG_CACHE_HOME=$work/cache; }
peer() {
    cp "$recorded/$task-generated.jsonl" "$work/answers.jsonl"; rm -f "$work"/answers*eval_results.json
    PYTHONPATH="$folder/evalplus:$folder/absent" "$python" "$here/time.py" EvalPlus "$task" "$rounds" "$python" -u -m evalplus.evaluate --dataset "$task" --samples "$work/answers.jsonl" --parallel "$parallel"
}
ours() { "$python" "$here/time.py" Banyan "$task" "$rounds" "$banyan" eval score --task "$task+" --recorded "$recorded/$task-generated.jsonl" --data "$data" --parallel "$parallel"; }
# What is kept must be there before it is timed.
[ "$rounds" -eq 0 ] || [ -e "$XDG_CACHE_HOME/$task-kept" ] || { peer >/dev/null; ours >/dev/null; touch "$XDG_CACHE_HOME/$task-kept"; }
for ((round = 0; round < (rounds > 0 ? rounds : 1); round++)); do peer; ours; done
