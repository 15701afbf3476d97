#!/usr/bin/env bash
# Score a checkpoint on several ranks: GPUs where there are any, else CPU processes (gloo).
#   tools/dist_test.sh CONFIG CHECKPOINT RANKS [options of test.py]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each of them.
# PYTHON chooses the interpreter.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: $0 CONFIG CHECKPOINT RANKS [options of test.py]" >&2
  exit 2
fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
  # A free port by itself: two trainings on one machine do not collide.
  where=(--standalone)
else
  where=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}")
fi
export PYTHONPATH="$tools/../projects${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python}" -m torch.distributed.run "${where[@]}" --nproc_per_node="$3" \
  "$tools/test.py" "$1" "$2" --launcher pytorch "${@:4}"
