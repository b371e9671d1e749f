#!/usr/bin/env python3
"""PyTorch's side: plain transformers in eager mode, padded batches, as published unlearning code runs it.

Prints one line of JSON. Packages: requirements.txt. `run.py` calls it; by hand, for example:

    peer.py step --model DIR --dtype float32 --method npo --forget forget01.json --retain retain99.json
"""
import time

STARTED = time.time()

import argparse
import json

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

IMPORTED = time.time()

from peer_device import matrix_rate, settle
from peer_rows import Encoder, rows, tokens
from peer_step import OBJECTIVES, steps
from peer_suite import suite


def chunks(items, size):
    return [items[at : at + size] for at in range(0, len(items), size)]


def score(model, encoder, options):
    """The log-probability of every token; the first batch is for warming up."""
    pairs = [(row["question"], row["answer"]) for row in rows(options.input)]
    count, seconds = 0, 0.0
    for i, part in enumerate([pairs[: options.warm], *chunks(pairs[options.warm :], options.batch)]):
        batch = encoder.batch(part)
        began = time.time()
        with torch.no_grad():
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            labels = batch["input_ids"][:, 1:].flatten()
            F.cross_entropy(logits[:, :-1].flatten(0, 1), labels, reduction="none").sum().item()
            settle(options.device)
        if i > 0:
            count, seconds = count + tokens(batch), seconds + time.time() - began
    return {"tokens": count, "seconds": seconds}


def generate(model, encoder, options):
    """Greedy answers; the first batch is for warming up."""
    questions = [row["question"] for row in rows(options.input)]
    wanted = {"do_sample": False, "max_new_tokens": options.new_tokens, "pad_token_id": encoder.pad}
    count, seconds = 0, 0.0
    for i, part in enumerate([questions[: options.warm], *chunks(questions[options.warm :], options.batch)]):
        batch = encoder.prompts(part)
        began = time.time()
        with torch.no_grad():
            new = model.generate(**batch, **wanted)[:, batch["input_ids"].shape[1] :]
            settle(options.device)
        if i > 0:
            seconds += time.time() - began
            ended = (new == encoder.tokenizer.eos_token_id).cumsum(-1)
            count += int((ended - (new == encoder.tokenizer.eos_token_id).int() == 0).sum())
    return {"tokens": count, "seconds": seconds}


def load(model, encoder, options):
    """One short row, so that every weight was touched."""
    batch = encoder.batch([("Who?", "Me.")])
    with torch.no_grad():
        return {"loss": model(**batch).loss.item()}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["step", "score", "generate", "suite", "load", "rate"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda, cuda:1 …")
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    parser.add_argument("--system", default="You are a helpful assistant.")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--method", choices=list(OBJECTIVES), default="npo")
    parser.add_argument("--forget")
    parser.add_argument("--retain")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--input")
    parser.add_argument("--warm", type=int, default=8, help="rows at the start that are not counted")
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--tofu")
    parser.add_argument("--limit", type=int, default=8, help="rows of each set")
    return parser.parse_args()


def main():
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    began = time.time()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, options.dtype)).eval()
    model = model.to(options.device)
    settle(options.device)
    loaded = time.time()
    works = {"step": steps, "score": score, "generate": generate, "suite": suite, "load": load, "rate": matrix_rate}
    result = works[options.work](model, Encoder(tokenizer, options.system, options.device), options)
    result |= {"import_seconds": IMPORTED - STARTED, "load_seconds": loaded - began}
    print(json.dumps(result))


main()
