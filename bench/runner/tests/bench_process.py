"""Runs the command as its users do, with a harness that does what a test says."""

import contextlib
import csv
import io
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from .. import cli
from .forked import Forked

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"

# What a run of the harness prints, as far as the runner looks at it.
LINES = """implementation={implementation}
scenario={scenario}
transport={transport}
completion={completion}
connections={connections}
tunnel_bytes={tunnel_bytes}
total_streams=20000
total_bytes=1000000000
total_seconds=2.000000
mib_per_sec=476.84
cpu_total_seconds={cpu_seconds:.6f}
cpu_ns_per_byte={cost:.2f}
max_rss_bytes=1048576
latency_p50_micros=100
latency_p95_micros=200
latency_p99_micros=300
latency_p999_micros=400
failed_connections=0
"""


def lines_of(implementation, cost, scenario="coalesced", transport="tcp", connections=4):
    """The lines of a run that took `cost` nanoseconds a byte."""
    return LINES.format(implementation=implementation, scenario=scenario, transport=transport,
                        connections=connections, completion="ticket",
                        tunnel_bytes=65536, cost=cost,
                        cpu_seconds=cost)


class BenchTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.out = self.folder / "out"

    def harness(self, body, check=":"):
        """An executable whose Python text is `body`; it has `role` and the functions. It accepts
        all flags, or says what the shell text `check` does when it is only asked about them."""
        path = self.folder / "harness"
        # Most starts ask about flags only. The others import little, which takes longest.
        path.write_text(f"""#!/bin/sh
case " $* " in *" --check "*) {check}; exit ;; esac
exec {sys.executable} -ISB {path}.py "$@"
""")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        pathlib.Path(f"{path}.py").write_text(f"""
import os, signal, sys, time
def flag(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
def note(path, text=""):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)
def ready(address="127.0.0.1:1"):
    note(flag("--ready-file"), address)
def wait_for(role):
    while not os.path.exists(os.path.join({str(self.folder)!r}, role + ".pid")):
        time.sleep(0.01)
def hang():
    signal.pause()
def lines(**others):
    print({LINES!r}.format(**{{
        "implementation": flag("--implementation"), "scenario": flag("--scenario"),
        "transport": "tcp" if flag("--role") else "duplex",
        "connections": flag("--connections") or 4,
        "completion": flag("--completion") or "ticket",
        "tunnel_bytes": flag("--tunnel-bytes") or 65536, "cost": 2, "cpu_seconds": 2, **others}}))
role = flag("--role") or "integrated"
note(os.path.join({str(self.folder)!r}, role + ".pid"), str(os.getpid()))
{body}
""")
        return path

    def tool(self, name, body):
        """A shell script that stands for the program `name`; returns a PATH that has it first."""
        folder = self.folder / "tools"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return f"{folder}:{os.environ['PATH']}"

    def start(self, *arguments, harness="/nonexistent", most_bytes=None, stderr=subprocess.PIPE,
              **environment):
        return Forked(cli.main, str(BENCH), list(map(str, arguments)), cwd=self.folder,
                      env={**os.environ, "BYTES_HANDOFF_HARNESS": str(harness), **environment},
                      stderr=stderr, most_bytes=most_bytes)

    def executed(self, *arguments):
        """As `bench`, of the file itself, which an interpreter is started for."""
        run = subprocess.run([str(BENCH), *map(str, arguments)], capture_output=True, text=True,
                             cwd=self.folder, timeout=60)
        return run.returncode, run.stdout, run.stderr.splitlines()

    def bench(self, *arguments, **options):
        """Its exit status, what it printed, and its error lines."""
        with self.start(*arguments, **options) as process:
            output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors.splitlines()

    def assert_refused(self, status, *parts, of):
        """One line that has all the parts, and this status."""
        self.assertEqual(of[0], status, of)
        self.assertEqual(len(of[2]), 1, of)
        for part in ("bench: ", *parts):
            self.assertIn(part, of[2][0])

    def interrupt_at(self, file, number, *arguments, **options):
        """The status and the error lines of the command, which gets a signal once there is the
        file."""
        with self.start(*arguments, **options) as process:
            while not (self.folder / file).exists():
                self.assertIsNone(process.poll(), "it has ended")
                time.sleep(0.01)
            process.send_signal(number)
            _, errors = process.communicate(timeout=30)
        return process.returncode, errors.splitlines()

    def assert_gone(self, role):
        """The process that had this role is not there any more."""
        process = int((self.folder / f"{role}.pid").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, 0)
            self.fail(f"the {role} still runs")


def table_of(text):
    """The rows of a table with a header."""
    return list(csv.DictReader(io.StringIO(text)))
