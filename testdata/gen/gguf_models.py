# Makes testdata/gguf/models/*.gguf: the golden models as llama.cpp's converter writes them, without vocabularies.
# Made with Python 3.11, transformers 5.23.0, torch 2.15.0, gguf 0.19.0, safetensors 0.8.0 and the converter that
# llama-cpp-python 0.3.36 carries (its source package, unpacked: vendor/llama.cpp):
#   pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36
#   python testdata/gen/gguf_models.py vendor/llama.cpp testdata/golden/models testdata/gguf/models
"""Runs the converter's own classes on each model. Four things are not as in a usual run:
- no vocabulary is written, only the ids of the special tokens, since the models have none;
- GPT-2's configuration of today lacks `n_ctx`, which the converter asks for;
- the converter takes 4 x width for Phi 2's inner width, which is another one here: the file gets the true one;
- it knows but one period of Gemma 3's layers, and no window of Mistral's: the file gets the keys that llama.cpp reads.
Behind the golden models come some with one layer, for settings that those do not have. GPT-2, the largest, is cut to
one layer too."""

import json
import sys
import tempfile
from pathlib import Path

LLAMA_CPP, GOLDEN, OUT = (Path(argument).resolve() for argument in sys.argv[1:])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from conversion import get_model_class  # noqa: E402

LONG = {"type": "longrope", "long_factor": [1.0, 1.5, 2.0, 4.0], "short_factor": [1.0, 1.0, 1.25, 1.5]}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 16.0}

# Name of the result: (golden model, changes to its configuration). `-fused` runs with --fuse-qkv.
VARIANTS = {
    "phi3-longrope": ("phi3", {"rope_scaling": LONG, "original_max_position_embeddings": 64, "sliding_window": 9}),
    "phi3-partial": ("phi3", {"partial_rotary_factor": 0.5}),
    "qwen2-yarn": ("qwen2", {"rope_scaling": YARN}),
    "gemma3-linear": ("gemma3", {"rope_scaling": {"rope_type": "linear", "factor": 8.0}, "sliding_window_pattern": 6}),
    "gemma3-global": ("gemma3", {"sliding_window_pattern": 1}),
    "phi-fused": ("phi", {}),
    "llama-fused": ("llama", {}),
}


def configuration(folder):
    older = folder / "config.v4.json"
    config = json.loads((older if older.exists() else folder / "config.json").read_text())
    if config["model_type"] == "gpt2":
        config["n_ctx"] = config["n_positions"]
    return config


def without_vocabulary(model):
    model.gguf_writer.add_tokenizer_model("none")
    model.gguf_writer.add_bos_token_id(model.hparams["bos_token_id"])
    model.gguf_writer.add_eos_token_id(model.hparams["eos_token_id"])
    model.gguf_writer.add_pad_token_id(model.hparams["pad_token_id"])


def corrected(model):
    writer, hparams = model.gguf_writer, model.hparams
    if hparams["model_type"] == "phi":
        del writer.kv_data[0]["phi2.feed_forward_length"]
        writer.add_feed_forward_length(hparams["intermediate_size"])
    if hparams["model_type"] == "gemma3_text" and hparams["sliding_window_pattern"] not in (1, 6):
        writer.add_sliding_window_pattern(hparams["sliding_window_pattern"])
    if hparams["model_type"] == "mistral":
        writer.add_sliding_window(hparams["sliding_window"])


def convert(config, folder, target, fuse_qkv):
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary = {str(token): token for token in range(config["vocab_size"])}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))
    converter = get_model_class(config["architectures"][0])

    class Converter(converter):
        model_arch = converter.model_arch

        def set_vocab(self):
            without_vocabulary(self)

        def set_gguf_parameters(self):
            super().set_gguf_parameters()
            corrected(self)

    model = Converter(
        folder, gguf.LlamaFileType.ALL_F32, target, hparams=config, model_name=target.stem, fuse_qkv=fuse_qkv
    )
    model.write()


def first_layer(tensors):
    later = ("layers.1.", "layers.2.", "h.1.", "h.2.")
    return {name: values for name, values in tensors.items() if not any(part in name for part in later)}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    runs = {folder.name: (folder.name, {}) for folder in sorted(GOLDEN.iterdir())} | VARIANTS
    one_layer = {"gpt2", *VARIANTS}
    for name, (golden, changes) in runs.items():
        with tempfile.TemporaryDirectory() as scratch:
            config = configuration(GOLDEN / golden) | changes
            tensors = load_file(GOLDEN / golden / "model.safetensors")
            if name in one_layer:
                config["n_layer" if golden == "gpt2" else "num_hidden_layers"] = 1
                tensors = first_layer(tensors)
            save_file(tensors, Path(scratch) / "model.safetensors", metadata={"format": "pt"})
            convert(config, Path(scratch), OUT / f"{name}.gguf", fuse_qkv=name.endswith("-fused"))


if __name__ == "__main__":
    main()
