# Makes crates/unlearn-engine/testdata/gguf/quantised_k/*.bin: values, what this program stores for them in blocks of 256,
# and what the gguf package reads in these.
# Made with Python 3.11, gguf 0.19.0, numpy 2.4.6:
#   python testdata/gen/gguf_quantise_k.py target/release/unlearn crates/unlearn-engine/testdata/gguf/quantised_k
"""`values.bin` holds rows of 256 float32: the value matrix of a Llama of one layer, which the program converts to GGUF files.
`TYPE.bin` holds the matrix's bytes in such a file, then the float32 that gguf.quants.dequantize makes of them. The gguf package
does not write these types: the bytes are the program's own, the floats are not."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader
from gguf.quants import dequantize

KINDS = [Kind.Q4_K, Kind.Q5_K]
WIDTH, HEAD, VOCABULARY = 256, 16, 8
TENSOR = "blk.0.attn_v.weight"


def rows(random):
    for scale in [1e-5, 0.02, 1.0, 3e4]:
        yield random.normal(0, scale, WIDTH)
    yield random.standard_t(2, WIDTH)
    yield random.uniform(0, 1, WIDTH)
    yield -random.uniform(1, 2, WIDTH)
    yield np.repeat(random.normal(0, 1, 8), 32)
    yield random.normal(0, np.repeat(10.0 ** np.arange(-4, 4), 32))  # a size for each group
    yield np.where(np.arange(WIDTH) == 70, -100.0, random.normal(0, 1, WIDTH))
    yield np.eye(WIDTH)[200] * 5.3
    yield np.zeros(WIDTH)
    yield np.full(WIDTH, 0.7)
    yield np.full(WIDTH, -0.7)
    yield random.uniform(-1, 1, WIDTH) * 1e-40
    yield np.arange(WIDTH) % 16 - 8.0


def model(folder, values):
    p = "model.layers.0."
    weights = {
        "model.embed_tokens.weight": np.zeros((VOCABULARY, WIDTH)),
        "lm_head.weight": np.zeros((VOCABULARY, WIDTH)),
        "model.norm.weight": np.ones(WIDTH),
        p + "input_layernorm.weight": np.ones(WIDTH),
        p + "post_attention_layernorm.weight": np.ones(WIDTH),
        p + "self_attn.q_proj.weight": np.zeros((HEAD, WIDTH)),
        p + "self_attn.k_proj.weight": np.zeros((HEAD, WIDTH)),
        p + "self_attn.v_proj.weight": values,
        p + "self_attn.o_proj.weight": np.zeros((WIDTH, HEAD)),
        p + "mlp.gate_proj.weight": np.zeros((WIDTH, WIDTH)),
        p + "mlp.up_proj.weight": np.zeros((WIDTH, WIDTH)),
        p + "mlp.down_proj.weight": np.zeros((WIDTH, WIDTH)),
    }
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": HEAD,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 32,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config))
    header, data = {}, b""
    for name, weight in weights.items():
        stored = weight.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": weight.shape, "data_offsets": [len(data), len(data) + len(stored)]}
        data += stored
    header = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)


def main(program, folder):
    folder.mkdir(parents=True, exist_ok=True)
    values = np.stack(list(rows(np.random.default_rng(20242)))).astype("<f4")
    assert values.shape == (HEAD, WIDTH)
    (folder / "values.bin").write_bytes(values.tobytes())
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        model(place, values)
        for kind in KINDS:
            name = kind.name.lower()
            file = place / f"{name}.gguf"
            subprocess.run([program, "convert", place, file, "--dtype", name, "--quiet"], check=True, stdout=subprocess.DEVNULL)
            tensor = next(t for t in GGUFReader(file).tensors if t.name == TENSOR)
            assert tensor.tensor_type == kind
            stored = np.array(tensor.data, np.uint8)
            read = dequantize(stored, kind).astype("<f4").reshape(HEAD, WIDTH)
            (folder / f"{name}.bin").write_bytes(stored.tobytes() + read.tobytes())
            error = np.sqrt(((read - values) ** 2).mean(-1))
            print(name, *(f"{e:.1e}" for e in error))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
