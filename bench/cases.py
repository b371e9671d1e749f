"""What is measured. A case runs in every round, each side as a process of its own; it gives one or more rows of the
table. Only figures of the same round are divided by each other."""
import dataclasses
from typing import Callable

from ours import RMU

SUITE = [
    "probability", "probability-paraphrased", "probability-perturbed", "probability-normalised", "truth-ratio", "rouge",
    "exact-memorization", "extraction-strength", "mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus",
]
WRONG = ["probability-perturbed"]
FLOAT32, BFLOAT16 = "PyTorch float32", "PyTorch bfloat16"
OWN, OWN_BFLOAT16 = "unlearn", "unlearn bfloat16"
PASSES = FLOAT32 + ", a pass a metric"
FULL_STEP, FIVE = "own full step", "own, with five"



# What each row's ratio says, and whether more of it is better.
UNITS = {"s": ("times as fast", True), "tokens/s": ("times as fast", True), "GiB": ("of its memory", False),
         "%": ("times as much", True), "s, more": ("times as long", False)}


@dataclasses.dataclass
class Row:
    """A row of the table; `wanted` is the ratio to each side that the program is to reach, or not to exceed."""

    name: str
    label: str
    unit: str
    wanted: dict = dataclasses.field(default_factory=dict)
    """Of what a side brought back, the value."""
    value: Callable = lambda found: found
    """What the value itself is not to exceed."""
    limit: float | None = None

    def ratio(self, ours, other):
        return other / ours if self.unit == "s" else ours / other


@dataclasses.dataclass
class Case:
    name: str
    rows: list
    """What the program does, given the one who measures it."""
    ours: Callable
    """What it is held against, by side: see `side`."""
    others: dict
    """Whether the program is also measured with products of bfloat16."""
    rounded: bool = True
    """Operations for each parameter and token; 0 where they are not counted."""
    operations: int = 0


def of(key):
    return lambda found: found[key]


def rate(found):
    return found["rate"] if "rate" in found else found["tokens"] / found["seconds"]


def share(found, times, dtype):
    """In percent, what of the rate of matrix products goes into `times` operations for each parameter and token."""
    return 100 * times * dtype["matrices"] * rate(found) / dtype["rate"]


def with_shares(case, found, rates):
    """The same with each side's share of the rate at which the device multiplies matrices of its numbers."""
    for side, one in found.items():
        if case.operations and isinstance(one, dict):
            one["share"] = share(one, case.operations, rates["bfloat16" if "bfloat16" in side else "float32"])
    return found


def stepping(method, flags, rows, peers=None):
    def step(peer):
        return lambda theirs: theirs.steps(peer)

    peers = peers or {"": method}
    others = {dtype + more: step(peer) for more, peer in peers.items() for dtype in (FLOAT32, BFLOAT16)}
    return Case(method, rows, lambda ours: ours.steps(method, *flags), others, operations=0 if flags else 6)


def both(do):
    return {FLOAT32: do, BFLOAT16: do}


FULL = {FLOAT32: 2.0, BFLOAT16: 1.25}
FROZEN = ", the rest frozen"

CASES = [
    stepping("grad-diff", (), [
        Row("grad-diff", "`grad-diff`, full step", "s", FULL, of("step")),
        Row("grad-diff-rate", "`grad-diff`, full step", "tokens/s", value=rate),
        Row("grad-diff-share", "`grad-diff`, full step, share of the matrix rate", "%", value=of("share")),
        Row("grad-diff-peak", "`grad-diff`, peak memory", "GiB", value=of("peak")),
    ]),
    stepping("npo", (), [
        Row("npo", "`npo`, full step", "s", FULL, of("step")),
        Row("npo-rate", "`npo`, full step", "tokens/s", value=rate),
        Row("npo-share", "`npo`, full step, share of the matrix rate", "%", value=of("share")),
        Row("npo-asked", "`npo`, full step and its share of asking the reference, if each row comes once", "s",
            value=of("step-asked")),
        Row("npo-peak", "`npo`, peak memory", "GiB", {FLOAT32: 0.5, BFLOAT16: 0.8}, of("peak")),
        Row("npo-start", "`npo`, start to first step, with two rows evaluated before", "s", value=of("start")),
    ]),
    stepping("rmu", RMU, [
        Row("rmu", "`rmu`, layers 5 to 7 trained", "s", {FLOAT32: 6.0, BFLOAT16: 3.0}, of("step")),
        Row("rmu-peak", "`rmu`, peak memory", "GiB", value=of("peak")),
    ], {"": "rmu", FROZEN: "rmu-frugal"}),
    Case("lora", [
        Row("lora", "`npo` with `--adapter lora`", "s", {FULL_STEP: 1.6}, of("step")),
        Row("lora-peak", "`npo` with `--adapter lora`, peak memory", "GiB", value=of("peak")),
    ], lambda ours: ours.steps("npo", "--adapter", "lora"), {FULL_STEP: lambda ours: ours.steps("npo")}, False),
    Case("8-bit", [
        Row("8-bit", "`npo` with `train.optimizer_bits=8`", "s", value=of("step")),
        Row("8-bit-peak", "`npo` with `train.optimizer_bits=8`, peak memory", "GiB", value=of("peak")),
    ], lambda ours: ours.steps("npo", "--set", "train.optimizer_bits=8"), {FULL_STEP: lambda ours: ours.steps("npo")}, False),
    Case("score", [
        Row("score", "scoring every token", "tokens/s", {FLOAT32: 1.6, BFLOAT16: 0.9}, rate),
        Row("score-share", "scoring, share of the matrix rate", "%", value=of("share")),
        Row("score-peak", "scoring, peak memory", "GiB", value=of("peak")),
    ], lambda ours: ours.score(), both(lambda theirs: theirs.score()), operations=2),
    Case("generate", [
        Row("generate", "greedy answers of at most 48 tokens, batch 8", "tokens/s", {FLOAT32: 2.0}, rate),
        Row("generate-peak", "greedy answers, peak memory", "GiB", value=of("peak")),
    ], lambda ours: ours.generate(), both(lambda theirs: theirs.generate()), False),
    Case("suite", [
        Row("suite", "TOFU's metrics, {limit} rows of each set, whole process", "s", {PASSES: 5.0}, of("seconds")),
    ], lambda ours: ours.suite(SUITE), {PASSES: lambda theirs: theirs.suite()}),
    Case("start", [Row("start", "`train`, start to first step", "s", limit=2.0)], lambda ours: ours.start(), {}, False),
    Case("load", [
        Row("load", "start, load and one short row scored", "s"),
    ], lambda ours: ours.load(), both(lambda theirs: theirs.load()), False),
    Case("doubled", [
        Row("doubled", "likelihoods of ten wrong answers a question", "s, more", {FIVE: 1.4}),
    ], lambda ours: ours.evaluated("ten", WRONG), {FIVE: lambda ours: ours.evaluated("five", WRONG)}, False),
    Case("doubled-suite", [
        Row("doubled-suite", "TOFU's metrics on `forget`, ten wrong answers a question", "s, more", {FIVE: 1.4}),
    ], lambda ours: ours.evaluated("ten", SUITE), {FIVE: lambda ours: ours.evaluated("five", SUITE)}, False),
]
