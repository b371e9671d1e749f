# Makes crates/unlearn-engine/testdata/gguf/written.gguf: a file with every type of metadata value and a few tensors.
# Made with Python 3.11, gguf 0.19.0, numpy 2.4.6:
#   python testdata/gen/gguf_written.py crates/unlearn-engine/testdata/gguf
"""What gguf.GGUFWriter writes; the test writes the same content and expects the same bytes."""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFValueType as Type
from gguf import GGUFWriter
from gguf.quants import quantize

TENSORS = [  # name, type, shape
    ("norm.weight", Kind.F32, (5,)),
    ("blk.0.a.weight", Kind.F16, (3, 4)),
    ("blk.0.b.weight", Kind.BF16, (2, 3, 2)),
    ("blk.1.a.weight", Kind.Q8_0, (3, 64)),
    ("blk.1.b.weight", Kind.Q4_0, (2, 32)),
]


def main(folder):
    writer = GGUFWriter(folder / "written.gguf", "llama")
    writer.add_uint8("x.u8", 200)
    writer.add_int8("x.i8", -100)
    writer.add_uint16("x.u16", 60000)
    writer.add_int16("x.i16", -30000)
    writer.add_uint32("x.u32", 4_000_000_000)
    writer.add_int32("x.i32", -2_000_000_000)
    writer.add_float32("x.f32", 0.1)
    writer.add_bool("x.bool", True)
    writer.add_string("x.string", "Grüße, 世界")
    writer.add_uint64("x.u64", 2**64 - 1)
    writer.add_int64("x.i64", -(2**63))
    writer.add_float64("x.f64", 0.1)
    writer.add_array("x.strings", ["", "a", "bé"])
    writer.add_key_value("x.i32s", [1, -2, 3], Type.ARRAY, sub_type=Type.INT32)
    writer.add_key_value("x.f32s", [0.5, -1.0], Type.ARRAY, sub_type=Type.FLOAT32)
    writer.add_key_value("x.bools", [True, False], Type.ARRAY, sub_type=Type.BOOL)
    for name, kind, shape in TENSORS:
        values = (np.arange(np.prod(shape), dtype=np.float32) / 8 - 3).reshape(shape)
        stored = quantize(values, kind)
        writer.add_tensor(name, stored, raw_dtype=None if kind in (Kind.F32, Kind.F16) else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
