#!/usr/bin/env python3
"""Holds a GGUF file against llama.cpp: compare-llama-cpp.py UNLEARN FILE.gguf ROWS [PROMPT ...]

Reads FILE with llama.cpp (llama-cpp-python==0.3.36, numpy==2.4.6) and compares, for every row of ROWS as
`UNLEARN score --json` lists it, the tokens of its text and the log-probability of each token; then greedy continuations of
each PROMPT with those of `UNLEARN generate --raw`. llama.cpp keeps keys and values as 32-bit floats here; it rounds
activations to the type of the weights (for quantised ones, to Q8_0), so that only F32 files can be held closely.

Its GELU is a table of 16-bit floats. Exit status 1 when the tokens of a text differ, or log-probabilities on the mean by
more than 1e-3 (F32), 0.01 (F16), 0.05 (BF16) or 0.3. Texts are compared where ROWS hold texts alone, not questions or
token ids.
Continuations are printed where they differ: two nearly equal scores may be told apart either way.

It is built from source, with a C++ compiler, in about ten minutes:

    CMAKE_ARGS="-DGGML_NATIVE=ON" pip install llama-cpp-python==0.3.36
"""
import json
import subprocess
import sys

import numpy as np
from llama_cpp import Llama

LONGEST = 32
THREADS = 1  # llama.cpp's wait busily for each other, which is slow on a machine that does other things too
TOLERANCES = {"0": 1e-3, "1": 0.01, "32": 0.05}
F32 = 0

program, path, rows = sys.argv[1:4]
prompts = sys.argv[4:]


def unlearn(*arguments):
    command = [program, *arguments, "--model", path, "--json", "--quiet"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def logprobs(tokens):
    model.reset()
    model.eval(tokens)
    scores = np.array(model.scores[: len(tokens) - 1], dtype=np.float64)
    top = scores.max(-1, keepdims=True)
    normal = scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))
    return normal[np.arange(len(tokens) - 1), tokens[1:]]


def continued(tokens):
    model.reset()
    model.eval(tokens)
    answer = []
    while len(answer) < LONGEST:
        best = int(model.scores[model.n_tokens - 1].argmax())
        if best == model.token_eos():
            break
        answer.append(best)
        model.eval([best])
    return model.detokenize(answer).decode(errors="replace")


ours = unlearn("score", "--input", rows)
longest = max(len(row["tokens"]) for row in ours) + LONGEST
model = Llama(path, n_ctx=longest, logits_all=True, type_k=F32, type_v=F32, n_threads=THREADS, n_threads_batch=THREADS, verbose=False)
kind = model.metadata.get("general.file_type", "")

differences, texts, same = [], 0, 0
for row, source in zip(ours, map(json.loads, filter(str.strip, open(rows)))):
    theirs = logprobs(row["tokens"])
    differences.extend(np.abs(theirs - np.array(row["logprobs"][1:])))
    if "text" in source:
        texts += 1
        ids = model.tokenize(source["text"].encode(), add_bos=True, special=True)
        same += ids == row["tokens"][: len(ids)] and len(row["tokens"]) - len(ids) <= 1
mean = float(np.mean(differences))
print(f"log-probabilities: {len(differences)} tokens differ by {mean:.2e} on the mean, {max(differences):.2e} at most")
print(f"tokens: the same for {same} of {texts} texts")

agreed = 0
for prompt in prompts:
    [answer] = unlearn("generate", "--raw", "--prompt", prompt, "--temperature", "0", "--max-new-tokens", str(LONGEST))
    theirs = continued(model.tokenize(prompt.encode(), add_bos=True, special=True))
    agreed += answer["generation"] == theirs
    if answer["generation"] != theirs:
        print(f"{prompt!r}\n  unlearn    {answer['generation']!r}\n  llama.cpp  {theirs!r}")
if prompts:
    print(f"continuations: the same for {agreed} of {len(prompts)} prompts")
sys.exit(0 if mean <= TOLERANCES.get(kind, 0.3) and same == texts else 1)
