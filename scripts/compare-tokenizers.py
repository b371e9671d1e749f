#!/usr/bin/env python3
"""Holds our tokenizers against other software: compare-tokenizers.py TOKEN_IDS [GGUF ...]

TOKEN_IDS is `cargo build -p unlearn-engine --example token_ids`. 2,000 lines of mixed text are encoded with the small
vocabularies of testdata/gen/gguf_tokenizers.py (whose header has the versions), then with each GGUF file given, as
transformers reads it. Exit status 1 when ids differ.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "testdata/gen"))

import gguf_tokenizers  # noqa: E402
from tokenizers import pre_tokenizers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

LINES = 2000


def ours(program, model, lines, scratch):
    texts, out = scratch / "texts.jsonl", scratch / "out.jsonl"
    texts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    subprocess.run([program, model, texts, out], check=True)
    return [json.loads(line)["ids"] for line in out.read_text().split("\n") if line]


def theirs(path, lines):
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    if "SmolLM" in path.name:
        # transformers does not read the name of the pre-tokenizer here; so SmolLM2's own tokenizer.json cuts.
        parts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    return [tokenizer.encode(line) for line in lines]


def compare(name, lines, expected, found):
    differ = [at for at, ids in enumerate(expected) if ids != found[at]]
    print(f"{name}: {len(differ)} of {len(lines)} lines differ, {sum(map(len, expected))} tokens")
    for at in differ[:5]:
        print(f"  {lines[at][:60]!r}\n    theirs {expected[at][:24]}\n    ours   {found[at][:24]}")
    return len(differ)


def main(program, files):
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gguf_tokenizers.main(folder, LINES)
        rows = [json.loads(row) for row in (folder / "expected.jsonl").read_text().split("\n") if row]
        lines = [row["text"] for row in rows]
        for path in sorted(folder.glob("*.gguf")):
            expected = [row[path.stem] for row in rows]
            wrong += compare(path.stem, lines, expected, ours(program, path, lines, folder))
        for path in map(Path, files):
            wrong += compare(path.name, lines, theirs(path, lines), ours(program, path, lines, folder))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
