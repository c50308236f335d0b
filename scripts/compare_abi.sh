#!/usr/bin/env bash
# Compares the binary interface of two commits: scripts/compare_abi.sh <older> [<newer>]. The newer one is
# the working tree by default. Builds both as shared libraries in build/abi. Prints what abidiff says, and
# ends with its status: 0 if nothing changed, with the bit 4 if anything did and 8 if users break.
set -euo pipefail

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$REPOSITORY"

if (($# < 1 || $# > 2)) || [[ $1 == -* ]]; then
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
if ! command -v abidiff >/dev/null; then
  echo 'compare_abi.sh: abidiff is needed (Debian: abigail-tools)' >&2
  exit 2
fi

# build_commit <name> <commit, or nothing for the working tree>
build_commit() {
  local folder=$REPOSITORY/build/abi/$1 source=$REPOSITORY
  rm -rf "$folder"
  mkdir -p "$folder"
  if [[ -n $2 ]]; then
    source=$folder/source
    mkdir "$source"
    git archive --format=tar "$2" | tar -x -C "$source"
  fi
  {
    cmake -S "$source" -B "$folder/build" -G Ninja -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=Debug \
      -DCMAKE_CXX_FLAGS_DEBUG='-Og -g' -DBYTES_HANDOFF_CHECKS=OFF -DBYTES_HANDOFF_BUILD_EXAMPLES=OFF \
      -DCMAKE_UNITY_BUILD=ON &&
      cmake --build "$folder/build" &&
      cmake --install "$folder/build" --prefix "$folder/prefix"
  } >"$folder/log" 2>&1 || {
    echo "compare_abi.sh: building '${2:-the working tree}' failed; the log is build/abi/$1/log" >&2
    exit 2
  }
}

build_commit older "$1"
build_commit newer "${2-}"
status=0
for component in core testing; do
  echo "== bytes_handoff_$component"
  compared=0
  abidiff --headers-dir1 build/abi/older/prefix/include --headers-dir2 build/abi/newer/prefix/include \
    "build/abi/older/build/libbytes_handoff_$component.so" \
    "build/abi/newer/build/libbytes_handoff_$component.so" || compared=$?
  ((status |= compared)) || true
done
exit "$status"
