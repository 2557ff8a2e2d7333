"""time.py SYSTEM TASK ROUNDS COMMAND…: runs a command that prints a score, and writes one line of JSON: how long that took, and the score."""
import json
import re
import resource
import subprocess
import sys
import time

system, task, rounds, *command = sys.argv[1:]
began, printed, score = time.monotonic(), None, None
process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
for line in process.stdout:
    if found := re.search(r"pass@1:?\s+([\d.]+)", line):  # EvalPlus prints the base tests' first, then those of all
        printed, score = time.monotonic(), float(found[1])
if process.wait() != 0:
    sys.exit(f"{command[0]} ended with {process.returncode}")
ended, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"system": system, "task": task + "+", "expected": "kept" if rounds != "0" else "computed", "seconds": round(printed - began, 2), "secondsToEnd": round(ended - began, 2),
                  "cpuSeconds": round(used.ru_utime + used.ru_stime, 1), "percent": round(score if score > 1 else 100 * score, 1)}), flush=True)
