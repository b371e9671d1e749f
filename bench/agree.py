"""Whether both sides did the same work; without that, no ratio means anything."""

"""Largest difference of the first step's loss, where the objective holds no randomness."""
LOSS = {"grad-diff": {"PyTorch float32": 0.01, "PyTorch bfloat16": 0.2}}
LOSS["npo"] = LOSS["grad-diff"]
PROBABILITY = 0.01
"""Greedy answers may part where two tokens are as likely as each other."""
ANSWERED = 0.1


class Disagreement(Exception):
    pass


def agreement(case, found):
    """By side, what was compared: the program's value and the side's. Refuses what is too far apart."""
    ours, compared = found["unlearn"], {}
    sides = [side for side in found if "PyTorch" in side and isinstance(ours, dict)]
    for side in sides:
        theirs = found[side]
        if "losses" in ours:
            counts = ours["tokens"], theirs["tokens"]
            hold(case, side, "number of tokens in a step", *counts, counts[0] == counts[1])
            losses = [ours["losses"][0], theirs["losses"][0]]
            limit = LOSS.get(case, {}).get(side)
            hold(case, side, "loss of the first step", *losses, limit is None or abs(losses[0] - losses[1]) <= limit)
            compared[side] = {"first loss": losses}
        elif "scores" in ours:
            names = sorted(ours["scores"].keys() & theirs["scores"].keys())
            compared[side] = {name: [ours["scores"][name], theirs["scores"][name]] for name in names}
            for name in (name for name in names if name.endswith("/probability")):
                both = compared[side][name]
                hold(case, side, f"`{name}`", *both, abs(both[0] - both[1]) <= PROBABILITY)
        elif "tokens" in ours:
            both = compared[side] = {"tokens": [ours["tokens"], theirs["tokens"]]}
            apart = abs(ours["tokens"] - theirs["tokens"])
            allowed = ANSWERED * ours["tokens"] if case == "generate" else 0
            hold(case, side, "number of tokens", *both["tokens"], apart <= allowed)
    return compared


def hold(case, side, what, ours, theirs, alike):
    if not alike:
        raise Disagreement(f"{case}: {side} has another {what}: {theirs}, not {ours}")
