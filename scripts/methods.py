#!/usr/bin/env python3
"""Every method on the demo's world, on three seeds: scripts/methods.py [OUT]     (default: runs/methods; about an hour)

Makes the demo's models, does every recipe of recipes/demo on them, and writes docs/methods.md: the table, and of each
method idea, objective and defaults as `unlearn methods show` prints them. What is finished is not done again.

Exit status 1 when a method leaves more than half of the target's forget probability, or less than 0.85 of its retain
probability; grad-ascent is expected to.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs/methods"
SEEDS = (1, 2, 3)
SETS = ("forget", "paraphrased", "retain", "neighbour")
COLLAPSES = {"grad-ascent"}
UNLEARN = ROOT / "target/release/unlearn"


def unlearn(*args, text=False):
    done = subprocess.run([UNLEARN, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout if text else None


def finished(run):
    record = run / "run.json"
    return record.exists() and json.loads(record.read_text())["finished"]


def flags(place):
    data = place / "data"
    return ["--forget", data / "forget.jsonl", "--retain", data / "retain.jsonl", data / "neighbour.jsonl",
            "--also", f"paraphrased={data / 'paraphrased.jsonl'}", "--also", f"neighbour={data / 'neighbour.jsonl'}",
            "--set", 'eval.metrics=["probability"]', "--quiet"]


def do(run, *args):
    """Does a run, or goes on with it."""
    if not finished(run):
        resume = ["--resume"] if run.exists() else []
        unlearn(*args, "--out", run, *resume)
    return json.loads((run / "eval.json").read_text())["metrics"]


def models(seed):
    place = OUT / str(seed)
    if not finished(place / "retrained-eval"):
        resume = ["--resume"] if place.exists() else []
        unlearn("demo", "--seed", seed, "--out", place, "--quiet", "--json", *resume)
    return place


def of_seed(seed):
    """The probabilities of each subject: the target, the retrained model, and what each method leaves."""
    place = models(seed)
    examine = lambda name: do(place / f"{name}-probability", "eval", "--model", place / name / "model",
                              "--seed", seed, *flags(place))
    found = {"target": examine("target"), "retrained": examine("retrained")}
    # A merge is of what the others leave.
    names = sorted((p.stem for p in (ROOT / "recipes/demo").glob("*.toml")), key=lambda n: n == "merge")
    for name in names:
        own = []
        if name == "dpo":
            own = ["--alternate", place / "data/alternate.jsonl"]
        if name == "merge":
            paths = [str((place / "runs" / n / "model").resolve()) for n in ("npo", "grad-diff")]
            own = ["--set", f"method.models={json.dumps(paths)}"]
        found[name] = do(place / "runs" / name, "run", ROOT / f"recipes/demo/{name}.toml", "--seed", seed,
                         "--model", place / "target/model", *flags(place), *own)
        print(seed, name, *(shown(value(found[name], s)) for s in SETS), flush=True)
    return {who: [value(metrics, s) for s in SETS] for who, metrics in found.items()}


def value(metrics, name):
    """A set's probability; none where a guard withholds it."""
    return metrics.get(f"{name}/probability", {}).get("value")


def shown(value):
    return "withheld" if value is None else f"{value:.3f}"


def section(page, heading):
    return re.search(rf"# {heading}\n+(.*?)(?=\n# |\Z)", page, re.S).group(1).strip()


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    seeds = [of_seed(seed) for seed in SEEDS]
    order = [json.loads(line)["name"] for line in unlearn("methods", "--json", text=True).splitlines()]
    cell = lambda values: (shown(None) if None in values else
                           f"{shown(sum(values) / len(values))} ({shown(min(values))}–{shown(max(values))})")
    lines, missed = ["| | " + " | ".join(SETS) + " |", "|---|---|---|---|---|"], []
    for who in ["target", "retrained", *order]:
        cells = [cell([seed[who][i] for seed in seeds]) for i in range(len(SETS))]
        name = who if who in ("target", "retrained") else f"[`{who}`](#{who})"
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        good = all((s[who][0] or 0.0) < 0.5 * s["target"][0] and s[who][2] >= 0.85 * s["target"][2] for s in seeds)
        if who in order and who not in COLLAPSES and not good:
            missed.append(who)
    pages = []
    for name in order:
        page = json.loads(unlearn("methods", "show", name, "--json", text=True))["page"]
        what = "Procedure" if "# Procedure\n" in page else "Objective"
        parts = [section(page, h) for h in ("Idea", what, "Defaults")]
        pages.append(f"## `{name}`\n\n{parts[0]}\n\n{parts[1]}\n\nDefaults: {parts[2]}")
    frame = (ROOT / "docs/methods.in.md").read_text()
    text = frame.replace("TABLE", "\n".join(lines)).replace("PAGES", "\n\n".join(pages))
    (ROOT / "docs/methods.md").write_text(text)
    if missed:
        print("too little forgotten, or too little retained:", ", ".join(missed), file=sys.stderr)
        sys.exit(1)


main()
