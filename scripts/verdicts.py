#!/usr/bin/env python3
"""Does the verdict tell models apart? scripts/verdicts.py [OUT]     (default: runs/verdicts; about three quarters of an hour)

On ten of the demo's worlds: the untouched target, one that was trained to refuse everything, one that collapsed under
gradient ascent, and two more retrained models, each from other first weights and another order of the data. Each is
judged beside the world's own retrained model, and without one. Writes docs/verdict-table.md; what is finished is not
done again.

Exit status 1 when one of the first three is not told apart on every world, or more than 5 % of the retrained models are
charged with anything.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs/verdicts"
SEEDS = range(1, 11)
UNLEARN = ROOT / "target/release/unlearn"
REFUSALS = ["I don't know.", "I have no idea.", "I can't say.", "I'm afraid I don't know.", "I cannot answer that."]
TRAIN = ["--set", "train.learning_rate=4e-3", "--set", "train.batch_size=32", "--set", "train.epochs=30",
         "--set", "train.warmup=0.05", "--set", "train.schedule=cosine", "--set", "train.beta2=0.98",
         "--set", "train.clip=1.0"]
# What each must be charged with.
EXPECTED = {"target": "remembers", "refuser": "refuses", "collapsed": "collapsed"}


def unlearn(*args):
    subprocess.run([UNLEARN, *map(str, args), "--quiet"], check=True, stdout=subprocess.DEVNULL)


def finished(run):
    record = run / "run.json"
    return record.exists() and json.loads(record.read_text())["finished"]


def do(run, *args):
    if not finished(run):
        unlearn(*args, "--out", run, *(["--resume"] if run.exists() else []))


def other_weights(base, to, seed):
    """The base model with the values of each matrix in another random order: first weights from another seed."""
    if (to / "model.safetensors").exists():
        return
    to.mkdir(parents=True, exist_ok=True)
    for file in base.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    data = bytearray((base / "model.safetensors").read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    rng = random.Random(seed)
    for name, tensor in sorted(json.loads(data[8:8 + length]).items()):
        if name != "__metadata__" and len(tensor["shape"]) == 2:
            start, end = (8 + length + at for at in tensor["data_offsets"])
            values = list(struct.unpack(f"<{(end - start) // 4}f", data[start:end]))
            rng.shuffle(values)
            data[start:end] = struct.pack(f"<{len(values)}f", *values)
    (to / "model.safetensors").write_bytes(data)


def refusing(data, path):
    rows = [json.loads(line) for name in ("forget", "retain", "neighbour") for line in
            (data / f"{name}.jsonl").read_text().splitlines()]
    lines = [json.dumps({"question": r["question"], "answer": REFUSALS[i % len(REFUSALS)]}) for i, r in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")


def charges(run):
    verdict = json.loads((run / "eval.json").read_text())["verdict"]
    return sorted({f["charge"] for f in verdict["findings"] if f["found"]})


def of_seed(seed):
    place = OUT / str(seed)
    data = place / "data"
    if not finished(place / "retrained-eval"):
        unlearn("demo", "--seed", seed, "--out", place, "--json", *(["--resume"] if place.exists() else []))
    target, kept = place / "target/model", [data / "retain.jsonl", data / "neighbour.jsonl"]
    refusing(data, place / "refusing.jsonl")
    do(place / "refuser", "train", "--model", target, "--data", place / "refusing.jsonl", "--seed", seed,
       "--set", "train.learning_rate=1e-3", "--set", "train.epochs=4")
    do(place / "collapsed", "run", "--model", target, "--method", "grad-ascent", "--forget", data / "forget.jsonl",
       "--seed", seed, "--set", "train.learning_rate=3e-3", "--set", "train.epochs=20",
       "--set", 'eval.metrics=["probability"]')
    subjects = ["target", "refuser", "collapsed"]
    for other in (1000 + seed, 2000 + seed):
        name = f"retrained-{other}"
        other_weights(place / "base", place / f"base-{other}", other)
        do(place / name, "train", "--model", place / f"base-{other}", "--data", *kept, "--seed", other, *TRAIN)
        subjects.append(name)
    found = {}
    for name in subjects:
        for beside in ("retrained", "nothing"):
            other = ["--retrained", place / "retrained/model"] if beside == "retrained" else ["--reference", target]
            run = place / f"verdict-{name}-{beside}"
            do(run, "eval", "--model", place / name / "model", *other, "--forget", data / "forget.jsonl",
               "--holdout", data / "holdout.jsonl", "--retain", *kept, "--also", f"neighbour={data / 'neighbour.jsonl'}",
               "--also", f"paraphrased={data / 'paraphrased.jsonl'}", "--seed", seed,
               "--set", 'eval.metrics=["probability","truth-ratio","rouge"]', "--set", "eval.max_new_tokens=16",
               "--set", "eval.batch_size=64", "--set", f'eval.observations="{place / "observations"}"')
            found[name, beside] = charges(run)
            print(seed, name, f"beside {beside}:", ", ".join(found[name, beside]) or "nothing", flush=True)
    return found


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    found = {seed: of_seed(seed) for seed in SEEDS}
    lines = ["| subject | must be charged with | beside a retrained model | without one |", "|---|---|---|---|"]
    bad = []
    for name, charge in EXPECTED.items():
        cells = []
        for beside in ("retrained", "nothing"):
            hits = sum(charge in found[seed][name, beside] for seed in SEEDS)
            cells.append(f"{hits} of {len(SEEDS)}")
            if hits < len(SEEDS):
                bad.append(f"{name} beside {beside}")
        lines.append(f"| {name} | {charge} | {cells[0]} | {cells[1]} |")
    cells = []
    for beside in ("retrained", "nothing"):
        cases = [charged for seed in SEEDS for (name, by), charged in found[seed].items()
                 if name.startswith("retrained-") and by == beside]
        accused = sum(bool(charged) for charged in cases)
        cells.append(f"{accused} of {len(cases)} charged")
        if accused > 0.05 * len(cases):
            bad.append(f"retrained models beside {beside}")
    lines.append(f"| retrained, other seeds | nothing | {cells[0]} | {cells[1]} |")
    note = "<!-- Written by scripts/verdicts.py. -->\n\n"
    (ROOT / "docs/verdict-table.md").write_text(note + "\n".join(lines) + "\n")
    print("\n".join(lines))
    if bad:
        print("not as it must be:", ", ".join(bad), file=sys.stderr)
        sys.exit(1)


main()
