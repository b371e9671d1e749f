#!/usr/bin/env python3
"""What do attacks bring back? scripts/attacks.py [OUT]     (default: runs/attacks; about half an hour)

On three of the demo's worlds: models that only mask what they were told to forget (`idk-nll` with an adapter, gradient
ascent that was stopped early, a guard before the untouched weights), the demo's own `npo`, the untouched target, and the
retrained model, each attacked by the suite `quick`. Of all attacks, those that only ask are also put together: they pass the guard, the others hold the
weights. Writes docs/attack-table.md; what is finished is not done again.

Exit status 1 when less than 80 % of the facts come back from a model that masks (said under all attacks together, or
preferred to every wrong answer under one), or more from the retrained model than guessing brings.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs/attacks"
SEEDS = (1, 2, 3)
UNLEARN = ROOT / "target/release/unlearn"
MASKS = {
    "idk-nll": ["--set", "train.adapter=lora", "--set", "train.learning_rate=2e-3", "--set", "train.epochs=6",
                "--set", "train.batch_size=16"],
    "grad-ascent": ["--set", "train.learning_rate=2e-4", "--set", "train.steps=60", "--set", "train.batch_size=16",
                    "--set", "train.warmup=0.0", "--set", "watch.every=1", "--set", "watch.forget_below=0.4"],
    "guardrail": [],
}


def finished(run):
    record = run / "run.json"
    return record.exists() and json.loads(record.read_text())["finished"]


def do(run, *args):
    if not finished(run):
        resume = ["--resume"] if run.exists() else []
        command = [UNLEARN, *map(str, args), "--out", run, *resume, "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def world(seed):
    place = OUT / str(seed)
    if not finished(place / "retrained-eval"):
        resume = ["--resume"] if place.exists() else []
        command = [UNLEARN, "demo", "--out", place, "--seed", str(seed), "--quiet", *resume]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return place


def attacked(seed):
    place = world(seed)
    data = place / "data"
    sets = ["--forget", data / "forget.jsonl", "--retain", data / "retain.jsonl", data / "neighbour.jsonl"]
    for name, settings in MASKS.items():
        do(place / name, "run", "--model", place / "target/model", "--method", name, *sets, *settings, "--seed", seed,
           "--set", "eval.max_new_tokens=16")
    models = {**{name: place / name / "model" for name in MASKS}, "npo": place / "unlearned/model",
              "target": place / "target/model", "retrained": place / "retrained/model"}
    found = {}
    for name, model in models.items():
        run = place / f"attack-{name}"
        beside = [] if name == "retrained" else ["--retrained", place / "retrained/model"]
        do(run, "attack", "--suite", "quick", "--model", model, *beside, *sets, "--seed", seed,
           "--set", "eval.max_new_tokens=16", "--set", "eval.batch_size=64")
        found[name] = json.loads((run / "attacks.json").read_text())
        all_of_them = together(found[name])
        print(seed, name, f"{all_of_them['back']} of {all_of_them['asked']}, guessing {all_of_them['guessed']:.1f}", flush=True)
    return found


def together(report, trial=None):
    """Of the forget facts, what all attacks together made the subject say; or those that only ask."""
    return next(r for r in report["recovered"]
                if r["scope"] == "forget" and r["said"] and r["attack"] is None and r["trial"] == trial)


def best(report, said):
    made = [r for r in report["recovered"]
            if r["scope"] == "forget" and r["said"] == said and r["attack"] not in (None, "none")]
    return max(made, key=lambda r: (r["back"] - r["guessed"]) / r["asked"])


def plain(report):
    return next(r for r in report["recovered"] if r["scope"] == "forget" and r["said"] and r["attack"] == "none")


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    seeds = [attacked(seed) for seed in SEEDS]
    share = lambda r: f"{r['back']}/{r['asked']}"
    lines = ["| subject | seed | said plainly | by asking alone | all attacks together | by guessing | beyond guessing, 95 % | p | "
             "the attempt that brought most | preferred to wrong answers, most |", "|---|---|---|---|---|---|---|---|---|---|"]
    missed = []
    for name in seeds[0]:
        for seed, found in zip(SEEDS, seeds):
            report = found[name]
            all_of_them, said, preferred = together(report), best(report, True), best(report, False)
            low, high = (max(0.0, x) for x in all_of_them["beyond"])
            p = "< 0.001" if all_of_them["p_value"] < 0.001 else f"{all_of_them['p_value']:.3f}"
            cells = [f"`{name}`" if name in MASKS or name == "npo" else name, str(seed), share(plain(report)),
                     share(together(report, "by asking alone")), share(all_of_them), f"{all_of_them['guessed']:.1f}", f"{low:.0%} to {high:.0%}", p,
                     f"{share(said)}, {said['attack']} ({said['trial']})",
                     f"{share(preferred)}, {preferred['attack']} ({preferred['trial']})"]
            lines.append("| " + " | ".join(cells) + " |")
            if name in MASKS and max(all_of_them["back"], preferred["back"]) < 0.8 * all_of_them["asked"]:
                missed.append(f"{name}, seed {seed}: {share(all_of_them)} are said, {share(preferred)} preferred")
            if name == "retrained" and all_of_them["p_value"] < 0.05 / len(SEEDS):
                missed.append(f"retrained, seed {seed}: {share(all_of_them)} came back (p = {p})")
    (ROOT / "docs/attack-table.md").write_text("# What attacks brought back\n\nMade by `scripts/attacks.py`.\n\n"
                                               + "\n".join(lines) + "\n")
    if missed:
        print(*missed, sep="\n", file=sys.stderr)
        sys.exit(1)


main()
