#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: ./test.sh [whole|asan|tsan|all|fuzz|programs]
       ./test.sh long [label]

Builds and runs the tests; ends with CTest's summary, and stops at the first tree with a failure.
  (nothing)  assertions on, no sanitizer, on standalone Asio  (build/dev)
  whole      the same, with one process for each test program, which is faster  (build/dev)
  asan       AddressSanitizer and UndefinedBehaviorSanitizer, on Boost.Asio  (build/asan)
  tsan       ThreadSanitizer, the tests that start threads  (build/tsan)
  all        the three, one after the other
  programs   the programs of programs/ against their peers, all of it  (build/dev)
  fuzz       100,000 inputs for each fuzz target, by Clang's libFuzzer  (build/fuzz)
  long       the runs that take minutes or hours, or those of one label  (build/long). These labels
             have trees of their own:
             coverage  lists what the tests of the core do not reach of its lines and branches; fails
                       if test/coverage/exclusions.txt does not give a reason  (build/coverage)
             fuzz      20,000,000 inputs for each target  (build/fuzz)
             matrix    a choice of tests with the compilers and the Asio of three releases of Debian,
                       for arm64, and for Windows, as far as emulators go  (build/matrix)
             newer     the tests of the shell on the Asio and the Boost of Debian 13  (unpacked, and
                       built, in build/newer)
             units     looks at each source alone, and at all of a program in one, as the compiler
                       does: a choice of tests joins other sources  (build/alone, build/joined)
             spikes    the measurements of design records, which are only built  (build/release)
What is printed about building goes to standard error.
USAGE
}

refuse() {
  echo "test.sh: $1: expected whole, asan, tsan, all, fuzz, programs, long [label], or nothing" >&2
  exit 2
}

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ "$*" == 'long matrix' ]]; then
  exec "$REPOSITORY/test/matrix/run.py" --all
fi

labels=()
tests='' # the preset of the tests, if it is not that of the tree
if [[ "$*" == 'long fuzz' ]]; then
  export BYTES_HANDOFF_TEST_COUNT=${BYTES_HANDOFF_TEST_COUNT:-20000000}
  set -- fuzz
elif [[ "$*" == 'long newer' || "$*" == 'long coverage' || "$*" == 'long spikes' ||
  "$*" == 'long units' ]]; then
  set -- "$2"
elif [[ ${1-} == long ]] && (($# == 2)); then
  labels=(--label-regex "^$2\$" --no-tests=error)
  set -- long
fi
(($# <= 1)) || refuse "too many arguments ('$*')"
case ${1-} in
  -h | --help)
    usage
    exit 0
    ;;
  asan | tsan | fuzz | long | newer | coverage | spikes | units) presets=("$1") ;;
  whole)
    presets=(dev)
    tests=whole
    ;;
  all) presets=(dev asan tsan) ;;
  programs)
    presets=(dev)
    tests=programs
    ;;
  *)
    (($# == 0)) || refuse "unknown argument '$1'"
    presets=(dev)
    ;;
esac

# shellcheck source=scripts/packages.sh
source "$REPOSITORY/scripts/packages.sh"
# shellcheck source=scripts/build.sh
source "$REPOSITORY/scripts/build.sh"
# shellcheck source=scripts/coverage.sh
source "$REPOSITORY/scripts/coverage.sh"

groups=(build test)
[[ " ${presets[*]} " =~ \ (asan|tsan|fuzz|coverage|units)\  ]] && groups+=(sanitize)
[[ $tests != programs ]] || groups=(build programs)
ensure_packages "${groups[@]}"
if [[ $tests == programs ]]; then
  build_preset dev bytes_handoff_programs
  export BYTES_HANDOFF_PROGRAMS=$REPOSITORY/build/dev/programs/bin
  cd "$REPOSITORY/test/programs"
  exec python3 -B -m unittest discover --pattern '*_test.py'
fi
if [[ ${presets[*]} == spikes ]]; then
  build_preset release bench/micro/spike/all
  exit
fi
if [[ ${presets[*]} == units ]]; then
  cd "$REPOSITORY"
  for preset in alone joined; do
    echo "-- $preset"
    cmake --preset "$preset" >/dev/null
    scripts/check_units.py "build/$preset"
  done
  exit
fi
[[ ${presets[*]} != newer ]] || "$REPOSITORY/scripts/unpack_debian.sh" \
  "$REPOSITORY/build/newer/root" trixie alone libasio-dev libboost1.88-dev
for preset in "${presets[@]}"; do
  build_preset "$preset"
  [[ $preset != coverage ]] || start_counting
  # Older ThreadSanitizer runtimes refuse the address randomization of newer kernels.
  fixed_addresses=()
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed_addresses=(setarch "$(uname -m)" -R)
  fi
  (cd "$REPOSITORY" && "${fixed_addresses[@]}" ctest --preset "${tests:-$preset}" "${labels[@]}")
  [[ $preset != coverage ]] || check_coverage
done
