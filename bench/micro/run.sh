#!/usr/bin/env bash
# A careful run of the micro benchmarks; --help says how.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: bench/micro/run.sh [--filter REGEX] [--repetitions N] [--min-time SECONDS] [--cpu N]
                          [--counters] [--out FOLDER]

Builds bench_micro as the release tree does, runs its benchmarks in random order, each N times
(default: 7, of 0.2 s each), and prints mean, median, deviation and their ratio.
  --filter REGEX   only the benchmarks whose name matches
  --cpu N          on this processor alone; the benchmarks with threads need more than one
  --counters       cycles, instructions, and misses of cache and branches of the whole run, by perf
  --out FOLDER     a new folder for micro.json, and counters.txt (default: results/micro-<time>)
USAGE
}

refuse() {
  echo "bench/micro/run.sh: $1" >&2
  exit 2
}

readonly COUNTERS=cycles,instructions,cache-misses,branch-misses
filter=. repetitions=7 min_time=0.2 cpu='' counters='' out=''
while (($#)); do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --counters) counters=yes ;;
    --filter | --repetitions | --min-time | --cpu | --out)
      (($# >= 2)) || refuse "$1: its value is missing"
      case $1 in
        --filter) filter=$2 ;;
        --repetitions) repetitions=$2 ;;
        --min-time) min_time=$2 ;;
        --cpu) cpu=$2 ;;
        --out) out=$2 ;;
      esac
      shift
      ;;
    *) refuse "'$1': not a flag; --help lists them" ;;
  esac
  shift
done
[[ $repetitions =~ ^[1-9][0-9]*$ ]] || refuse "--repetitions '$repetitions': must be a whole number, at least 1"
[[ $min_time =~ ^[0-9]+(\.[0-9]+)?$ ]] || refuse "--min-time '$min_time': must be a number of seconds"

command=()
if [[ -n $counters ]]; then
  # Where a machine has none, perf ends well and prints that it counted nothing.
  if ! tried=$(perf stat -x, -e "$COUNTERS" true 2>&1 >/dev/null) || [[ $tried == *'<not '* ]]; then
    refuse "--counters: this machine, or its perf, does not count $COUNTERS"
  fi
fi
if [[ -n $cpu ]]; then
  taskset -c "$cpu" true 2>/dev/null || refuse "--cpu '$cpu': must be the number of a processor that this process may use"
  command=(taskset -c "$cpu")
fi

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/packages.sh
source "$REPOSITORY/scripts/packages.sh"
# shellcheck source=scripts/build.sh
source "$REPOSITORY/scripts/build.sh"
program=${BYTES_HANDOFF_BENCH_MICRO:-} # a test's
if [[ -z $program ]]; then
  ensure_packages build
  build_preset release bench_micro
  program=$REPOSITORY/build/release/bin/bench_micro
fi
matching=$("$program" --benchmark_list_tests=true --benchmark_filter="$filter" 2>/dev/null) || matching=''
[[ -n $matching ]] || refuse "--filter '$filter': no benchmark has such a name"

out=${out:-results/micro-$(date +%Y%m%d-%H%M%S)}
if ! { mkdir -p "$(dirname "$out")" && mkdir "$out"; } 2>/dev/null; then
  refuse "--out '$out': must be a folder that can be made, and is not there"
fi
if [[ -n $counters ]]; then
  command=(perf stat -e "$COUNTERS" -o "$out/counters.txt" "${command[@]}")
fi

"${command[@]}" "$program" --benchmark_filter="$filter" \
  --benchmark_repetitions="$repetitions" --benchmark_min_time="$min_time" \
  --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true \
  --benchmark_out="$out/micro.json" --benchmark_out_format=json
echo "results: $out/micro.json"
