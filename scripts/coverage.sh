# Sourced by test.sh.

readonly CORE_LINE_COVERAGE_PERCENT=95

# What earlier runs of the tests have counted would be added to.
forget_coverage() {
  find "$REPOSITORY/build/coverage" -name '*.gcda' -delete
}

# Fails where the tests that have run reached too few lines of the core.
check_coverage() (
  cd "$REPOSITORY" || return
  gcovr --root . --object-directory build/coverage \
    --filter 'src/' \
    --filter 'include/bytes_handoff/core/' \
    --filter 'include/bytes_handoff/bytes[^/]*\.hpp' \
    --filter 'include/bytes_handoff/handoff_buffer\.hpp' \
    --exclude-unreachable-branches --exclude-throw-branches \
    --sort-uncovered --print-summary \
    --fail-under-line "$CORE_LINE_COVERAGE_PERCENT" build/coverage
)
