# Sourced by run.sh, test.sh and .ci/run.
#
#   ensure_packages build                      what configuring and building needs
#   ensure_packages build test sanitize check  with what the tests, the sanitizers and the checks of
#                                              .ci/run need as well
#   ensure_packages programs                   clients, servers and peers of the programs
#   ensure_packages page                       what the page of results is drawn with
#
# Installs what is missing where there is apt. Elsewhere it names what is missing on standard error
# and returns 1. It asks the compiler and the path, not the package manager: that takes a few
# milliseconds, and holds wherever the things came from. Prints on standard error only.

# The only place that names the version of clang-format and clang-tidy: others format differently.
readonly CLANG_TOOLS_VERSION=14

# <group> <Debian package> <kind of probe> <what to look for>
readonly PACKAGE_TABLE="
build g++              compiler c++
build cmake            command  cmake
build ninja-build      command  ninja
build libasio-dev      header   asio.hpp
build libboost1.81-dev header   boost/asio/deferred.hpp
build libexpected-dev  header   tl/expected.hpp
build libssl-dev       header   openssl/ssl.h
build libcli11-dev     header   CLI/CLI.hpp
build libgtest-dev     header   gtest/gtest.h
build libgmock-dev     header   gmock/gmock.h
build libbenchmark-dev header   benchmark/benchmark.h
build libevent-dev     header   event2/buffer.h
test  python3          command  python3
test  pkg-config       command  pkg-config
test  strace           command  strace
test  openssl          command  openssl
test  curl             command  curl
test  iproute2         command  ip
test  spin             command  spin
test  gdb              command  gdb
test  relacy-dev       header   relacy/relacy.hpp
test  libjs-chart.js   file     /usr/share/javascript/chart.js/chart.min.js
programs python3           command python3
programs openssl           command openssl
programs curl              command curl
programs nginx             command nginx
programs libnginx-mod-stream file  /usr/lib/nginx/modules/ngx_stream_module.so
programs haproxy           command haproxy
programs tinyproxy-bin     command tinyproxy
programs redis-server      command redis-server
programs redis-tools       command redis-cli
programs nutcracker        command nutcracker
programs libhiredis-dev    header  hiredis/hiredis.h
page  libjs-chart.js   file     /usr/share/javascript/chart.js/chart.min.js
sanitize clang-19           command  clang++-19
sanitize libclang-rt-19-dev runtime  clang++-19
sanitize llvm-19            command  llvm-symbolizer-19
sanitize lld-19             command  ld.lld-19
sanitize clang-16           command  clang++-16
sanitize libclang-rt-16-dev runtime  clang++-16
sanitize llvm-16            command  llvm-symbolizer-16
check git              command  git
check ccache           command  ccache
check clang-format-$CLANG_TOOLS_VERSION command clang-format-$CLANG_TOOLS_VERSION
check clang-tidy-$CLANG_TOOLS_VERSION   command clang-tidy-$CLANG_TOOLS_VERSION
check shellcheck       command  shellcheck
check chromium         command  chromium
check valgrind         command  valgrind
"

# has_sanitizers <compiler>: whether it links them.
has_sanitizers() {
  "$1" -fsanitize=address -x c++ - -o /dev/null <<<'int main() {}' 2>/dev/null
}

# Prints the packages of the given groups whose probe finds nothing, one a line.
missing_packages() {
  local groups=" $* " probes='' group package kind name
  local -a compiler
  read -ra compiler <<<"${CXX:-c++}"
  while read -r group package kind name; do
    [[ -n $group && $groups == *" $group "* ]] || continue
    case $kind in
      compiler) command -v "${compiler[0]}" >/dev/null || echo "$package" ;;
      # Debian has servers where the path of a user does not lead.
      command) PATH=$PATH:/usr/sbin command -v "$name" >/dev/null || echo "$package" ;;
      runtime) has_sanitizers "$name" || echo "$package" ;;
      file) [[ -e $name ]] || echo "$package" ;;
      header) probes+="#if !__has_include(<$name>)"$'\n'"missing $package"$'\n#endif\n' ;;
    esac
  done <<<"$PACKAGE_TABLE"

  if command -v "${compiler[0]}" >/dev/null; then
    "${compiler[@]}" -std=c++20 -E -P -x c++ - <<<"$probes" | sed -n 's/^missing //p' | tr -d ' '
  else
    sed -n 's/^missing //p' <<<"$probes"
  fi
}

install_with_apt() {
  local as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "needed, and neither root nor sudo to install it with: $*" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: $*" >&2
  {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update ||
      echo "apt-get update failed; trying with the package lists that are there"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -q -y --no-install-recommends install "$@"
  } >&2 </dev/null
}

ensure_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  if command -v apt-get >/dev/null; then
    install_with_apt "${missing[@]}" || return 1
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
  fi
  echo "needed and not found (Debian's names): ${missing[*]}" >&2
  return 1
}
