#!/usr/bin/env bash
# Builds the stream harness where that is needed, and runs it: ./run.sh [flags]. The flags are the
# harness's own (./run.sh --help). What is printed about building goes to standard error.
set -euo pipefail

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/packages.sh
source "$REPOSITORY/scripts/packages.sh"
# shellcheck source=scripts/build.sh
source "$REPOSITORY/scripts/build.sh"

ensure_packages build
build_preset release bench_stream_harness
exec "$REPOSITORY/build/release/bin/bench_stream_harness" "$@"
