"""Logits of the golden models with options changed that the thirteen do not have, by transformers.

    pip install torch==2.15.* transformers==5.23.* safetensors
    python testdata/gen/variants.py            # writes testdata/variants/{NAME}.json

Each file: the golden model, what is changed in its config.json, and the logits of the first row of its golden
`input_ids` (28 tokens), float32, eager attention.
"""

import json
import pathlib
import tempfile
import shutil

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

DATA = pathlib.Path(__file__).resolve().parent.parent


def scaled(**parameters):
    return {"rope_parameters": {"rope_theta": 10000.0, **parameters}}


LONG = [1.0 + 0.7 * i for i in range(4)]
SHORT = [1.0 + 0.1 * i for i in range(4)]

VARIANTS = {
    "linear": ("llama", scaled(rope_type="linear", factor=4.0)),
    # Rows of 28 tokens are longer than the 16 that the model was made for.
    "dynamic": ("llama", {**scaled(rope_type="dynamic", factor=4.0), "max_position_embeddings": 16}),
    "yarn": (
        "llama",
        scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=64),
    ),
    "yarn-settings": (
        "llama",
        scaled(
            rope_type="yarn",
            factor=8.0,
            original_max_position_embeddings=32,
            beta_fast=16.0,
            beta_slow=2.0,
            mscale=0.7,
            mscale_all_dim=1.3,
            truncate=False,
        ),
    ),
    "longrope-short": (
        "phi3",
        {
            **scaled(rope_type="longrope", long_factor=LONG, short_factor=SHORT, original_max_position_embeddings=64),
            "original_max_position_embeddings": 64,
        },
    ),
    "longrope-long": (
        "phi3",
        {
            **scaled(rope_type="longrope", long_factor=LONG, short_factor=SHORT, original_max_position_embeddings=16),
            "original_max_position_embeddings": 16,
        },
    ),
    "phi-linear": ("phi", {"rope_parameters": {
        "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "rope_type": "linear", "factor": 2.0}}),
    "gemma3-linear": ("gemma3", {"rope_parameters": {
        "full_attention": {"rope_theta": 1000000.0, "rope_type": "linear", "factor": 8.0},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}),
    "qwen2-windows": ("qwen2", {
        "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention"]}),
    "gpt-neox-sequential": ("gpt-neox", {"use_parallel_residual": False}),
    "gpt2-unscaled": ("gpt2", {"scale_attn_weights": False}),
    "mistral-wide": ("mistral", {"sliding_window": None}),
}

for name, (base, changes) in VARIANTS.items():
    folder = DATA / "golden" / "models" / base
    with tempfile.TemporaryDirectory() as temporary:
        shutil.copy(folder / "model.safetensors", temporary)
        config = json.loads((folder / "config.json").read_text()) | changes
        (pathlib.Path(temporary) / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_pretrained(temporary, attn_implementation="eager", dtype=torch.float32).eval()
    ids = load_file(folder / "golden.safetensors")["input_ids"][:1]
    with torch.no_grad():
        logits = model(ids).logits[0]
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    with torch.no_grad():
        moved = (plain(ids).logits[0] - logits).abs().max().item()
    assert moved > 1e-3, f"{name}: the option changes nothing ({moved})"
    print(f"{name:20} moves the golden logits by {moved:.3f}")
    values = [round(x, 6) for x in logits.flatten().tolist()]
    out = DATA / "variants" / f"{name}.json"
    out.write_text(json.dumps({"model": base, "config": changes, "logits": values}) + "\n")
