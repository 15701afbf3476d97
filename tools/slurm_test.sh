#!/usr/bin/env bash
# Score a checkpoint on a Slurm cluster: one task per GPU, on as many nodes as that takes.
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] tools/slurm_test.sh \
#     PARTITION JOB_NAME CONFIG CHECKPOINT [options of test.py]
# PORT is that of the first node, for several jobs on one node; PYTHON chooses the interpreter.
set -euo pipefail
if [ $# -lt 4 ]; then
  echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [options of test.py]" >&2
  exit 2
fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
export PYTHONPATH="$tools/../projects${PYTHONPATH:+:$PYTHONPATH}"
export MASTER_PORT="${PORT:-29500}"
# SRUN_ARGS holds several words. A rank that fails ends the others, which would wait for it.
# shellcheck disable=SC2086
exec srun --partition="$1" --job-name="$2" --gres="gpu:$per_node" --ntasks="$gpus" \
  --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} \
  "${PYTHON:-python}" -u "$tools/test.py" "$3" "$4" --launcher slurm "${@:5}"
