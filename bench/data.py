"""The rows that both sides read."""
import json

FEW = 8


def prepare(tofu, out, rows):
    """Writes the files of rows and returns them by name."""
    folder = out / "data"
    folder.mkdir(parents=True, exist_ok=True)
    questions = [row for name in ("forget01", "retain99") for row in lines(tofu / f"{name}.json")]
    # Every so many, so that rows of both sets and of many authors are there.
    spread = [questions[i * len(questions) // (FEW + rows)] for i in range(FEW + rows)]
    wrong = lines(tofu / "forget01_perturbed.json")
    doubled = [row | {"perturbed_answer": row["perturbed_answer"] + crossed(row["perturbed_answer"])} for row in wrong]
    sets = {"few": spread[:FEW], "many": spread, "five": wrong, "ten": doubled}
    sets["short"] = [{"question": "Who?", "answer": "Me."}]
    files = {name: folder / f"{name}.jsonl" for name in sets}
    for name, file in files.items():
        file.write_text("".join(json.dumps(row) + "\n" for row in sets[name]))
    return files


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def crossed(answers):
    """As many again of the same form: the first half of each with the second half of the next."""
    halves = [(a.split()[: len(a.split()) // 2], a.split()[len(a.split()) // 2 :]) for a in answers]
    return [" ".join(first + halves[(i + 1) % len(halves)][1]) for i, (first, _) in enumerate(halves)]
