#!/usr/bin/env bash
# What optimisers, smoothing and averages take of memory beside plain gradient descent: the table of docs/results.md.
#
#   pip install torch==2.15.* transformers==5.23.*
#   cargo build                              # or --release, with PROFILE=release
#   scripts/optimiser-memory.sh              # prints a Markdown table; needs GNU time
#
# Three steps of four rows of 24 tokens on a llama of 35 million random weights; a copy is 4 bytes for each.
set -euo pipefail

unlearn=$(cd "$(dirname "$0")/.." && pwd)/target/${PROFILE:-debug}/unlearn
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
values=$(python3 - "$out" 2>"$out/log" <<'PYTHON'
import json, sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=8000, hidden_size=512, intermediate_size=1536, num_hidden_layers=8, num_attention_heads=8,
    num_key_value_heads=8, tie_word_embeddings=False, max_position_embeddings=256,
))
model.save_pretrained(f"{sys.argv[1]}/model")
with open(f"{sys.argv[1]}/rows.jsonl", "w") as file:
    for i in range(8):
        ids = [(7 * t + 13 * i) % 8000 for t in range(24)]
        file.write(json.dumps({"input_ids": ids, "labels": [-100] * 4 + ids[4:]}) + "\n")
print(sum(p.numel() for p in model.parameters()))
PYTHON
) || { cat "$out/log" >&2; exit 1; }

plain=
measure() { # COPIES FIELD=VALUE…
    local counted=$1 flags=()
    shift
    for field in "$@"; do flags+=(--set "train.$field"); done
    rm -rf "$out/run"
    /usr/bin/time -f %M -o "$out/time" "$unlearn" train --model "$out/model" --data "$out/rows.jsonl" --out "$out/run" \
        --quiet --set train.steps=3 --set train.batch_size=4 --set train.micro_tokens=64 --set train.save_seconds=1e9 \
        "${flags[@]}" >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
    local peak
    peak=$(<"$out/time")
    plain=${plain:-$peak}
    python3 -c "print('| \`$*\` | $counted | %.2f |' % (($peak - $plain) * 1024 / 4 / $values))"
}

echo '| beside `optimizer=sgd` | copies counted | measured |'
echo '|---|---|---|'
measure 0 optimizer=sgd
measure 1 optimizer=sgd momentum=0.9
measure 1 optimizer=lion
measure 2 optimizer=adamw
measure 0.5 optimizer=adamw optimizer_bits=8
measure 3 optimizer=sophia sophia.every=1
measure 5 optimizer=sophia sophia.every=1 sophia.curvature=hutchinson
measure 1 optimizer=sgd smooth.kind=sam
measure 1 optimizer=sgd smooth.kind=random
measure 2 optimizer=sgd smooth.kind=gradient-penalty
measure 1 optimizer=sgd average.kind=ema
