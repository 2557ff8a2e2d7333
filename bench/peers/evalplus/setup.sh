#!/usr/bin/env bash
# setup.sh FOLDER: clones EvalPlus at the commit that the committed results name, outside of this folder, and makes ready what scoring needs.
# Python packages: those of pip install evalplus, or Debian's python3-{numpy,psutil,tqdm,termcolor,appdirs,wget,multipledispatch,fire,rich}.
# It imports four more that scoring never calls (they fetch data and ask models); where one is missing an empty module stands for it.
set -euo pipefail
folder=$(realpath -m "${1:?usage: setup.sh FOLDER}")
python=${PYTHON:-/usr/bin/python3}
[ -d "$folder/evalplus" ] || git clone --quiet "${EVALPLUS:-https://github.com/evalplus/evalplus}" "$folder/evalplus"
git -C "$folder/evalplus" checkout --quiet 26d6d00bb1fd0fa37f39c99d5290da67891d1c5e
absent() { # absent MODULE NAME…: a module whose names fail when they are called
    "$python" -c "import $1" 2>/dev/null && return
    mkdir -p "$folder/absent/$1"
    printf 'class _Absent:\n    def __init__(self, *a, **k):\n        raise RuntimeError("%s is not installed")\n%s = _Absent\n' "$1" "$(IFS='|'; echo "${*:2}" | sed 's/|/ = /g')" >"$folder/absent/$1/__init__.py"
}
absent datasets load_dataset
absent tempdir TempDir
absent tree_sitter Language Node Parser
absent tree_sitter_python language
PYTHONPATH="$folder/evalplus:$folder/absent" "$python" -c "import evalplus.evaluate"
echo "EvalPlus is ready in $folder"
