"""A progress bar on a terminal, and nothing elsewhere."""

import sys
import time

WIDTH = 24


class Progress:
    def __init__(self, steps):
        self._steps = steps
        self._done = 0
        self._began = time.monotonic()
        self._shows = sys.stderr.isatty()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._shows:
            sys.stderr.write("\r\x1b[K")

    def begin(self, what):
        if not self._shows:
            return
        filled = WIDTH * self._done // self._steps
        elapsed = time.monotonic() - self._began
        left = elapsed / self._done * (self._steps - self._done) if self._done else 0
        sys.stderr.write(f"\r\x1b[K[{'#' * filled}{'.' * (WIDTH - filled)}] "
                         f"{self._done}/{self._steps}, {left:.0f} s left: {what}")
        sys.stderr.flush()

    def done(self):
        self._done += 1
