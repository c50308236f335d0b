"""Roots that cells are run in: packages of a suite of Debian, unpacked into a folder of their own."""

import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MATRIX = REPOSITORY / "build" / "matrix"
# Where a cell builds, inside of its root. It is also its home.
TREES = "/trees"
# What each root has besides what roots.txt says.
EVERYWHERE = ["base-files", "dash", "coreutils", "grep", "cmake", "ninja-build", "libasio-dev",
              "libexpected-dev", "libssl-dev", "libgtest-dev", "libgmock-dev", "googletest"]
# apt's words for a package that a suite does not have.
NOT_OFFERED = re.compile(r"Unable to locate package|has no installation candidate")

# What scripts of packages make when they are installed, where programs need it: <file>, <link>.
LINKS = [("/usr/x86_64-w64-mingw32/lib/zlib1.dll",
          "usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll")]

# In namespaces of its own: what a cell mounts and starts is gone with it. $1 is the root, $2 the
# sources, $3 is TREES, and behind them is the command.
ENTER = """
set -e
mkdir -p "$1/source" "$1/proc" "$1/dev" "$1/tmp" "$1$3"
mount --bind "$2" "$1/source"
mount -o remount,bind,ro "$1/source"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
root=$1 home=$3
shift 3
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/usr/lib/wine LANG=C.UTF-8 HOME="$home" \
  WINELOADER=/usr/lib/wine/wine64 WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml= "$@"
"""


class NotOffered(Exception):
    """The suite has no such package."""


class Unreachable(Exception):
    """A root was not unpacked, and that says nothing about the library."""


class Root:
    """A root, with its layers. `name` is as in cells.txt: <root>+<layer>+..."""

    def __init__(self, name):
        self.name, *layers = name.split("+")
        self.folder = MATRIX / "roots" / self.name
        self.layers = layers

    def unpack(self):
        """Unless it is there."""
        known = table()
        suite, packages = known[self.name]
        unpack(self.folder, suite, "whole", EVERYWHERE + packages)
        for file, link in LINKS:
            made = self.folder / link
            if made.parent.is_dir() and not made.is_symlink():
                made.symlink_to(file)
        for layer in self.layers:
            suite, packages = known[f"{self.name}+{layer}"]
            unpack(self.folder / "layers" / layer, suite, "alone", packages)

    def layer_prefixes(self):
        return [f"/layers/{layer}/usr" for layer in self.layers]

    def version_of(self, package):
        """The upstream version of a package, a regular expression; a layer's goes before the root's.
        None: it is not there."""
        folders = [self.folder / "layers" / layer for layer in self.layers] + [self.folder]
        for folder in folders:
            match = re.search(rf"^{package} (?:\d+:)?([\w.]+)",
                              (folder / "unpacked").read_text(), re.MULTILINE)
            if match:
                return match[1].rstrip(".")
        return None

    def run(self, command, log, seconds):
        """The command's status, inside of the root. None: it took too long, and was killed."""
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        if os.geteuid() != 0:
            enter.append("--map-root-user")
        process = subprocess.Popen(
            [*enter, "sh", "-c", ENTER, "sh", self.folder, REPOSITORY, TREES, *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            return process.wait(timeout=max(seconds, 1))
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.kill()
            process.wait()


def table():
    """The lines of roots.txt: the suite and the packages of each name."""
    rows = [line.split() for line in (HERE / "roots.txt").read_text().splitlines()
            if line and not line.startswith("#")]
    return {name: (suite, packages) for name, suite, *packages in rows}


def unpack(folder, suite, extent, packages):
    result = subprocess.run(
        [REPOSITORY / "scripts" / "unpack_debian.sh", folder, suite, extent, *packages],
        stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1]
        raise (NotOffered if NOT_OFFERED.search(reason) else Unreachable)(reason)
