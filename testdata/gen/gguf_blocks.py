# Makes crates/unlearn-engine/testdata/gguf/*.bin: stored blocks of every tensor type, then their values as float32.
# Made with Python 3.11, gguf 0.19.0, numpy 2.4.6:
#   python testdata/gen/gguf_blocks.py crates/unlearn-engine/testdata/gguf
"""One file per tensor type: half of the blocks quantised from normal values where gguf can, the rest random bytes with
finite scales; the expected values are those of gguf.quants.dequantize (float64: numpy's conversion). Q8_K is missing: gguf
does not decode it."""

import sys
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Kind
from gguf.quants import dequantize, quantize

# Type: (blocks, positions of the 16-bit scales in a block)
BLOCKS = {
    Kind.Q4_0: (16, [0]),
    Kind.Q4_1: (16, [0, 2]),
    Kind.Q5_0: (16, [0]),
    Kind.Q5_1: (16, [0, 2]),
    Kind.Q8_0: (16, [0]),
    Kind.Q2_K: (3, [80, 82]),
    Kind.Q3_K: (3, [108]),
    Kind.Q4_K: (3, [0, 2]),
    Kind.Q5_K: (3, [0, 2]),
    Kind.Q6_K: (3, [208]),
    Kind.IQ4_NL: (16, [0]),
    Kind.IQ4_XS: (3, [0]),
    Kind.TQ2_0: (3, [64]),
    Kind.MXFP4: (16, []),
    Kind.TQ1_0: (3, [52]),
}


def random_blocks(random, kind, count, scale_positions):
    size = GGML_QUANT_SIZES[kind][1]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for position in scale_positions:
        scales = random.normal(0, 0.05, (count, 1)).astype(np.float16)
        blocks[:, position : position + 2] = scales.view(np.uint8)
    if kind == Kind.MXFP4:
        blocks[:, 0] = np.concatenate([[0, 1, 2, 3], random.integers(100, 150, count - 4)])  # exponents
    return blocks


def quantised_blocks(random, kind, count):
    values = random.normal(0, 0.02, (count, GGML_QUANT_SIZES[kind][0])).astype(np.float32)
    try:
        return quantize(values, kind)
    except NotImplementedError:
        return np.empty((0, GGML_QUANT_SIZES[kind][1]), np.uint8)


def floats(random):
    values = random.normal(0, 1, 256)
    values[:6] = [0.0, -0.0, 1e-30, -1e-7, 65504.0, 1.0]
    yield "f32", values.astype(np.float32), values.astype(np.float32)
    yield "f64", values, values.astype(np.float32)
    yield "f16", values.astype(np.float16), dequantize(values.astype(np.float16), Kind.F16)
    bf16 = quantize(values.astype(np.float32).reshape(1, -1), Kind.BF16)
    yield "bf16", bf16, dequantize(bf16, Kind.BF16)


def main(folder):
    random = np.random.default_rng(20240)
    for name, stored, values in floats(random):
        write(folder, name, stored, values)
    for kind, (count, scale_positions) in BLOCKS.items():
        quantised = quantised_blocks(random, kind, count // 2)
        filler = random_blocks(random, kind, count - len(quantised), scale_positions)
        blocks = np.concatenate([quantised, filler])
        values = dequantize(blocks, kind)
        assert np.isfinite(values).all(), kind
        write(folder, kind.name.lower(), blocks, values)


def write(folder, name, stored, values):
    (folder / f"{name}.bin").write_bytes(stored.tobytes() + values.astype("<f4").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
