#!/usr/bin/env python3
"""Renders every template of semantics.txt with real Jinja2, set up as transformers does, into semantics.json.

Needs Python 3.11 and jinja2 3.1.6; run by hand after adding rows:  python3 record.py
semantics.txt: one template a line; \\n in a line is a newline, lines that begin with ## are comments, and a line of expressions
only ({{ a }} {{ b }} …) is a template each.
"""
import datetime, json, pathlib, re
from jinja2 import ext, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

class Generation(ext.Extension):
    tags = {"generation"}
    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_inner"), [], [], body).set_lineno(line)
    def _inner(self, caller):
        return caller()

def raise_exception(message):
    raise TemplateError(message)

def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda f: datetime.datetime(2026, 11, 3, 9, 5, 7).strftime(f)

VARIABLES = json.loads("""{
  "s": "Hello, World", "u": "naïve 😀 straße ΑΣ", "ws": "  \\t x y \\n", "empty": "", "q": "it's \\"q\\" \\\\ \\n",
  "i": 42, "n": -7, "f": 2.5, "big": 123456789012345678901234567890, "t": true, "no": null,
  "l": [3, 1, 2], "w": ["pear", "Apple", "fig", "apple"], "e": [], "d": {"b": 1, "a": [1, 2.0, null, true], "c": {"x": "y"}},
  "p": [{"n": "Bob", "g": 1, "k": {"z": 3}}, {"n": "amy", "g": 2, "k": {"z": 1}}, {"n": "Cid", "g": 1}],
  "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}, {"v": 5, "c": []}]
}""")

here = pathlib.Path(__file__).parent
rows = []
for line in (here / "semantics.txt").read_text().splitlines():
    if not line.strip() or line.startswith("##"):
        continue
    line = line.rstrip("\n")
    parts = re.split(r"(?<= \}\}) (?=\{\{ )", line)
    if not all(p.startswith("{{ ") and p.endswith(" }}") for p in parts):
        parts = [line]
    for template in (p.replace("\\n", "\n") for p in parts):
        try:
            rows.append([template, env.from_string(template).render(**VARIABLES)])
        except Exception as e:
            rows.append([template, None, f"{type(e).__name__}: {e}"])
(here / "semantics.json").write_text(json.dumps({"variables": VARIABLES, "rows": rows}, ensure_ascii=False, indent=0) + "\n")
print(len(rows), "rows,", sum(r[1] is None for r in rows), "errors")
