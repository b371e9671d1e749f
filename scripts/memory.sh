#!/usr/bin/env bash
# What training takes of memory, estimated and measured: the table of docs/results.md.
#
#   cargo build --release
#   scripts/memory.sh MODEL DATA.jsonl       # prints a Markdown table; needs GNU time
#
# Two steps of 32 rows each, micro-batches of 2048 tokens unless said otherwise.
set -euo pipefail

unlearn=$(cd "$(dirname "$0")/.." && pwd)/target/release/unlearn
model=${1:?give a model folder} data=${2:?give a data file}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

estimates=$("$unlearn" inspect "$model" --json)
estimate() { python3 -c 'import json,sys; print("%.2f GB" % (json.load(sys.stdin)["training_bytes"][sys.argv[1]] / 1e9))' "$1" <<<"$estimates"; }

measure() { # NAME ESTIMATE FLAGS…
    local name=$1 estimated=$2
    shift 2
    rm -rf "$out/run"
    /usr/bin/time -f "%M %e" -o "$out/time" "$unlearn" train --model "$model" --data "$data" --out "$out/run" --quiet \
        --set train.steps=2 --set data.limit=64 "$@" >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
    read -r kilobytes seconds <"$out/time"
    printf '| %s | %s | %s | %.0f |\n' "$name" "$estimated" \
        "$(python3 -c "print('%.2f GB' % ($kilobytes * 1024 / 1e9))")" "$seconds"
}

echo '| trained | estimated | measured peak | seconds in all |'
echo '|---|---|---|---|'
for mode in 'all weights' 'all weights, gradient checkpointing' 'adapters (rank 16)' \
    'adapters, gradient checkpointing' 'adapters, gradient checkpointing, frozen q8'; do
    flags=()
    [[ $mode == adapters* ]] && flags+=(--adapter lora)
    [[ $mode == *checkpointing* ]] && flags+=(--set train.gradient_checkpointing=true)
    [[ $mode == *q8* ]] && flags+=(--set train.frozen=q8)
    measure "$mode" "$(estimate "$mode")" "${flags[@]}"
done
measure 'adapters, `--max-memory 1GB`' 'at most 1.00 GB' --adapter lora --max-memory 1GB
measure 'all weights, `--max-memory 3GB`' 'at most 3.00 GB' --max-memory 3GB
