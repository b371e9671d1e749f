# Makes testdata/gguf/tokenizers/: small vocabularies as GGUF files, texts, and their token ids by other software.
# Made with Python 3.11, transformers 5.23.0, tokenizers 0.23.3, sentencepiece 0.2.3, protobuf 7.36.2, gguf 0.19.0:
#   python testdata/gen/gguf_tokenizers.py testdata/gguf/tokenizers 100
"""Vocabularies are trained on made-up text. Byte-level ones are encoded by transformers' own classes. SentencePiece's
are encoded by the sentencepiece package, which does not look for special tokens: texts are cut at these first, as
llama.cpp and the published tokenizers of Llama 2 do. Where a space is put in front, what transformers makes of the
`.model` file has to agree, or this stops. (Without one, as in Gemma, transformers 5.23 joins runs of spaces in another
order.)"""

import json
import random
import re
import sys
import tempfile
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import GPT2Tokenizer, GPTNeoXTokenizer, LlamaTokenizer, Qwen2Tokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
CONTROL_TOKENS = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
RUNS = ["\n\n", "\n\n\n", "\t\t", "  ", "   ", "    "]
USER_TOKENS = ["<tool>", "<b>"]

PLAIN = "the of and to in is that for it was on are as with his they be at one have this from or had by word but what"
PARTS = {
    "words": PLAIN.split() + [
        "Über", "naïve", "Straße", "señor", "ÉCOLE", "ﬁne", "ǅ", "İstanbul", "ſ", "Κόσμε", "Мир",
    ],
    "contractions": [
        "I'm", "DON'T", "we'Ll", "it's", "’tis", "y'all'd've", "'s", "''", "she’s",
    ],
    "numbers": [
        "7", "42", "2024", "1234567", "3.14", "1e-9", "0x1F", "٣٤٥", "１２", "²", "Ⅷ", "½", "1,000",
    ],
    "code": [
        "def f(x):", "    return x**2", "if (a != b) {", "}", "\tfor i in range(10):", "<div class='a'>", "a->b::c",
        "// TODO", "x+=1;", "#include <stdio.h>", "__init__", "snake_case", "CamelCase", "$HOME/.bashrc", "\\n",
    ],
    "emoji": [
        "🙂", "👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇫🇷🇩🇪", "😶‍🌫️", "❤️", "☃", "🧑🏿‍🚀", "‍",
    ],
    "cjk": [
        "你好世界", "日本語のテキスト", "カタカナ", "한국어", "漢字", "。", "「", "𠮷野家", "ㄅ", "ｶﾞ",
    ],
    "right to left": [
        "مرحبا", "بِسْمِ", "שָׁלוֹם", "لا", "‏", "‮abc‬", "فارسی",
    ],
    "indic": [
        "नमस्ते", "क्षि", "தமிழ்", "ภาษาไทย", "မြန်မာ",
    ],
    "combining": [
        "é", "a̐éö̲", "Z͑ͫ̓ͪ̂a̴l̨g̵o", "g̈", "각", "ộ", "⃝", "Å",
    ],
    "control": [
        "\x00", "\x01", "\x1b[31m", "\x7f", "\x85", "\x0b", "\x0c", "\r", "\r\n", "\ufffd", "\ufffe", "\U0010ffff",
    ],
    "spaces": [
        " ", "  ", "     ", "\t", "\t\t", "\n", "\n\n", "\n\n\n\n", " \n ", "\u00a0", "\u2003", "\u200b", "\u3000",
        "\ufeff", "\u2028", "▁", "▁▁", " ▁ ",
    ],
    "punctuation": [
        "...", "!?", "—", "«»", "\"\"", "(((", "====", "~~", "@#%", ",", ".", ";", "…", "¿", "`'", "&amp;", "€5",
    ],
    "bytes": [
        "<0x0A>", "<0x41>", "Ġ", "Ċ", "ĠĠ", "Ã©",
    ],
}
SPECIAL = [*CONTROL_TOKENS, *USER_TOKENS, "<unk>", " <s> ", "<tool>\n", "<s", "im_start|>"]


def texts(count, seed=7):
    """Lines of mixed text; the first ones are the parts on their own."""
    random.seed(seed)
    lines = ["", " ", "  a", "a ", *(part for parts in PARTS.values() for part in parts[:3]), *SPECIAL]
    random.shuffle(lines)
    lines = lines[: count // 4]
    while len(lines) < count:
        kinds = random.sample(list(PARTS), random.randint(1, 4))
        part = lambda: random.choice(PARTS[random.choice(kinds)]) + random.choice(["", " ", " "])  # noqa: E731
        line = "".join(part() for _ in range(random.randint(1, 12)))
        chance = random.random()
        if chance < 0.15:
            at = random.randint(0, len(line))
            line = line[:at] + random.choice(SPECIAL) + line[at:]
        elif chance < 0.25:
            for _ in range(8):
                line += chr(random.choice([random.randint(32, 0xD7FF), random.randint(0xE000, 0x1FFFF)]))
        elif chance < 0.28:
            line += random.choice(["a", "ab", "é", "世", "-", "1", "xyz", "👍"]) * random.randint(50, 400)
        lines.append(line)
    return lines


def corpus():
    """What vocabularies are trained on: more of the same, without special tokens."""
    random.seed(1)
    everything = [part for kind, parts in PARTS.items() if kind not in ("control", "bytes") for part in parts]
    plain = PARTS["words"]
    for _ in range(3000):
        yield " ".join(random.choice(plain if random.random() < 0.7 else everything) for _ in range(12))


def write(path, model, tokens, types, **more):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_bos_token_id(tokens.index("<s>"))
    writer.add_eos_token_id(tokens.index("</s>"))
    for name, value in more.items():
        getattr(writer, f"add_{name}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def added(tokenizer):
    special = [AddedToken(token, normalized=False, special=True) for token in CONTROL_TOKENS]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in USER_TOKENS])
    return tokenizer


