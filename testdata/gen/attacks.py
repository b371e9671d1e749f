"""Writes the files of testdata/attacks/ that cannot be written by hand: binary ones, and large ones.

Python's standard library alone; from the root of the repository: python testdata/gen/attacks.py testdata/attacks
"""

import base64
import json
import pathlib
import struct
import sys

import tiny

ROOT = pathlib.Path(sys.argv[1])
MOST = 2**64 - 1


def put(name, content):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Safetensors: the tiny checkpoint, with one thing changed in its header or around it.
NORM, QUERIES = "model.norm.weight", "model.layers.0.self_attn.q_proj.weight"
ENTRIES, LENGTH = tiny.header()
DATA = bytes(LENGTH)


def weights(name, entries=ENTRIES, data=DATA, length=None):
    put(f"safetensors/{name}.safetensors", tiny.safetensors(entries, data, length))


def changed(tensor, **fields):
    return ENTRIES | {tensor: ENTRIES[tensor] | fields}


def ends(tensor, first, last):
    start, end = ENTRIES[tensor]["data_offsets"]
    return changed(tensor, data_offsets=[start + first, end + last])


HEAD = dump(ENTRIES)
weights("good")
weights("overlap", ends(NORM, -8, -8))
weights("hole", ends(NORM, 8, 8), DATA + bytes(8))
weights("beyond_the_end", ends(NORM, 1 << 20, 1 << 20))
weights("end_before_start", changed(NORM, data_offsets=[8, 0]))
weights("offsets_overflow", changed(NORM, data_offsets=[MOST - 7, MOST]))
weights("offset_negative", changed(NORM, data_offsets=[-8, 0]))
weights("offset_float", changed(NORM, data_offsets=[0.0, 8.0]))
weights("offset_nan", HEAD.replace("[0,48]", "[NaN,48]").encode())
weights("offset_text", changed(NORM, data_offsets=["0", "8"]))
weights("offsets_three", changed(NORM, data_offsets=[0, 4, 8]))
weights("header_beyond_the_end", length=len(HEAD) + LENGTH + 1)
weights("header_length_most", length=MOST)
weights("header_length_2_40", length=1 << 40)
weights("header_length_0", length=0)
weights("header_length_short", length=len(HEAD) - 1)
weights("data_cut", data=DATA[:-1])
weights("data_too_long", data=DATA + b"\0")
weights("no_data", data=b"")
weights("key_twice", HEAD.replace(f'"{NORM}"', f'"{QUERIES}"').encode())
weights("field_twice", HEAD.replace('"dtype":', '"dtype":"F32","dtype":', 1).encode())
weights("shape_2_40", changed(NORM, shape=[1 << 40]))
weights("shape_overflows", changed(NORM, shape=[1 << 33, 1 << 33]))
weights("shape_zero", changed(NORM, shape=[0], data_offsets=[LENGTH - 8, LENGTH - 8]), DATA[:-8])
weights("shape_zero_huge", changed(NORM, shape=[0, MOST], data_offsets=[LENGTH - 8, LENGTH - 8]), DATA[:-8])
weights("shape_none", changed(NORM, shape=[]))
weights("shape_negative", changed(NORM, shape=[-4]))
weights("shape_of_10000_ones", changed(NORM, shape=[4] + [1] * 10_000))
weights("dtype_unknown", changed(NORM, dtype="F17"))
weights("dtype_integers", changed(NORM, dtype="I16"))
weights("dtype_of_half_a_byte", changed(NORM, dtype="F4", shape=[16]))
weights("dtype_wider_than_the_data", changed(NORM, dtype="F64"))
weights("deep_shape", HEAD.replace("[6,4]", "[" * 5000 + "]" * 5000).encode())
weights("deep_metadata", ('{"__metadata__":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}").encode())
weights("metadata_numbers", {"__metadata__": {"format": 1}} | ENTRIES)
weights("not_utf8", HEAD.encode().replace(b"model.norm", b"model.n\xffrm"))
weights("not_json", b"\x80\x04\x95pickle" + bytes(16))
weights("an_array", b"[" * 64)
weights("name_empty", {name or "": entry for name, entry in ENTRIES.items()} |
        {"": {"dtype": "BF16", "shape": [4], "data_offsets": [LENGTH, LENGTH + 8]}}, DATA + bytes(8))
weights("name_of_10000_bytes", {("m" * 10_000 if name == NORM else name): e for name, e in ENTRIES.items()})
weights("tensors_100", ENTRIES | {f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [LENGTH, LENGTH]}
                                  for i in range(100)})
put("safetensors/empty.safetensors", b"")
put("safetensors/seven_bytes.safetensors", b"\0" * 7)
put("safetensors/eight_bytes_most.safetensors", b"\xff" * 8)


# GGUF: the tiny model, with one thing changed.
META, TABLE = tiny.metadata(), tiny.tensors()
LAST = len(TABLE) - 1


def model(name, **parts):
    put(f"gguf/{name}.gguf", tiny.gguf(**parts))


def with_entry(key, kind, raw):
    return META | {key: tiny.entry(key, kind, raw)}


def with_u32(key, value):
    return with_entry(key, tiny.U32, struct.pack("<I", value))


def with_tensor(place, **fields):
    names = ["name", "shape", "kind", "raw"]
    table = [list(tensor) for tensor in TABLE]
    for field, value in fields.items():
        table[place][names.index(field)] = value
    return table


def nested(depth):
    return tiny.array(tiny.ARRAY, 1, b"") * depth + tiny.array(tiny.U32, 0, b"")


def strings(*values):
    return tiny.array(tiny.STRING, len(values), b"".join(map(tiny.text, values)))


G = "tokenizer.ggml."
model("good")
model("tensors_most", counts=(MOST, len(META)))
model("tensors_65536", counts=(65_536, len(META)))
model("entries_most", counts=(len(TABLE), MOST))
model("entries_65536", counts=(len(TABLE), 65_536))
model("version_1", version=1)
model("version_most", version=2**32 - 1)
model("big_endian", version=3 << 24)
model("string_2_63", entries=with_entry("general.name", tiny.STRING, struct.pack("<Q", 1 << 63)))
model("key_2_63", entries=[struct.pack("<Q", 1 << 63)])
model("key_empty", entries=with_entry("", tiny.BOOL, b"\1"))
model("key_not_utf8", entries=[tiny.entry(b"\xff\xfe", tiny.BOOL, b"\1")])
model("key_twice", entries=list(META.values()) + [META["llama.block_count"]])
model("value_type_unknown", entries=with_entry("general.name", 99, b""))
model("array_2_60_numbers", entries=with_entry("a", tiny.ARRAY, tiny.array(10, 1 << 60, b"")))
model("array_2_61_times_8_overflows", entries=with_entry("a", tiny.ARRAY, tiny.array(10, 1 << 61, b"")))
model("array_most_strings", entries=with_entry("a", tiny.ARRAY, tiny.array(tiny.STRING, MOST, b"")))
model("array_most_arrays", entries=with_entry("a", tiny.ARRAY, tiny.array(tiny.ARRAY, MOST, b"")))
model("array_type_unknown", entries=with_entry("a", tiny.ARRAY, tiny.array(99, 0, b"")))
model("arrays_nested_4", entries=with_entry("a", tiny.ARRAY, nested(4)))
model("arrays_nested_1000", entries=with_entry("a", tiny.ARRAY, nested(1000)))
model("alignment_0", entries=with_u32("general.alignment", 0))
model("alignment_3", entries=with_u32("general.alignment", 3))
model("alignment_2_31", entries=with_u32("general.alignment", 1 << 31))
model("alignment_text", entries=with_entry("general.alignment", tiny.STRING, tiny.text("32")))
model("dimensions_0", table=with_tensor(LAST, shape=[]))
model("dimensions_5", table=with_tensor(LAST, shape=[4, 4, 1, 1, 1]))
model("dimension_zero", table=with_tensor(LAST, shape=[4, 0]))
model("dimensions_overflow", table=with_tensor(LAST, shape=[1 << 33, 1 << 33]))
model("dimensions_bytes_overflow", table=with_tensor(LAST, shape=[1 << 62]))
model("dimension_2_40", table=with_tensor(LAST, shape=[1 << 40]))
model("kind_unknown", table=with_tensor(LAST, kind=999))
model("kind_unsupported", table=with_tensor(LAST, kind=16))
model("kind_of_blocks", table=with_tensor(LAST, kind=8))
model("tensor_beyond_the_end", offsets={LAST: 1 << 20})
model("tensor_offset_most", offsets={LAST: MOST - 31})
model("tensor_offset_odd", offsets={LAST: 33})
model("tensors_overlap", offsets={LAST: 0})
model("tensor_twice", table=TABLE + [TABLE[LAST]])
model("tensor_name_not_utf8", table=with_tensor(LAST, name=b"blk.\xff.weight"))
model("tensor_name_empty", table=with_tensor(LAST, name=""))
model("tensor_missing", table=TABLE[:-1])
model("tensor_unknown", table=TABLE + [["blk.0.extra.weight", [4], 0, bytes(16)]])
model("tensor_of_layer_2_64", table=with_tensor(LAST, name="blk.18446744073709551616.ffn_down.weight"))
model("layers_most", entries=with_u32("llama.block_count", 2**32 - 1))
model("layers_0", entries=with_u32("llama.block_count", 0))
model("heads_most", entries=with_u32("llama.attention.head_count", 2**32 - 1))
model("head_width_most", entries=with_u32("llama.attention.key_length", 2**32 - 2))
model("width_0", entries=with_u32("llama.embedding_length", 0))
model("width_negative", entries=with_entry("llama.embedding_length", tiny.I32, struct.pack("<i", -4)))
model("context_most", entries=with_u32("llama.context_length", 2**32 - 1))
model("epsilon_nan", entries=with_entry("llama.attention.layer_norm_rms_epsilon", tiny.F32, struct.pack("<f", float("nan"))))
model("base_infinite", entries=with_entry("llama.rope.freq_base", tiny.F32, struct.pack("<f", float("inf"))))
model("architecture_unknown", entries=with_entry("general.architecture", tiny.STRING, tiny.text("lama")))
model("architecture_not_utf8", entries=with_entry("general.architecture", tiny.STRING, tiny.text(b"\xff")))
model("types_fewer_than_tokens", entries=with_entry(G + "token_type", tiny.ARRAY, tiny.array(tiny.I32, 1, struct.pack("<i", 3))))
model("types_negative", entries=with_entry(G + "token_type", tiny.ARRAY, tiny.array(tiny.I32, 6, struct.pack("<6i", *[-1] * 6))))
model("scores_fewer_than_tokens", entries=with_entry(G + "scores", tiny.ARRAY, tiny.array(tiny.F32, 1, bytes(4))))
model("tokens_twice", entries=with_entry(G + "tokens", tiny.ARRAY, strings("<|end|>", "a", "b", "ab", "1", "a")))
model("tokens_numbers", entries=with_entry(G + "tokens", tiny.ARRAY, tiny.array(tiny.U32, 6, bytes(24))))
model("tokens_not_utf8", entries=with_entry(G + "tokens", tiny.ARRAY, strings("<|end|>", "a", "b", "ab", "1", b"\xff")))
model("tokens_fewer_than_embeddings", entries={k: v for k, v in META.items() if k != G + "token_type"} | {
    G + "tokens": tiny.entry(G + "tokens", tiny.ARRAY, strings("a", "b", "ab"))})
model("tokens_more_than_embeddings", entries={k: v for k, v in META.items() if k != G + "token_type"} | {
    G + "tokens": tiny.entry(G + "tokens", tiny.ARRAY, strings("a", "b", "ab", "c", "d", "e", "f"))})
model("merge_of_unknown", entries=with_entry(G + "merges", tiny.ARRAY, strings("a z")))
model("merge_of_one", entries=with_entry(G + "merges", tiny.ARRAY, strings("ab")))
model("end_token_most", entries=with_u32(G + "eos_token_id", 2**32 - 1))
model("divisors_nan", table=TABLE + [["rope_freqs.weight", [1], 0, struct.pack("<f", float("nan"))]])
model("divisors_2_20", table=TABLE + [["rope_freqs.weight", [1 << 20], 0, b""]])
PIECES = ["\u2581", "a", "b", "ab"]
model("pieces", entries=tiny.sentencepiece(PIECES))
model("pieces_fewer_scores", entries=tiny.sentencepiece(PIECES, [0.0]))
model("pieces_nan_scores", entries=tiny.sentencepiece(PIECES, [float("nan")] * 6))
model("pieces_square", entries=tiny.sentencepiece(["a" * n for n in range(1, 180)]))
model("piece_of_5000_bytes", entries=tiny.sentencepiece(["a" * 5000]))
put("gguf/empty.gguf", b"")
put("gguf/magic_only.gguf", b"GGUF")
put("gguf/zip.gguf", b"PK\x03\x04" + bytes(28))


# JSON that is too large or too deep to write by hand.
put("config/deep.json", dump(tiny.CONFIG)[:-1] + ',"a":' + "[" * 10_000 + "]" * 10_000 + "}")
put("config/wide.json", dump(tiny.CONFIG)[:-1] + ',"a":[' + "0," * 9_000 + "0]}")
put("index/deep.json", '{"weight_map":' + '{"a":' * 5_000 + "1" + "}" * 5_001)


# Tokenizers: the tiny one, with one part in the place of another.
def tokenizer(name, **parts):
    put(f"tokenizer/{name}.json", dump(tiny.TOKENIZER | parts))


def sequence(parts, name="normalizers"):
    return {"type": "Sequence", name: parts}


def charsmap(length, table, pieces):
    raw = struct.pack("<I", length) + struct.pack(f"<{len(table)}I", *table) + pieces
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(raw).decode()}


