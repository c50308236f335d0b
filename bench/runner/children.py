"""Processes that are ended and waited for on every path, and what they take."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
TERM_SECONDS = 5  # that a child has to end by itself before it is killed


class Children:
    """The running children of one measurement; leaving the context ends those that are left."""

    def __init__(self):
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self._running:
            _end(child)

    def start(self, command, cpus=None, **popen):
        """Starts `command`, on the processors `cpus` alone where given."""
        def prepare():
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if cpus:
                os.sched_setaffinity(0, cpus)

        # No interrupt between the start of a child and its place in the list.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
        try:
            # A session of its own: an interrupt from the terminal reaches this process alone.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                                     preexec_fn=prepare, **popen)
            self._running.append(child)
            return child
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def wait(self, child, seconds=None):
        """The exit status, or None when that takes longer."""
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        if child in self._running:
            self._running.remove(child)
        return status


def _end(child):
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(TERM_SECONDS)
        return
    child.kill()
    child.wait()


def family(process):
    """A process and its children, by their ids."""
    children = pathlib.Path(f"/proc/{process}/task/{process}/children")
    try:
        return [process, *map(int, children.read_text().split())]
    except OSError:
        return [process]


def cpu_seconds(process):
    """Of a process and its children since they started, with threads that have ended."""
    # The kernel's number of the clock of another process, as clock_getcpuclockid() makes it.
    return sum(time.clock_gettime(~one << 3 | 2) for one in family(process))


def peak_bytes(process):
    """The most memory that was resident: the sum for a process and its children."""
    return sum(_kibibytes(f"/proc/{one}/status", "VmHWM") for one in family(process)) * 1024


def resident_bytes(process):
    """Of a process and its children, without files. What they share counts once."""
    return sum(_kibibytes(f"/proc/{one}/smaps_rollup", "Pss_Anon") for one in family(process)) * 1024


def _kibibytes(file, key):
    return int(re.search(rf"^{key}:\s*(\d+)", pathlib.Path(file).read_text(), re.MULTILINE)[1])


def raise_on_signals():
    """SIGINT and SIGTERM become KeyboardInterrupt, which unwinds through every `Children`."""
    def interrupt(*_):
        raise KeyboardInterrupt

    for number in INTERRUPTS:
        signal.signal(number, interrupt)
