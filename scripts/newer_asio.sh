# Sourced by test.sh.
#
# unpack_newer_asio
#
# Unpacks standalone Asio and Boost of Debian 13 into build/newer/root, unless that was done before.
# They come from the mirror that this machine's apt has Debian from. Nothing is installed, and what
# apt knows of the system is neither read nor changed: sources, lists and cache are in
# build/newer/apt until then. Prints on standard error only. Returns 1, with one line that says why, where
# there is no such mirror, or where it cannot be reached or has no such packages.
readonly NEWER_SUITE=trixie
readonly NEWER_PACKAGES=(libasio-dev libboost1.88-dev)

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

unpack_newer_asio() {
  local folder=$REPOSITORY/build/newer apt=$REPOSITORY/build/newer/apt mirror reason=''
  [[ ! -e $folder/root/unpacked ]] || return 0

  echo "unpacking ${NEWER_PACKAGES[*]} of Debian's $NEWER_SUITE into build/newer/root" >&2
  mirror=$(debian_mirror) || reason='apt has no mirror of Debian'
  rm -rf "$folder/root" "$apt"
  mkdir -p "$folder/root" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $NEWER_SUITE main" \
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
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
  if [[ -z $reason ]]; then
    (
      cd "$apt/packages"
      apt-get -q -c "$apt/apt.conf" -o APT::Update::Error-Mode=any update &&
        apt-get -q -c "$apt/apt.conf" download "${NEWER_PACKAGES[@]}" &&
        for package in *.deb; do dpkg -x "$package" "$folder/root" || exit 1; done
    ) >"$apt/log" 2>&1 </dev/null ||
      reason=$(grep -m 1 '^E: ' "$apt/log" || echo 'see build/newer/apt/log')
  fi
  if [[ -n $reason ]]; then
    echo "test.sh: no ${NEWER_PACKAGES[*]} of Debian's $NEWER_SUITE: $reason" >&2
    return 1
  fi
  rm -rf "$apt"
  touch "$folder/root/unpacked"
}