def split(expression):
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


BPE, ADDED = tiny.TOKENIZER["model"], tiny.TOKENIZER["added_tokens"][0]
DOUBLES = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
PIECE = {"Sequence": {"id": "A", "type_id": 0}}
TWICE = {"type": "TemplateProcessing", "single": [PIECE, PIECE], "pair": [PIECE], "special_tokens": {}}
PAD = {"direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "<|end|>"}
tokenizer("good")
tokenizer("id_most", model=BPE | {"vocab": BPE["vocab"] | {"z": 2**32 - 1}})
tokenizer("id_2_32", model=BPE | {"vocab": BPE["vocab"] | {"z": 2**32}})
tokenizer("id_negative", model=BPE | {"vocab": BPE["vocab"] | {"z": -1}})
tokenizer("id_twice", model=BPE | {"vocab": BPE["vocab"] | {"z": 1}})
tokenizer("added_most", added_tokens=[ADDED | {"id": 2**32 - 1, "content": "<z>"}])
tokenizer("added_empty", added_tokens=[ADDED | {"content": ""}])
tokenizer("added_in_each_other", added_tokens=[ADDED | {"id": i, "content": "<" * i} for i in range(1, 40)])
tokenizer("added_of_normalized", added_tokens=[ADDED | {"id": 9, "content": "a", "normalized": True, "special": False}],
          normalizer=sequence([DOUBLES] * 8))
tokenizer("merge_of_unknown", model=BPE | {"merges": [["a", "z"]]})
tokenizer("merge_of_one", model=BPE | {"merges": ["ab"]})
tokenizer("deep", normalizer=None, model=json.loads("[" * 100 + "]" * 100))
put("tokenizer/very_deep.json", dump(tiny.TOKENIZER)[:-1] + ',"a":' + "[" * 10_000 + "]" * 10_000 + "}")
nest = {"type": "NFC"}
for _ in range(60):
    nest = sequence([nest])
tokenizer("deep_normalizer", normalizer=nest)
tokenizer("doubles_40_times", normalizer=sequence([DOUBLES] * 40))
tokenizer("expands_nothing", normalizer=sequence([{"type": "Replace", "pattern": {"Regex": ""}, "content": "aaaa"}] * 12))
tokenizer("bytes_of_bytes", pre_tokenizer=sequence([tiny.TOKENIZER["pre_tokenizer"]] * 40, "pretokenizers"))
tokenizer("twice_40_times", post_processor=sequence([TWICE] * 40, "processors"))
tokenizer("decoder_doubles", decoder=sequence([DOUBLES] * 40, "decoders"))
tokenizer("charsmap_length_most", normalizer=charsmap(2**32 - 1, [], b""))
tokenizer("charsmap_empty", normalizer=charsmap(0, [], b""))
tokenizer("charsmap_points_outside", normalizer=charsmap(8, [0x7FFFFFFF, 0x7FFFFFFF], b"a\0"))
tokenizer("charsmap_no_base64", normalizer={"type": "Precompiled", "precompiled_charsmap": "%%%%%%%%"})
tokenizer("pads_to_2_40", padding=PAD | {"strategy": {"Fixed": 1 << 40}})
tokenizer("pads_to_multiple_of_most", padding=PAD | {"strategy": "BatchLongest", "pad_to_multiple_of": 2**63})
tokenizer("truncates_to_nothing", truncation={"max_length": 1, "strategy": "LongestFirst", "stride": 9})
tokenizer("pieces_of_0", pre_tokenizer={"type": "FixedLength", "length": 0})
tokenizer("expression_invalid", pre_tokenizer=split("(((("))
tokenizer("expression_deep", pre_tokenizer=split("(" * 5000 + ")" * 5000))
tokenizer("expression_backtracks", pre_tokenizer=split("(a+)+$"))
tokenizer("expression_backtracks_back", pre_tokenizer=split("(a|a|aa)+\\1$"))
tokenizer("expression_repeats", pre_tokenizer=split("((((a{1,99}){1,99}){1,99}){1,99}){1,99}"))
tokenizer("unknown_id_most", model={"type": "Unigram", "unk_id": 2**63, "vocab": [["a", 0.0]], "byte_fallback": False})
tokenizer("unigram_empty", model={"type": "Unigram", "unk_id": None, "vocab": [], "byte_fallback": False})
tokenizer("unigram_infinite", model={"type": "Unigram", "unk_id": 0, "vocab": [["a", -1e308], ["b", 1e308]],
                                      "byte_fallback": False})
tokenizer("wordpiece_word_most", model={"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "",
                                        "max_input_chars_per_word": MOST, "vocab": {"a": 0}})
