#!/usr/bin/env python3
"""Measures the released program and PyTorch side by side, in turn, in one run, on the same rows.

Every round asks each side once, as a process of its own, so that start and peak memory are honest; which side comes
first changes from round to round. Prints the table, and writes it to OUT/table.md, between the marks of --page, and
every single figure to OUT/results.json.

    cargo build --release
    python3 -m venv peer && peer/bin/pip install -r bench/requirements.txt
    bench/run.py --unlearn target/release/unlearn --model SMOLLM2 --tofu TOFU --python peer/bin/python \
        --out OUT --page docs/performance.md
"""
import argparse
import json
import os
import pathlib
import sys

import cases as all_cases
import data
import machine
from agree import Disagreement, agreement
from ours import Ours
from process import Failed
from table import LOSSES, MEASURED, losses, place, table
from theirs import Theirs


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = pathlib.Path
    parser.add_argument("--unlearn", type=path, required=True, help="the program, built with --release")
    parser.add_argument("--model", type=path, required=True, help="a Hugging Face folder: SmolLM2-135M-Instruct")
    parser.add_argument("--suite-model", type=path, help="for TOFU's metrics, one that learned its rows [--model]")
    parser.add_argument("--tofu", type=path, required=True, help="the folder of TOFU's files")
    parser.add_argument("--python", default=sys.executable, help="a Python with bench/requirements.txt [this one]")
    parser.add_argument("--out", type=path, required=True)
    parser.add_argument("--page", type=path, help="a Markdown page whose table is replaced")
    names = [case.name for case in all_cases.CASES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=names, help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="of each run; the first is not counted")
    parser.add_argument("--rows", type=int, default=64, help="that are scored and answered")
    parser.add_argument("--limit", type=int, default=8, help="rows of each set for TOFU's metrics")
    parser.add_argument("--score-batch", type=int, default=4, help="rows that PyTorch scores at once")
    parser.add_argument("--device", default="cpu", help="of both sides: cpu, or cuda, cuda:1 … [cpu]")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--system", default="You are a helpful assistant.")
    options = parser.parse_args()
    if options.steps < 2 or options.rounds < 1:
        parser.error("the first step is not counted: at least two steps and one round are needed")
    options.suite_model = options.suite_model or options.model
    if options.page and not options.page.exists():
        parser.error(f"`{options.page}` does not exist")
    options.out.mkdir(parents=True, exist_ok=True)
    options.few, options.files = data.FEW, data.prepare(options.tofu, options.out, options.rows)
    return options


def measure(case, options, turn):
    """What each side of a case brought back."""
    ours = Ours(options)
    sides = {all_cases.OWN: lambda: case.ours(ours)}
    if case.rounded and options.device == "cpu":
        sides[all_cases.OWN_BFLOAT16] = lambda: case.ours(Ours(options, "bfloat16"))
    for side, do in case.others.items():
        peer = Theirs(options, "bfloat16" if "bfloat16" in side else "float32") if "PyTorch" in side else ours
        sides[side] = lambda do=do, peer=peer: do(peer)
    names = list(sides)
    order = names[turn % len(names) :] + names[: turn % len(names)]
    found = {side: sides[side]() for side in order}
    return {side: found[side] for side in names}


def main():
    options = arguments()
    chosen = [case for case in all_cases.CASES if case.name in options.only]
    rates = {dtype: Theirs(options, dtype).matrices() for dtype in ("float32", "bfloat16")}
    about = machine.describe(options.unlearn, options.python, options.device, rates)
    results, agreed = {}, {}
    for turn in range(options.rounds):
        for case in chosen:
            print(f"round {turn + 1} of {options.rounds}: {case.name}", file=sys.stderr, flush=True)
            found = all_cases.with_shares(case, measure(case, options, turn), rates)
            agreed[case.name] = agreement(case.name, found)
            for side, value in found.items():
                results.setdefault(case.name, {}).setdefault(side, []).append(value)
            keep = {"machine": about, "options": vars(options), "agreement": agreed, "results": results}
            (options.out / "results.json").write_text(json.dumps(keep, indent=1, default=str) + "\n")
    if options.device != "cpu":
        # The memory of a process is not that of a card.
        for case in chosen:
            case.rows = [row for row in case.rows if row.unit != "GiB"]
    about = f"{machine.sentence(about, options.threads)} {options.rounds} rounds."
    text = f"{about}\n\n{table(chosen, results, options.limit)}"
    (options.out / "table.md").write_text(text)
    if options.page:
        place(options.page, MEASURED, text)
        place(options.page, LOSSES, losses(results))
    print(text, end="")


if __name__ == "__main__":
    try:
        main()
    except (Failed, Disagreement, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
