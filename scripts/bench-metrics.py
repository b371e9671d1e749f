#!/usr/bin/env python3
"""Which metrics tell what a model knows? scripts/bench-metrics.py [OUT]     (default: runs/bench-metrics; half an hour)

Does `unlearn bench-metrics`, and writes into docs/metrics.md, between its marks, a line on every metric and the table of
how well each tells models that know the forget set from models that never saw it. What is finished is not done again.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs/bench-metrics"
UNLEARN = ROOT / "target/release/unlearn"
PAGE = ROOT / "docs/metrics.md"


def unlearn(*args):
    return subprocess.run([UNLEARN, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True).stdout


def put(page, mark, text):
    """Replaces what stands between two marks."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        sys.exit(f"`{PAGE}` does not have the marks `{begin.strip()}` and `{end}` once each")
    return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + text + end, page, flags=re.S)


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    found = json.loads(unlearn("bench-metrics", "--out", OUT, "--json", *(["--resume"] if OUT.exists() else [])))
    metrics = [json.loads(line) for line in unlearn("metrics", "--json").splitlines()]
    lines = ["| metric | what it says |", "|---|---|"]
    lines += [f"| `{metric['name']}` | {metric['summary']} |" for metric in metrics]
    page = put(PAGE.read_text(), "metrics", "\n".join(lines) + "\n")
    again = found["relearning"]
    pools = f"{len(found['knowing'])} models that learned the forget set and {len(found['ignorant'])} that did not, seed " \
            f"{found['seed']};\nrelearned: {again['steps']} steps on {again['rows']} rows at {again['learning_rate']:g}; " \
            f"quantised to {found['quantisation'].upper()}.\n\n"
    PAGE.write_text(put(page, "table", pools + (OUT / "bench-metrics.md").read_text()))


main()
