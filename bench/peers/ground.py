"""What one run of a program or of its peer stands on: ports, files, processes and their figures."""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from runner import children, harness, idle
from runner.children import Children
from runner.problems import Failure

START_SECONDS = 10  # for a program to accept
END_SECONDS = 60  # for clients to end
CONFIGS = pathlib.Path(__file__).with_name("configs")
BUILT = ("programs/bin", "bin")  # in the release tree


def build():
    """Builds the programs, and what runs beside them as far as its libraries are here."""
    if "BYTES_HANDOFF_PROGRAMS" not in os.environ:
        harness.build("bytes_handoff_peers")


def built(name):
    """A program of this repository, or None."""
    folders = os.environ.get("BYTES_HANDOFF_PROGRAMS") or os.pathsep.join(
        str(harness.REPOSITORY / "build/release" / folder) for folder in BUILT)
    return shutil.which(name, path=folders)


def installed(name):
    """A program of the system, or None. Debian has servers where no user's PATH leads."""
    return shutil.which(name, path=os.environ.get("BYTES_HANDOFF_PEERS")
                        or f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclasses.dataclass
class Process:
    """What was started, and where it prints."""

    name: str
    child: subprocess.Popen
    output: pathlib.Path
    errors: pathlib.Path

    def failure(self, how):
        """With its last word."""
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        said = lines[-1] if lines else f"status {self.child.returncode}"
        return Failure(f"{self.name} {how}: {said}")


class Ground:
    """Leaving the context ends what was started, and removes its files."""

    def __init__(self, program_cpus=frozenset(), client_cpus=frozenset()):
        self._program_cpus = program_cpus  # of what is measured; empty: any
        self._client_cpus = client_cpus  # of clients and servers around it, this process included
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count()
        self._port = None
        self._measured = None

    def __enter__(self):
        self.folder = pathlib.Path(self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bytes_handoff_peers_")))
        self._children = self._stack.enter_context(Children())
        if self._client_cpus:
            self._stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
            os.sched_setaffinity(0, self._client_cpus)
        return self

    def __exit__(self, *_):
        self._stack.close()

    def port(self):
        """One that nobody has, and that differs from those before."""
        self._port = harness.free_port(self._port)
        return self._port

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def config(self, name, **values):
        """A file of `configs`, with a value for each @NAME@."""
        text = (CONFIGS / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key.upper()}@", str(value))
        return self.file(name, text)

    def serve(self, port, *command):
        """Starts something beside what is measured; returns once it accepts."""
        self._wait_until_accepts(self._start(command, self._client_cpus), port)

    def measure(self, port, *command):
        """The same for what is measured."""
        self._measured = self._start(command, self._program_cpus)
        self._wait_until_accepts(self._measured, port)

    def run_client(self, *command):
        """What it printed, once it has ended well."""
        client = self._start(command, self._client_cpus)
        if self._children.wait(client.child, END_SECONDS) is None:
            raise Failure(f"{client.name} does not end within {END_SECONDS} seconds")
        if client.child.returncode != 0:
            self.cpu_seconds()  # rather tells that what is measured has ended
            raise client.failure("failed")
        return client.output.read_text()

    def measure_client(self, *command):
        """The same for a client that is what is measured: what it printed, the seconds of processor
        time that it took, and its peak memory in bytes."""
        client = self._start(command, self._program_cpus)
        give_up = time.monotonic() + END_SECONDS
        memory = 0  # seen last; what `wait4` tells of it has that of this process, which forked
        while (ended := os.wait4(client.child.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > give_up:
                raise Failure(f"{client.name} does not end within {END_SECONDS} seconds")
            with contextlib.suppress(OSError, TypeError):  # it is ending, and has none any more
                memory = children.peak_bytes(client.child.pid) or memory
            time.sleep(0.005)
        client.child.returncode = os.waitstatus_to_exitcode(ended[1])
        self._children.wait(client.child)
        if client.child.returncode != 0:
            raise client.failure("failed")
        used = ended[2]
        return client.output.read_text(), used.ru_utime + used.ru_stime, memory

    def cpu_seconds(self):
        """Of what is measured, since it started."""
        return self._of_measured(children.cpu_seconds)

    def peak_bytes(self):
        return self._of_measured(children.peak_bytes)

    def settled_bytes(self):
        """Its memory, once that has not changed for a while."""
        return self._of_measured(idle.settled_bytes)

    def _of_measured(self, figure):
        if self._measured is None:
            return 0
        if self._measured.child.poll() is None:
            with contextlib.suppress(OSError):
                return figure(self._measured.child.pid)
        raise self._measured.failure("has ended")

    def _start(self, command, cpus):
        words = [str(word) for word in command]
        number = next(self._numbers)
        output, errors = (self.folder / f"{number}.{kind}" for kind in ("out", "err"))
        with output.open("wb") as out, errors.open("wb") as err:
            child = self._children.start(words, cpus, stdout=out, stderr=err, cwd=self.folder)
        return Process(pathlib.Path(words[0]).name, child, output, errors)

    @staticmethod
    def _wait_until_accepts(process, port):
        give_up = time.monotonic() + START_SECONDS
        while True:
            if process.child.poll() is not None:
                raise process.failure("has not started")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if time.monotonic() > give_up:
                raise Failure(f"{process.name} does not accept within {START_SECONDS} seconds")
            time.sleep(0.01)


def version(program, flag):
    """The first line that a program prints about itself, or an empty text."""
    try:
        ended = subprocess.run([program, flag], capture_output=True, text=True, timeout=5,
                               stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ((ended.stdout + ended.stderr).strip().splitlines() or [""])[0]
