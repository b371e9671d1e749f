"""Tiny checkpoints in the two file formats, for attacks.py and fuzz_seeds.py. Python's standard library alone."""

import json
import struct

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 6, "hidden_size": 4,
    "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
}
LAYER = "model.layers.0."
SHAPES = {
    "model.embed_tokens.weight": [6, 4],
    LAYER + "self_attn.q_proj.weight": [4, 4],
    LAYER + "self_attn.k_proj.weight": [2, 4],
    LAYER + "self_attn.v_proj.weight": [2, 4],
    LAYER + "self_attn.o_proj.weight": [4, 4],
    LAYER + "mlp.gate_proj.weight": [4, 4],
    LAYER + "mlp.up_proj.weight": [4, 4],
    LAYER + "mlp.down_proj.weight": [4, 4],
    LAYER + "input_layernorm.weight": [4],
    LAYER + "post_attention_layernorm.weight": [4],
    "model.norm.weight": [4],
}


def product(shape):
    result = 1
    for size in shape:
        result *= size
    return result


def header(dtype="BF16", width=2):
    """The header of the tiny checkpoint's weights, and the length of its data."""
    entries, at = {}, 0
    for name, shape in SHAPES.items():
        end = at + width * product(shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, end]}
        at = end
    return entries, at


def safetensors(entries, data, length=None):
    """A file; `entries` is a header as an object or as bytes, `length` what is said of its length."""
    head = entries if isinstance(entries, bytes) else json.dumps(entries, separators=(",", ":")).encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + data


# GGUF's value types.
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TOKENS = ["<|end|>", "a", "b", "ab", "1", "\u0120"]


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key, kind, raw):
    return text(key) + struct.pack("<I", kind) + raw


def array(kind, count, raw):
    return struct.pack("<IQ", kind, count) + raw


def metadata():
    u32 = lambda key, value: (key, entry(key, U32, struct.pack("<I", value)))
    f32 = lambda key, value: (key, entry(key, F32, struct.pack("<f", value)))
    string = lambda key, value: (key, entry(key, STRING, text(value)))
    g = "tokenizer.ggml."
    return dict([
        string("general.architecture", "llama"), u32("llama.block_count", 1), u32("llama.context_length", 16),
        u32("llama.embedding_length", 4), u32("llama.feed_forward_length", 4), u32("llama.attention.head_count", 2),
        u32("llama.attention.head_count_kv", 1), f32("llama.attention.layer_norm_rms_epsilon", 1e-5),
        string(g + "model", "gpt2"), string(g + "pre", "gpt-2"),
        (g + "tokens", entry(g + "tokens", ARRAY, array(STRING, len(TOKENS), b"".join(map(text, TOKENS))))),
        (g + "token_type", entry(g + "token_type", ARRAY, array(I32, 6, struct.pack("<6i", 3, 1, 1, 1, 1, 1)))),
        (g + "merges", entry(g + "merges", ARRAY, array(STRING, 1, text("a b")))),
        u32(g + "eos_token_id", 0),
    ])


def sentencepiece(pieces, scores=None):
    """Metadata with a vocabulary of SentencePiece's form: an unknown token, an end token, and pieces."""
    g = "tokenizer.ggml."
    tokens = ["<unk>", "</s>"] + pieces
    scores = [-float(i) for i in range(len(tokens))] if scores is None else scores
    kinds = [2, 3] + [1] * len(pieces)
    kept = {key: raw for key, raw in metadata().items() if not key.startswith(g)}
    return kept | {
        g + "model": entry(g + "model", STRING, text("llama")),
        g + "tokens": entry(g + "tokens", ARRAY, array(STRING, len(tokens), b"".join(map(text, tokens)))),
        g + "token_type": entry(g + "token_type", ARRAY, array(I32, len(kinds), struct.pack(f"<{len(kinds)}i", *kinds))),
        g + "scores": entry(g + "scores", ARRAY, array(F32, len(scores), struct.pack(f"<{len(scores)}f", *scores))),
        g + "bos_token_id": entry(g + "bos_token_id", U32, struct.pack("<I", 1)),
        g + "eos_token_id": entry(g + "eos_token_id", U32, struct.pack("<I", 1)),
    }


def tensors():
    """Name, dimensions as in the file, type, data."""
    block = "blk.0."
    shapes = {
        "token_embd.weight": [4, 6], "output_norm.weight": [4], block + "attn_norm.weight": [4],
        block + "attn_q.weight": [4, 4], block + "attn_k.weight": [4, 2], block + "attn_v.weight": [4, 2],
        block + "attn_output.weight": [4, 4], block + "ffn_norm.weight": [4], block + "ffn_gate.weight": [4, 4],
        block + "ffn_up.weight": [4, 4], block + "ffn_down.weight": [4, 4],
    }
    return [[name, shape, 0, struct.pack(f"<{product(shape)}f", *range(product(shape)))]
            for name, shape in shapes.items()]


def gguf(entries=None, table=None, counts=None, version=3, alignment=32, offsets=None):
    """A file of metadata entries (bytes each) and tensors; `counts` and `offsets` are what is said of them."""
    entries = list((metadata() if entries is None else entries).values()) if not isinstance(entries, list) else entries
    table = tensors() if table is None else table
    said = counts or (len(table), len(entries))
    out = b"GGUF" + struct.pack("<IQQ", version, *said) + b"".join(entries)
    data = b""
    for place, (name, shape, kind, raw) in enumerate(table):
        offset = (offsets or {}).get(place, len(data))
        out += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, offset)
        data += raw + bytes(-len(raw) % alignment)
    return out + bytes(-len(out) % alignment) + data


TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [{"id": 0, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": False, "special": True}],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
              "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
              "vocab": {token: i for i, token in enumerate(TOKENS)}, "merges": [["a", "b"]]},
}
