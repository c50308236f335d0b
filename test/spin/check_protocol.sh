#!/usr/bin/env bash
# Checks every state of the protocol: check_protocol.sh [--broken <sed script>] <model> [-D<macro>...]
#
# With --broken, a copy that the script has changed: then an error must be found. Exit status 77,
# for "skipped", where spin or a C compiler is missing.
set -euo pipefail

broken=''
if [[ $1 == --broken ]]; then
  broken=$2
  shift 2
fi
model=$1
shift

for program in spin cc; do
  if ! command -v "$program" >/dev/null; then
    echo "SKIPPED: $program is missing, so the protocol is not checked" >&2
    exit 77
  fi
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed -e "$broken" "$model" >"$scratch/model.pml"
if [[ -n $broken ]] && cmp -s "$model" "$scratch/model.pml"; then
  echo "the model has nothing that '$broken' changes" >&2
  exit 1
fi
cd "$scratch"
spin "$@" -a model.pml
# An error is found soon; all states take longer than a better compilation.
optimize=-O1
[[ -z $broken ]] || optimize=-O0
cc "$optimize" -w -DSAFETY -DCOLLAPSE -o pan pan.c
./pan -m10000 -w20 -n | tee report

if [[ -n $broken ]]; then
  grep -q 'errors: 1' report
elif grep -Eq 'max search depth too small|out of memory|interrupted' report; then
  exit 1
else
  grep -q 'errors: 0' report
fi
