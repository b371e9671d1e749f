# Makes crates/unlearn-engine/testdata/gguf/rope_llama3.bin: the divisors of the rotary frequencies of Llama 3.2 1B.
# Made with Python 3.11, transformers 5.23.0, torch 2.15.0:
#   python testdata/gen/gguf_rope.py crates/unlearn-engine/testdata/gguf
"""The quotient of the plain and the scaled inverse frequencies, as transformers computes them, as float32."""

import sys
from pathlib import Path

import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

SCALING = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
HEAD_DIM = 64


def main(folder):
    config = LlamaConfig(
        hidden_size=2048, num_attention_heads=32, head_dim=HEAD_DIM, max_position_embeddings=131072, rope_parameters=SCALING
    )
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 1.0 / SCALING["rope_theta"] ** (torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM)
    (folder / "rope_llama3.bin").write_bytes((plain / scaled).numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
