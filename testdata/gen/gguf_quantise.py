# Makes crates/unlearn-engine/testdata/gguf/quantised/*.bin: values, and the bytes that each tensor type stores for them.
# Made with Python 3.11, gguf 0.19.0, numpy 2.4.6, on x86-64:
#   python testdata/gen/gguf_quantise.py crates/unlearn-engine/testdata/gguf/quantised
"""`values.bin` holds rows of 32 float32; `TYPE.bin` what gguf.quants.quantize makes of them: ordinary values of several
sizes, zeros of both signs, subnormal and huge ones, and values halfway between two steps of each type."""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf.quants import quantize

KINDS = [Kind.F16, Kind.BF16, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0]
WIDTH = 32


def rows(random):
    for scale in [1e-6, 1e-3, 0.02, 1.0, 30.0, 5000.0]:
        yield from random.normal(0, scale, (4, WIDTH))
        yield random.uniform(-scale, scale, WIDTH)
        yield random.uniform(0, scale, WIDTH)
    yield np.zeros(WIDTH)
    yield np.full(WIDTH, -0.0)
    yield np.full(WIDTH, 0.7)
    yield np.full(WIDTH, -0.7)
    yield np.eye(WIDTH)[5] * -3.25
    yield np.where(np.arange(WIDTH) % 2 == 0, 1.0, -1.0)  # two values share the largest magnitude
    yield np.where(np.arange(WIDTH) % 2 == 0, -1.0, 1.0)
    for largest in [1e-45, 1e-42, 1e-40, 3e-39, 1e-38, 1e-30, 6e-8, 1e-7]:  # subnormal, and with a step of no inverse
        yield random.uniform(-1, 1, WIDTH) * largest
    for largest in [65504.0, 65519.0, 65520.0, 1e5, 1e6, 9e6, 1e20, 1.6e38, 3.4e38]:  # up to and beyond a 16-bit scale
        yield random.uniform(-1, 1, WIDTH) * largest
    for step in [1.0, -1.0, 0.125, 3.0]:  # halfway between steps: of 127, 8, 16, 15 and 31 steps
        yield step * np.concatenate([[127], np.arange(31) - 15 + 0.5])
        yield step * np.concatenate([[127], (np.arange(31) - 15) * 8 + 0.5])
        yield step * np.concatenate([[-8], np.arange(16) - 8 + 0.5, np.arange(15) - 7])
        yield step * np.concatenate([[-16], np.arange(31) - 15 + 0.5])
        yield step * np.concatenate([[0, 15], np.arange(15) + 0.5, np.arange(15)])
        yield step * np.concatenate([[0, 31], np.arange(30) + 0.5])
    bits = np.arange(WIDTH, dtype=np.uint32)
    yield (np.uint32(0x3F808000) + (bits << 16)).view(np.float32)  # ties of BF16
    yield (np.uint32(0x3F801000) + (bits << 13)).view(np.float32)  # ties of F16
    yield (bits + 0.5) * 2.0**-24  # ties of F16's subnormals


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    values = np.stack(list(rows(np.random.default_rng(20241)))).astype(np.float32)
    (folder / "values.bin").write_bytes(values.astype("<f4").tobytes())
    for kind in KINDS:
        with np.errstate(all="ignore"):
            stored = quantize(values, kind)
        (folder / f"{kind.name.lower()}.bin").write_bytes(stored.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
