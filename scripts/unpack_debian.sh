#!/usr/bin/env bash
# scripts/unpack_debian.sh <folder> <suite> whole|alone <package>...
#
# Unpacks packages of a suite of Debian into the folder, unless that was done before. With `whole`
# come the packages that these need, so that the folder is a root for chroot; with `alone` come only
# the files of these. They come from the mirror that this machine's apt has Debian from. Nothing is
# installed or configured, and what apt knows of the system is neither read nor changed. Sources,
# lists and cache are in <folder>.apt until then. <folder>/unpacked lists the versions.
#
# Prints on standard error only. Ends with 1, and one line that says why, where there is no such
# mirror, where it cannot be reached, or where it has no such packages.
set -euo pipefail

# debian_mirror: where apt has this release of Debian from. Fails where it has not.
debian_mirror() {
  local release known
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
  # Without package lists apt knows names of suites alone, which other vendors use as well.
  # shellcheck disable=SC2016 # apt replaces it
  for known in 'Origin: Debian|Codename' '--no-release-info|Release'; do
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' \
      "${known%|*}" "${known#*|}: $release" 2>/dev/null | grep -m 1 . && return
  done
  return 1
}

# configure_apt <folder> <mirror> <suite>: an apt that knows the suite, and no installed package.
configure_apt() {
  local apt=$1
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $2 $3 main" \
    >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$apt";
Dir::State::Status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
CONF
}

# download <apt's folder> whole|alone <package>...: into its cache. `alone` names what it takes.
download() {
  local apt=$1 extent=$2
  shift 2
  apt-get -q -c "$apt/apt.conf" -o APT::Update::Error-Mode=any update
  if [[ $extent == whole ]]; then
    apt-get -q -y -c "$apt/apt.conf" --download-only install "$@"
  else
    (cd "$apt/cache/archives" && apt-get -q -c "$apt/apt.conf" download "$@")
  fi
}

# extract <apt's folder> <folder>: each package is deleted when it is unpacked, to save room. Of a
# suite that has /bin in /usr, packages have files in either.
extract() {
  local apt=$1 folder=$2 package merged
  for merged in bin sbin lib lib64; do
    mkdir -p "$folder/usr/$merged"
    ln -s "usr/$merged" "$folder/$merged"
  done
  for package in "$apt"/cache/archives/*.deb; do
    # Not dpkg -x: it would put a folder in place of a link to one.
    dpkg-deb --fsys-tarfile "$package" |
      tar --extract --keep-directory-symlink --no-same-owner --directory "$folder"
    # shellcheck disable=SC2016 # dpkg-deb replaces it
    dpkg-deb --show --showformat '${Package} ${Version}\n' "$package" >>"$apt/unpacked"
    rm "$package"
  done
}

folder=$1 suite=$2 extent=$3
shift 3
[[ ! -e $folder/unpacked ]] || exit 0

fail() {
  echo "$(basename "$0"): not unpacked from Debian's $suite: $*" >&2
  exit 1
}

echo "unpacking $* of Debian's $suite into $folder" >&2
mirror=$(debian_mirror) || fail 'apt has no mirror of Debian'
rm -rf "$folder" "$folder.apt"
mkdir -p "$folder"
apt=$(realpath "$folder").apt
configure_apt "$apt" "$mirror" "$suite"
download "$apt" "$extent" "$@" >"$apt/log" 2>&1 </dev/null ||
  fail "$(grep -m 1 '^E: ' "$apt/log" || echo "see $apt/log")"
extract "$apt" "$folder" >>"$apt/log" 2>&1 || fail "see $apt/log"
mv "$apt/unpacked" "$folder/unpacked"
rm -rf "$apt"
