#!/usr/bin/env python3
"""show.py RESULTS.json [--svg]: the results of one machine as a Markdown table, or as a picture.

RESULTS.json: {"machine", "date", "how", "rows": [{"what", "unit", "banyan", "ik", "llama", "bar", "met", "of_ceiling", "limit"}]}
"""
import html
import json
import sys

results = json.load(open(sys.argv[1], encoding="utf-8"))


def number(value):
    return "–" if value is None else f"{value:g}"


def part(value):
    return "–" if value is None else f"{value:.0%}"


def ratio(row, peer):
    return "" if row.get(peer) is None or row.get("banyan") is None else f" ({row['banyan'] / row[peer]:.2f} ×)"


if "--svg" not in sys.argv:
    print("| what | Banyan | ik_llama.cpp | llama.cpp | bar | met | of the ceiling | what limits it |")
    print("|---|---|---|---|---|---|---|---|")
    for row in results["rows"]:
        print(f"| {row['what']} | {number(row['banyan'])} {row['unit']} | {number(row.get('ik'))}{ratio(row, 'ik')} | {number(row.get('llama'))}{ratio(row, 'llama')} "
              f"| {row['bar']} | {row['met']} | {part(row.get('of_ceiling'))} | {row['limit']} |")
    sys.exit()

rows = [row for row in results["rows"] if row.get("ik") or row.get("llama")]
colours = {"banyan": "#2f7d4f", "ik": "#b7791f", "llama": "#718096"}
names = {"banyan": "Banyan", "ik": "ik_llama.cpp", "llama": "llama.cpp"}
y, body = 74, []
for row in rows:
    bars = [k for k in colours if row.get(k) is not None]
    largest = max(row[k] for k in bars)
    body.append(f'<text x="16" y="{y}" font-weight="600">{html.escape(row["what"])}</text>')
    y += 8
    for key in bars:
        width = row[key] / largest * 460
        body.append(f'<rect x="16" y="{y}" width="{width:.0f}" height="15" rx="2" fill="{colours[key]}"/>'
                    f'<text x="{width + 24:.0f}" y="{y + 12}">{row[key]:g}</text>')
        y += 18
    y += 20
legend = "".join(f'<rect x="{16 + 130 * i}" y="38" width="12" height="12" fill="{c}"/><text x="{34 + 130 * i}" y="49">{names[k]}</text>' for i, (k, c) in enumerate(colours.items()))
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="{y}" viewBox="0 0 620 {y}" font-family="system-ui, sans-serif" font-size="12">'
      f'<rect width="100%" height="100%" fill="#fff"/><text x="16" y="26" font-size="15" font-weight="600">Tokens a second: {html.escape(results["machine"])}</text>{legend}'
      + "".join(body) + "</svg>")
