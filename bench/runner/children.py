"""Processes that are ended and waited for on every path."""

import contextlib
import os
import signal
import subprocess

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


def raise_on_signals():
    """SIGINT and SIGTERM become KeyboardInterrupt, which unwinds through every `Children`."""
    def interrupt(*_):
        raise KeyboardInterrupt

    for number in INTERRUPTS:
        signal.signal(number, interrupt)
