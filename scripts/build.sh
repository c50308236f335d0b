# Sourced by run.sh, test.sh and .ci/run, after scripts/packages.sh.

# build_preset <preset> [target...]
#
# Configures build/<preset> unless that was done since the presets changed, and builds the targets (by default those of
# the preset). Everything goes to standard error and to build/<preset>/build.log; a build that has
# nothing to do prints nothing. Two calls for one preset wait for each other. Works from any folder.
build_preset() {
  local preset=$1 targets=()
  shift
  (($#)) && targets=(--target "$@")

  local tree=$REPOSITORY/build/$preset
  mkdir -p "$tree"
  (
    set -o pipefail
    command -v flock >/dev/null && flock 9
    cd "$REPOSITORY"
    {
      { [[ $tree/build.ninja -nt CMakePresets.json ]] ||
        { cmake --preset "$preset" && touch "$tree/build.ninja"; }; } &&
        cmake --build --preset "$preset" "${targets[@]}"
    } 2>&1 </dev/null | tee "$tree/build.log" |
      sed -u -e '/Re-checking globbed directories/d' -e '/ninja: no work to do/d' >&2
  ) 9>"$tree/.lock" || {
    echo "$(basename "$0"): building '$preset' failed; the log is build/$preset/build.log" >&2
    return 1
  }
}
