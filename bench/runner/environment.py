"""What ran where: environment.txt."""

import os
import pathlib
import platform
import re
import subprocess

from .harness import REPOSITORY


def _output(*command):
    try:
        run = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _first(pattern, path):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1) if found else ""


def _processors():
    return ",".join(map(str, sorted(os.sched_getaffinity(0))))


def load():
    """How many threads wanted to run, over 1, 5 and 15 minutes."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def lines(facts):
    """`key=value` lines; what cannot be found out is `unknown`."""
    return "".join(f"{key}={value or 'unknown'}\n" for key, value in facts.items())


def describe(command_line, pinning):
    """Facts by name. The load after the runs is added when they have ended."""
    cache = REPOSITORY / "build/release/CMakeCache.txt"
    compiler = _first(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache)
    revision = _output("git", "rev-parse", "HEAD")
    # Without locks: an interrupt must not leave one behind.
    changed = _output("git", "--no-optional-locks", "status", "--porcelain",
                      "--untracked-files=no")
    version = _first(r"#define ASIO_VERSION (\d+)", "/usr/include/asio/version.hpp")
    asio = f"standalone {int(version) // 100000}.{int(version) // 100 % 1000}.{int(version) % 100}"
    return {
        "command": command_line,
        "cpu": _first(r"^model name\s*:\s*(.*)$", "/proc/cpuinfo"),
        "cores": str(os.cpu_count()),
        "memory_kib": _first(r"^MemTotal:\s*(\d+)", "/proc/meminfo"),
        "kernel": f"{platform.system()} {platform.release()}",
        "congestion_control": _first(r"(\S+)", "/proc/sys/net/ipv4/tcp_congestion_control"),
        "pinning": f"{pinning}; may run on {_processors()}",
        "load_before": load(),
        "load_after": "unknown: it has not ended",
        "compiler": _output(compiler or "c++", "--version").split("\n")[0],
        "flags": _first(r"^CMAKE_CXX_FLAGS_RELEASE:\w+=(.*)$", cache),
        "asio": asio if version else "",
        "revision": revision + (" with changes" if changed else "") if revision else "",
    }