def byte_level(folder, lines):
    """One vocabulary, cut in the ways of several families: `pre` and its ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=sorted(alphabet), show_progress=False,
                                  special_tokens=[*CONTROL_TOKENS, *USER_TOKENS])
    tokenizer.train_from_iterator(corpus(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    kinds = {**dict.fromkeys(CONTROL_TOKENS, CONTROL), **dict.fromkeys(USER_TOKENS, USER_DEFINED)}
    types = [kinds.get(token, NORMAL) for token in tokens]
    three, digits = r"\p{N}{1,3}", pre_tokenizers.Digits(individual_digits=True)
    llama3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + three
              + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

    def cut(first, regex):
        tokenizer = GPT2Tokenizer(vocab=model["vocab"], merges=merges)
        last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, last])
        return tokenizer

    ways = {
        "gpt-2": GPT2Tokenizer(vocab=model["vocab"], merges=merges),
        "qwen2": Qwen2Tokenizer(vocab=model["vocab"], merges=merges),
        "olmo": GPTNeoXTokenizer(vocab=model["vocab"], merges=merges),
        "smollm": cut(digits, True),
        "llama-bpe": cut(pre_tokenizers.Split(Regex(llama3), "isolated"), False),
    }
    ways["olmo"].backend_tokenizer.normalizer = normalizers.NFC()
    ids = {}
    for pre, tokenizer in ways.items():
        write(folder / f"{pre}.gguf", "gpt2", tokens, types, tokenizer_pre=pre, add_bos_token=False,
              token_merges=[" ".join(merge) for merge in merges])
        ids[pre] = [added(tokenizer).encode(line, add_special_tokens=False) for line in lines]
    return ids


def sentencepieces(folder, lines):
    """With and without a space in front; the latter, as Gemma, has runs of spaces that are not cut."""
    ids = {}
    for name, prefix in {"spm": True, "spm-gemma": False}.items():
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "tokenizer.model"
            train(model, prefix)
            processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
            write_pieces(folder / f"{name}.gguf", processor, prefix)
            theirs = LlamaTokenizer.from_pretrained(scratch).backend_tokenizer
        ids[name] = [around_special(processor, line) for line in lines]
        if prefix:
            # As the files published with Llama 2 and Phi 3 have it. Today's class leaves out the space before a space.
            theirs.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
            theirs.pre_tokenizer = None
            for line, found in zip(lines, ids[name]):
                assert theirs.encode(line, add_special_tokens=False).ids == found, (line, found)
    return ids


def around_special(processor, line):
    special = "|".join(map(re.escape, [*CONTROL_TOKENS, *USER_TOKENS, "<unk>"]))
    found = []
    for part in re.split(f"({special})", line):
        whole = re.fullmatch(special, part)
        found += [processor.piece_to_id(part)] if whole else processor.encode(part) if part else []
    return found


def train(model, prefix):
    runs = [] if prefix else [run.replace(" ", "▁") for run in RUNS]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=corpus(), model_prefix=str(model.with_suffix("")), model_type="bpe", vocab_size=900,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        add_dummy_prefix=prefix, control_symbols=CONTROL_TOKENS[2:], user_defined_symbols=USER_TOKENS + runs,
        character_coverage=0.995, num_threads=1, minloglevel=2,
        allow_whitespace_only_pieces=True, max_sentence_length=100000,
    )


def write_pieces(path, processor, prefix):
    """As llama.cpp's converter does, with the types of a `tokenizer_config.json`: spaces, not what stands for them."""
    tokens, types = [], []
    for token in range(processor.vocab_size()):
        piece = processor.id_to_piece(token)
        kind = NORMAL
        if processor.is_unknown(token):
            kind = UNKNOWN
        elif processor.is_control(token):
            kind = CONTROL
        elif processor.is_byte(token):
            kind = BYTE
        elif piece.replace("▁", " ") in [*USER_TOKENS, *RUNS] and (piece in USER_TOKENS or not prefix):
            kind, piece = USER_DEFINED, piece.replace("▁", " ")
        tokens.append(piece)
        types.append(kind)
    whole = (CONTROL, USER_DEFINED)
    scores = [-1000.0 if kind in whole else processor.get_score(token) for token, kind in enumerate(types)]
    write(path, "llama", tokens, types, tokenizer_pre="default", token_scores=scores, unk_token_id=0,
          add_space_prefix=prefix, add_bos_token=False)


def main(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    lines = texts(count)
    expected = byte_level(folder, lines) | sentencepieces(folder, lines)
    rows = [{"text": line, **{name: ids[at] for name, ids in expected.items()}} for at, line in enumerate(lines)]
    content = "".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows)
    (folder / "expected.jsonl").write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
