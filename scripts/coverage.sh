# Sourced by test.sh.

readonly COVERAGE_TREE=build/coverage
readonly COVERAGE_PROGRAMS=(core_tests model_tests)
# The same as the compiler's.
readonly COVERAGE_LLVM=19

# Each process counts in a file of its own, which is mapped: what ran before an abort is there. The
# child of a fork counts in its parent's. What earlier runs have counted would be added to.
start_counting() {
  local counts=$REPOSITORY/$COVERAGE_TREE/counts
  rm -rf "$counts"
  mkdir -p "$counts"
  export LLVM_PROFILE_FILE=$counts/%p%c.profraw
}

# Fails where the tests that have run left out a line or a branch of the core that
# test/coverage/exclusions.txt does not name, and where that names one which they reach.
check_coverage() (
  cd "$REPOSITORY" || return
  local tree=$COVERAGE_TREE program programs=()
  for program in "${COVERAGE_PROGRAMS[@]}"; do
    programs+=(--object "$tree/bin/$program")
  done
  "llvm-profdata-$COVERAGE_LLVM" merge --sparse -o "$tree/counts/all.profdata" \
    "$tree"/counts/*.profraw || return
  # It warns of functions that one program uses, and another one has and does not use.
  "llvm-cov-$COVERAGE_LLVM" export --instr-profile "$tree/counts/all.profdata" "${programs[@]}" \
    --sources include/bytes_handoff src >"$tree/counts/all.json" 2>"$tree/counts/export.log" || {
    cat "$tree/counts/export.log" >&2
    return 1
  }
  python3 scripts/core_coverage.py . "$tree" "$tree/counts/all.json" test/coverage/exclusions.txt
)
