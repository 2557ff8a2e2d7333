#!/usr/bin/env python3
"""measure.py RESULTS.json --models DIR [--ik DIR] [--llama DIR] [--rounds 3] [--only TEXT]: measures the rows of the table beside the peers.

Alternates: a round is one run of Banyan and one of each peer on the same file, so that what else the machine does hits all of them. A row
holds the medians, and every round's figures. RESULTS.json is read first where it exists: rows that are not measured keep what they say,
measured rows keep their `limit` (what limits them, in words). DIR of --models holds `banyan synthesize` files named SHAPE-TYPE.gguf,
DIR of --ik a folder made by peers/ik-llama-cpp/build.sh, DIR of --llama a copy of peers/llama-cpp after `npm install`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
banyan = os.path.join(here, "..", "..", "banyan")

# (model file, prompt, depth, tokens generated, repetitions a run, environment, peers,
#  row of the prefill and its bars, row of the decode and its bars); a bar is {peer: ratio}
RUNS = [
    ("qwen2.5-coder-1.5b-Q4_K_M", 256, 0, 32, 2, {}, "ik llama", ("1.5B Q4_K_M, prompt of 256", {"ik": 1.4, "llama": 2.2}), ("1.5B Q4_K_M, decode", {"ik": 1.0})),
    ("qwen2.5-coder-1.5b-Q8_0", 256, 0, 32, 2, {}, "ik llama", ("1.5B Q8_0, prompt of 256", {"ik": 1.4, "llama": 2.2}), ("1.5B Q8_0, decode", {"ik": 1.0})),
    ("qwen2.5-coder-1.5b-Q4_0", 256, 0, 32, 2, {}, "ik llama", ("1.5B Q4_0, prompt of 256", {"ik": 1.4, "llama": 2.2}), ("1.5B Q4_0, decode", {})),
    ("qwen2.5-coder-0.5b-Q8_0", 256, 0, 64, 2, {}, "ik", ("0.5B Q8_0, prompt of 256", {}), ("0.5B Q8_0, decode", {"ik": 1.0})),
    ("qwen2.5-coder-0.5b-BF16", 256, 0, 32, 2, {}, "ik", ("0.5B BF16, prompt of 256", {"ik": 1.2}), ("0.5B BF16, decode", {})),
    ("qwen3-30b-a3b-6-layers-Q4_K_M", 256, 0, 32, 5, {}, "ik", ("Qwen3-MoE shape Q4_K_M, prompt of 256", {"ik": 1.2}), ("Qwen3-MoE shape Q4_K_M, decode", {})),
    ("qwen2.5-coder-1.5b-Q4_K_M", 256, 0, 2, 2, {"BANYAN_KERNELS": "avx512"}, "ik", ("managed AVX-512 rung, 1.5B Q4_K_M, prompt of 256", {"ik": 0.9}), None),
    ("qwen2.5-coder-1.5b-Q8_0", 256, 0, 2, 2, {"BANYAN_KERNELS": "avx512"}, "ik", ("managed AVX-512 rung, 1.5B Q8_0, prompt of 256", {"ik": 0.9}), None),
    ("qwen2.5-coder-1.5b-Q4_K_M", 256, 0, 16, 1, {"BANYAN_KERNELS": "avx2"}, "llama", ("AVX2 rung, 1.5B Q4_K_M, prompt of 256", {"llama": 0.6}), ("AVX2 rung, 1.5B Q4_K_M, decode", {"llama": 0.8})),
    ("qwen2.5-coder-1.5b-Q8_0", 256, 0, 16, 1, {"BANYAN_KERNELS": "avx2"}, "llama", ("AVX2 rung, 1.5B Q8_0, prompt of 256", {"llama": 0.6}), ("AVX2 rung, 1.5B Q8_0, decode", {"llama": 0.8})),
    ("qwen2.5-coder-1.5b-Q4_K_M", 2048, 0, 2, 1, {}, "ik", ("1.5B Q4_K_M, prompt of 2,048", {"ik": 1.4}), None),
    ("qwen2.5-coder-1.5b-Q8_0", 2048, 0, 2, 1, {}, "ik", ("1.5B Q8_0, prompt of 2,048", {"ik": 1.4}), None),
    ("qwen2.5-coder-1.5b-Q4_0", 2048, 0, 2, 1, {}, "ik", ("1.5B Q4_0, prompt of 2,048", {"ik": 1.4}), None),
    ("qwen2.5-coder-1.5b-Q4_K_M", 512, 8192, 2, 1, {}, "ik", ("1.5B Q4_K_M, prompt of 512 at a depth of 8,192", {"ik": 1.3}), None),
]
NAMES = {"ik": "ik", "llama": "llama.cpp"}


def output(command, environment=None):
    """The JSON object that a command prints last."""
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode != 0 or not lines:
        sys.exit(f"{' '.join(command)} failed ({ran.returncode}): {ran.stderr.strip()[-2000:]}")
    return json.loads(lines[-1])


def ours(path, prompt, depth, generate, repetitions, environment):
    ran = output([banyan, "bench", path, "--threads", "2", "--prompt", str(prompt), "--generate", str(generate), "-r", str(repetitions), "--depth", str(depth), "--json"], environment)
    return {"prefill": ran["depths"][0]["prefill"], "decode": ran["depths"][0]["decode"], "bandwidth": ran["depths"][0]["decode_of_bandwidth"], "peak": ran["depths"][0]["prefill_of_peak"], "ceiling": ran["depths"][0]["prefill_of_ceiling"]}


def peer(name, folder, path, prompt, depth, generate, repetitions):
    counts = ["--threads", "2", "--prompt", str(prompt), "--generate", str(generate), "--runs", str(repetitions)]
    if name == "llama":
        return output(["node", os.path.join(folder, "bench.mjs"), path, *counts])
    return output(["bash", os.path.join(here, "..", "peers", "ik-llama-cpp", "bench.sh"), folder, path, *counts, "--depth", str(depth), "--repack", "1" if prompt >= 512 and depth == 0 else "0"])


def row(title, bars, key, rounds):
    def median(system):
        values = [r[system][key] for r in rounds if system in r]
        return round(statistics.median(values), 1) if values else None

    made = {"what": title, "unit": "tok/s", "banyan": median("banyan"), "ik": median("ik"), "llama": median("llama")}
    made["bar"] = ", ".join(f"{ratio} × {NAMES[system]}" for system, ratio in bars.items()) or "–"
    said = []
    for system, ratio in bars.items():
        if made[system]:
            reached = made["banyan"] / made[system]
            said.append((reached >= ratio, f"{NAMES[system]} {'yes' if reached >= ratio else 'no'} ({reached:.2f} ×)"))
        else:
            said.append((False, f"{NAMES[system]} not measured"))
    made["met"] = "–" if not said else "yes" if all(ok for ok, _ in said) else ", ".join(text for _, text in said)
    made["rounds"] = {system: [r[system][key] for r in rounds if system in r] for system in ("banyan", "ik", "llama") if system in rounds[0]}
    return made


def write(results, path):
    """A row a line, so that changes can be read."""
    def text(value):
        return json.dumps(value, ensure_ascii=False)

    head = "".join(f"  {text(key)}: {text(value)},\n" for key, value in results.items() if key != "rows")
    rows = ",\n".join(f"    {text(made)}" for made in results["rows"])
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{\n{head}  "rows": [\n{rows}\n  ]\n}}\n')


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("results")
    options.add_argument("--models", required=True)
    options.add_argument("--ik")
    options.add_argument("--llama")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="")
    given = options.parse_args()
    folders = {"ik": given.ik, "llama": given.llama}
    results = json.load(open(given.results, encoding="utf-8")) if os.path.exists(given.results) else {"machine": "", "date": "", "how": "", "rows": []}
    places = {kept["what"]: index for index, kept in enumerate(results["rows"])}

    for model, prompt, depth, generate, repetitions, environment, peers, prefill, decode in RUNS:
        wanted = [(title, bars, key) for (title, bars), key in ((prefill, "prefill"), (decode or ("", {}), "decode")) if title and given.only in title]
        path = os.path.join(given.models, model + ".gguf")
        if not wanted:
            continue
        if not os.path.exists(path):
            print(f"{path} is not there: skipped", file=sys.stderr)
            continue
        rounds = []
        for _ in range(given.rounds):
            one = {"banyan": ours(path, prompt, depth, generate, repetitions, environment)}
            for name in peers.split():
                if folders[name]:
                    one[name] = peer(name, folders[name], path, prompt, depth, generate, repetitions)
            rounds.append(one)
        for title, bars, key in wanted:
            made = row(title, bars, key, rounds)
            made["of_limit"] = round(statistics.median(r["banyan"]["peak" if key == "prefill" else "bandwidth"] for r in rounds), 3)
            if key == "prefill" and rounds[0]["banyan"]["ceiling"] is not None:
                made["of_ceiling"] = round(statistics.median(r["banyan"]["ceiling"] for r in rounds), 3)
            old = results["rows"][places[title]] if title in places else {}
            made["limit"] = old.get("limit", "")
            if title in places:
                results["rows"][places[title]] = made
            else:
                places[title] = len(results["rows"])
                results["rows"].append(made)
            print(f"{made['what']}: {made['banyan']} tok/s, ik {made['ik']}, llama.cpp {made['llama']}: {made['met']}  {made['rounds']}", flush=True)
        results["date"] = time.strftime("%Y-%m-%d")
        write(results, given.results)


main()
