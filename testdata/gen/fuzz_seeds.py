"""Writes the seeds of the fuzz targets: small valid files.

Python's standard library alone; from the root of the repository: python testdata/gen/fuzz_seeds.py fuzz/seeds
"""

import json
import pathlib
import struct
import sys

import tiny

ROOT = pathlib.Path(sys.argv[1])
MODELS = pathlib.Path("testdata/golden/models")


def put(name, content):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    assert len(raw) < 20_000, name
    path.write_bytes(raw)


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


entries, length = tiny.header()
put("safetensors/tiny.safetensors", tiny.safetensors(entries, bytes(length)))
entries, length = tiny.header("F32", 4)
put("safetensors/float32.safetensors", tiny.safetensors({"__metadata__": {"format": "pt"}} | entries, bytes(length)))
put("safetensors/index.json", dump({"metadata": {}, "weight_map": {name: "a.safetensors" for name in tiny.SHAPES}}))
put("config/tiny.json", dump(tiny.CONFIG))
for model in sorted(MODELS.iterdir()):
    put(f"config/{model.name}.json", (model / "config.json").read_text())
scaled = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8}
put("config/yarn.json", dump(tiny.CONFIG | {"rope_scaling": scaled}))
put("gguf/tiny.gguf", tiny.gguf())
many = {kind: (values, size) for kind, values, size in [
    (1, 1, 2), (2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34), (10, 256, 84), (11, 256, 110),
    (12, 256, 144), (13, 256, 176), (14, 256, 210), (20, 32, 18), (23, 256, 136), (28, 1, 8), (30, 1, 2),
    (35, 256, 66), (39, 32, 17)]}
put("gguf/kinds.gguf", tiny.gguf(table=[[f"t{kind}", [values], kind, bytes(range(size))]
                                        for kind, (values, size) in many.items()]))
put("gguf/sentencepiece.gguf", tiny.gguf(entries=tiny.sentencepiece(["\u2581", "a", "b", "ab"])))
divisors = ["rope_freqs.weight", [1], 0, struct.pack("<f", 1.0)]
put("gguf/divisors.gguf", tiny.gguf(table=tiny.tensors() + [divisors]))
put("chat_template/chatml.jinja", "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'].strip() }}"
    "{% endfor %}{% if add_generation_prompt %}{{ eos_token }}{% endif %}")
put("chat_template/namespace.jinja", "{%- set ns = namespace(last=none, n=0) -%}{% for m in messages | reverse %}"
    "{% if loop.first %}{% set ns.last = m %}{% elif m.role != 'user' %}{% set ns.n = ns.n + 1 %}{% endif %}"
    "{% endfor %}{{ ns.last.content | trim ~ ns.n | string }}{{ messages | tojson }}")
put("chat_template/macro.jinja", "{% macro turn(m, more=[]) %}{{ '%s: %s' | format(m.role, m.content) }}"
    "{{ more | join(', ') }}{% endmacro %}{# turns #}{% raw %}{{{% endraw %}{{ turn(messages[0], ['a'] * 3) }}"
    "{{ strftime_now('%d %b %Y') }}{% if messages[-1].role not in ['user'] %}{{ raise_exception('no') }}{% endif %}")
put("tokenizer/bpe.json", dump(tiny.TOKENIZER))
word = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "mira": 1, "##s": 2, "ca": 3, "##ts": 4}}
put("tokenizer/wordpiece.json", dump(tiny.TOKENIZER | {
    "model": word, "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                  "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[UNK]", "type_id": 0}},
                                                                {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                       "special_tokens": {"[UNK]": {"id": "[UNK]", "ids": [0], "tokens": ["[UNK]"]}}}}))
one = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["\u2581", -2.0], ["a", -1.5], ["at", -3.0]],
       "byte_fallback": False}
table = struct.pack("<I", 8) + struct.pack("<2I", 0, 1) + b"a\0"
import base64  # noqa: E402
put("tokenizer/unigram.json", dump(tiny.TOKENIZER | {
    "model": one, "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}}))
split = {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": False}
put("tokenizer/llama3.json", dump(tiny.TOKENIZER | {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    split, {"type": "Digits", "individual_digits": True}, tiny.TOKENIZER["pre_tokenizer"]]},
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "\u2581"}]}}))
