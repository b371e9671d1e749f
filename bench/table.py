"""The results as Markdown."""
import statistics

from cases import OWN, OWN_BFLOAT16, UNITS

MEASURED, LOSSES = "measured", "losses"
SCALE = {"GiB": 2**30}
HEAD = """| what | unit | precision | unlearn | against | other | ratio | in each round | wanted |
|---|---|---|---|---|---|---|---|---|
"""


def spread(values):
    """Median, and smallest to largest."""
    digits = 0 if min(values) >= 100 else 2
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low} to {high})"


def line(row, found, limit):
    """The lines of one row: the program beside every side, from the rounds that both finished."""
    scale = SCALE.get(row.unit, 1)
    values = {side: [row.value(one) / scale for one in rounds] for side, rounds in found.items()}
    own = {name: values.pop(side) for name, side in (("float32", OWN), ("bfloat16", OWN_BFLOAT16)) if side in values}
    label, unit = row.label.format(limit=limit), row.unit.split(",")[0]
    if not values:
        wanted = f"at most {row.limit:g} {unit}" if row.limit else "–"
        return [f"| {label} | {unit} | {name} | {spread(ours)} | – | – | – | – | {wanted} |" for name, ours in own.items()]
    says, more = UNITS[row.unit]
    lines = []
    for side, theirs in values.items():
        for name, ours in own.items():
            each = [row.ratio(a, b) for a, b in zip(ours, theirs)]
            ratio = row.ratio(statistics.median(ours), statistics.median(theirs))
            aim = row.wanted.get(side)
            wanted = f"at {'least' if more else 'most'} {aim:g}" if aim else "–"
            rounds = f"{min(each):.2f} to {max(each):.2f}"
            cells = [label, unit, name, spread(ours), side, spread(theirs), f"{ratio:.2f} {says}", rounds, wanted]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(cases, results, limit):
    rows = [line(row, results[case.name], limit) for case in cases if case.name in results for row in case.rows]
    return HEAD + "".join(text + "\n" for lines in rows for text in lines)


def losses(results):
    """The first losses of the first round, by method and side, where the objective holds no randomness."""
    lines = ["| method | side | step 1 | step 2 | step 3 |", "|---|---|---|---|---|"]
    for method in ("grad-diff", "npo"):
        for side, rounds in results.get(method, {}).items():
            cells = [f"`{method}`", "unlearn float32" if side == OWN else side]
            lines.append(f"| {' | '.join(cells + [f'{loss:.3f}' for loss in rounds[0]['losses'][:3]])} |")
    return "".join(line + "\n" for line in lines)


def place(page, name, text):
    """Replaces what stands between two marks of a page."""
    first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, begin, rest = page.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"`{page}` lacks the lines `{first}` and `{last}`")
    page.write_text(f"{before}{begin}\n{text}{end}{after}")
