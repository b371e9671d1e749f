#!/usr/bin/env python3
"""Holds an evaluation of TOFU rows against reference values: compare-tofu.py RUN metrics.json

Exit status 1 when an item's average loss differs by more than 2e-3, or fewer than 18 of 20 answers are the same.
"""
import json
import math
import sys

run, golden = sys.argv[1], json.load(open(sys.argv[2]))
scores = json.load(open(f"{run}/eval.json"))["metrics"]["forget/probability"]["per_item"]
answers = [json.loads(line) for line in open(f"{run}/answers.jsonl")]
losses = golden["forget_Q_A_Prob"]["value_by_index"]
texts = golden["forget_Q_A_ROUGE"]["value_by_index"]

worst = max(abs(-math.log(p) - losses[str(i)]["avg_loss"]) for i, p in enumerate(scores))
same = sum(a["generation"].strip() == texts[str(a["index"])]["generation"].strip() for a in answers)
print(f"average loss: largest difference {worst:.2e} over {len(scores)} items")
print(f"greedy answers: {same} of {len(answers)} the same")
sys.exit(0 if worst <= 2e-3 and same >= 18 else 1)
