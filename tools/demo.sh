#!/usr/bin/env bash
# The demo: make a synthetic data set, train a small EINet on it, score it, draw it.
#   tools/demo.sh [options of train.py]
# Everything it writes is in data/shapes and work_dirs/demo. PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python}
config=configs/einet_tiny_shapes.py
out=work_dirs/demo

step() { printf '\n== %s\n' "$*"; }
# Progress, scores and results; the whole log (environment, config, hooks) is in the work dir.
brief() { grep --line-buffered -E 'Iter\((train|val|test)\)|^[|+]|^Scores|^Finished|^  (best|last|logs)'; }

step '1/4 Synthetic shapes in data/shapes (the first time about 20 seconds)'
"$python" tools/dataset_converters/shapes.py data/shapes

step "2/4 Training on $("$python" -c 'import os; print(len(os.sched_getaffinity(0)))') cores" \
  '(about 5 minutes on 2; the lines below say how long is left, as eta)'
"$python" tools/train.py "$config" --work-dir "$out" "$@" | brief

step '3/4 Scoring the checkpoint (about 20 seconds)'
mkdir -p "$out/test"
checkpoint=$(cat "$out/last_checkpoint")
"$python" tools/test.py "$config" "$checkpoint" --work-dir "$out/test" | tee "$out/test/output.log" | brief

step '4/4 Drawing the contact sheet (about 20 seconds)'
"$python" tools/analysis_tools/contact_sheet.py "$config" "$checkpoint" --out "$out/contact_sheet.png"

step 'Done'
sed -n '/^Scores/,/^The scores/p' "$out/test/output.log"
cat <<TEXT
contact sheet:  $PWD/$out/contact_sheet.png
checkpoint:     $checkpoint
your images:    $python tools/image_demo.py IMAGE_OR_FOLDER $config $checkpoint
TEXT
