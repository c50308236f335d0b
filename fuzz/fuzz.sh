#!/usr/bin/env bash
# fuzz.sh <program of libFuzzer> <folder of inputs>
#
# Runs the inputs of the folder, then makes
# BYTES_HANDOFF_TEST_COUNT inputs of up to 128 bytes, or else BYTES_HANDOFF_FUZZ_INPUTS (100,000) of
# up to 64, from the seed BYTES_HANDOFF_TEST_SEED (a new one).
# New inputs stay beside the program, in <program>.found; one that fails in <program>.failed-*.
set -euo pipefail

program=$1
inputs=$2
runs=${BYTES_HANDOFF_TEST_COUNT:-${BYTES_HANDOFF_FUZZ_INPUTS:-100000}}
longest=$([[ ${BYTES_HANDOFF_TEST_COUNT-} ]] && echo 128 || echo 64)
seed=${BYTES_HANDOFF_TEST_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
found=$program.found

rm -rf "$found"
mkdir "$found"
echo "to repeat: BYTES_HANDOFF_TEST_SEED=$seed BYTES_HANDOFF_TEST_COUNT=$runs"
# Room in the quarantine for more than any input allocates, and short stacks: both cost time.
export ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=16
# Whole: below, those that are longer than new ones may be are cut.
"$program" -verbosity=0 -timeout=10 -artifact_prefix="$program.failed-" "$inputs"/*
exec "$program" -runs="$runs" -seed="$seed" -max_len="$longest" -timeout=10 -reload=0 -verbosity=0 \
  -print_final_stats=1 -artifact_prefix="$program.failed-" "$found" "$inputs"
