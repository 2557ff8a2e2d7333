#!/usr/bin/env bash
# build.sh FOLDER: clones ik_llama.cpp at the commit that the committed results name, and builds its benchmarks for this processor.
set -euo pipefail
folder=${1:?usage: build.sh FOLDER}
[ -d "$folder" ] || git clone https://github.com/ikawrakow/ik_llama.cpp "$folder"
git -C "$folder" checkout --quiet "${IK_COMMIT:-8337e4cd3861406fc04e0854b1409cd1b027fbc9}"
cmake -S "$folder" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF -DBUILD_SHARED_LIBS=OFF
cmake --build "$folder/build" --target llama-bench llama-sweep-bench llama-batched-bench -j "$(nproc)"
