#!/usr/bin/env python3
"""Holds a checkpoint folder against transformers: compare-transformers.py UNLEARN MODEL ROWS [LIMIT]

Loads MODEL with transformers (torch==2.15.0, transformers==5.23.0), computes the loss of every row as
`UNLEARN score --json` lists its tokens, and compares. Exit status 1 when a loss differs by more than 1e-3.
"""
import json
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

program, folder, rows = sys.argv[1:4]
limit = int(sys.argv[4]) if len(sys.argv) > 4 else None
printed = subprocess.run([program, "score", "--model", folder, "--input", rows, "--json", "--quiet"],
                         check=True, capture_output=True, text=True).stdout
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)

worst, texts, lines = 0.0, 0, printed.splitlines()[:limit]
for line, source in zip(lines, open(rows)):
    row, source = json.loads(line), json.loads(source)
    ids = torch.tensor([row["tokens"]])
    with torch.no_grad():
        logprobs = torch.log_softmax(model(ids).logits[0, :-1].float(), -1)
    chosen = logprobs[torch.arange(ids.shape[1] - 1), ids[0, 1:]]
    supervised = torch.tensor(row["supervised"][1:])
    worst = max(worst, abs(-chosen[supervised].mean().item() - row["nll"]))
    if tokenizer.chat_template and "question" in source:
        chat = [{"role": "user", "content": source["question"]}, {"role": "assistant", "content": source["answer"]}]
        theirs = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=True)["input_ids"]
        texts += theirs == row["tokens"][: len(theirs)]
print(f"loss: largest difference {worst:.2e} over {len(lines)} rows; tokens the same for {texts}")
sys.exit(0 if worst <= 1e-3 and texts in (0, len(lines)) else 1)
