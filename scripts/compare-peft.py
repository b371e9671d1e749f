"""Adapters of `unlearn` in PEFT, and PEFT's in `unlearn`: logits, there and back.

    pip install torch==2.15.* transformers==5.23.* peft==0.21.* safetensors
    cargo build --release
    python scripts/compare-peft.py [OUT]

For several of the golden models: trains adapters here, loads them with PEFT and compares log-probabilities of tokens
with those of the merged model that the run wrote; then lets PEFT make adapters with random weights, reads that folder
here, and compares again. Exits with 1 when something differs by more than 1e-4.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNLEARN = ROOT / "target" / "release" / "unlearn"
MODELS = ROOT / "testdata" / "golden" / "models"
# What is adapted, and by which settings: every layout of linear layers, and names that PEFT must resolve.
CASES = {
    "llama": (["all-linear"], []),
    "qwen2": (["q_proj", "mlp.down_proj"], ["train.lora.rslora=true", "train.layers=1-2"]),
    "gpt2": (["all-linear"], ["train.lora.rank=4"]),
    "gpt-neox": (["query_key_value", "dense_4h_to_h"], []),
    "phi3": (["qkv_proj", "gate_up_proj"], ["train.lora.dropout=0.1"]),
    "gemma3": (["*.0.self_attn.q_proj.weight", "*.2.mlp.up_proj.weight"], []),
}


def ids(name):
    return load_file(MODELS / name / "golden.safetensors")["input_ids"]


def ours(model, rows, folder):
    """Log-probabilities of all tokens but the first."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"input_ids": r, "labels": r}) + "\n" for r in rows.tolist()))
    command = [UNLEARN, "score", "--model", model, "--input", path, "--json", "--quiet"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return torch.tensor([json.loads(line)["logprobs"][1:] for line in lines])


def theirs(model, rows):
    with torch.no_grad():
        scores = model(rows).logits.log_softmax(-1)
    return scores[:, :-1].gather(2, rows[:, 1:, None])[..., 0]


def base(name):
    return AutoModelForCausalLM.from_pretrained(MODELS / name, attn_implementation="eager", dtype=torch.float32).eval()


def report(what, difference, moved):
    ok = difference < 1e-4 and moved > 1e-2
    print(f"{what:44} differs by {difference:.1e}, moved {moved:.2f}  {'ok' if ok else 'NOT OK'}")
    return ok


def case(name, targets, settings, folder):
    rows = ids(name)
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps({"input_ids": r, "labels": r}) + "\n" for r in rows.tolist()))
    run = folder / "run"
    command = [UNLEARN, "train", "--model", MODELS / name, "--data", data, "--adapter", "lora", "--out", run, "--quiet"]
    for setting in [f"train.lora.targets={json.dumps(targets)}", "train.steps=5", "train.learning_rate=0.02", *settings]:
        command += ["--set", setting]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    plain = theirs(base(name), rows)
    loaded = theirs(PeftModel.from_pretrained(base(name), run / "adapter").eval(), rows)
    moved = (loaded - plain).abs().max().item()
    merged = theirs(AutoModelForCausalLM.from_pretrained(run / "model", attn_implementation="eager").eval(), rows)
    good = report(f"{name}: ours in PEFT, and merged by us", (loaded - merged).abs().max().item(), moved)
    mine = ours(run / "adapter", rows, folder)
    good &= report(f"{name}: ours in PEFT, and scored here", (loaded - mine).abs().max().item(), moved)

    torch.manual_seed(1)
    modules = sorted({m.split(".")[-1] for m in json.loads((run / "adapter" / "adapter_config.json").read_text())["target_modules"]})
    config = LoraConfig(r=3, lora_alpha=5, target_modules=modules, init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(base(name), config).eval()
    made = folder / "peft"
    model.save_pretrained(made)
    expected = theirs(model, rows)
    good &= report(f"{name}: PEFT's, scored here", (expected - ours(made, rows, folder)).abs().max().item(),
                   (expected - plain).abs().max().item())
    return good


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(tempfile.mkdtemp())
    good = True
    for name, (targets, settings) in CASES.items():
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        good &= case(name, targets, settings, folder)
    sys.exit(0 if good else 1)


main()
