"""A command of this repository in a process of its own, which no interpreter has to be started for."""

import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings


class Forked:
    """A copy of this process that calls `main` with the words of a command line. It has what
    `subprocess.Popen` has of a command that was executed, as far as tests use it."""

    def __init__(self, main, program, words, cwd, env, stderr=subprocess.PIPE, most_bytes=None):
        self.returncode = None
        output, to_output = os.pipe()
        errors, to_errors = os.pipe() if stderr == subprocess.PIPE else (None, stderr)
        self._ends = [each for each in (output, errors) if each is not None]
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._process = os.fork()
        if self._process == 0:
            _run(main, [program, *words], cwd, env, (to_output, to_errors), most_bytes)
        os.close(to_output)
        if errors is not None:
            os.close(to_errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in self._ends:
            os.close(end)
        if self.returncode is None:
            self._wait(0)

    def poll(self):
        return self.returncode if self.returncode is not None else self._wait(os.WNOHANG)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self._process, number)

    def communicate(self, timeout):
        """What it writes until it has ended. One that takes longer is killed."""
        give_up = time.monotonic() + timeout
        texts = {end: b"" for end in self._ends}
        reading = set(self._ends)
        while reading:
            ready, _, _ = select.select(reading, (), (), max(0, give_up - time.monotonic()))
            if not ready:
                self.send_signal(signal.SIGKILL)
                raise subprocess.TimeoutExpired("a forked command", timeout)
            for end in ready:
                piece = os.read(end, 1 << 16)
                texts[end] += piece
                if not piece:
                    reading.remove(end)
        if self.returncode is None:
            self._wait(0)
        output, errors = [texts[end].decode() for end in self._ends] + [None] * (
            2 - len(self._ends))
        return output, errors

    def _wait(self, options):
        process, status = os.waitpid(self._process, options)
        if process:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run(main, words, cwd, env, ends, most_bytes):
    """Never returns to the test that this is a copy of."""
    status = 1
    # As in an interpreter that a user starts. What the test has left may be collected here, too.
    warnings.simplefilter("ignore", ResourceWarning)
    try:
        for descriptor, end in enumerate(ends, 1):
            os.dup2(end, descriptor)
        sys.stdout, sys.stderr = (open(each, "w", closefd=False) for each in (1, 2))
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        tempfile.tempdir = None  # it was found in the test's own environment
        sys.argv = words
        status = main(words[1:])
        sys.stdout.flush()
    except SystemExit as end:
        sys.stdout.flush()
        status = end.code
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
