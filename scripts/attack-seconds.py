#!/usr/bin/env python3
"""What attacks took, by subject and attack: scripts/attack-seconds.py ATTACKS_JSON"""

import json
import pathlib
import sys

report = json.loads(pathlib.Path(sys.argv[1]).read_text())
for who in ("attacked", "retrained"):
    if not report.get(who):
        continue
    attacks = [("asked plainly", [report[who]["plain"]])]
    attacks += [(o["attack"], o["trials"]) for o in report[who]["attacks"]]
    total = 0.0
    for name, trials in attacks:
        seconds = sum(t["cost"]["seconds"] for t in trials)
        tokens = sum(t["cost"]["forward_tokens"] for t in trials)
        total += seconds
        print(f"{who:10} {name:16} {len(trials):3} attempts {seconds:7.0f} s {tokens:9,} tokens")
    print(f"{who:10} {'together':16} {total / 60:22.1f} min")
