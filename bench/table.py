"""The results as Markdown."""
import statistics

from cases import OWN, OWN_BFLOAT16, UNITS

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
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


def place(page, text):
    """Replaces what stands between the marks of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"`{page}` lacks the lines `{BEGIN}` and `{END}`")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
