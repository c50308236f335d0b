"""What it costs to compile a coroutine that reads and writes: with the library, and without."""

import json
import os
import pathlib
import shlex
import sys
import tempfile

from . import harness, results
from .children import Children
from .problems import Failure

SOURCES = {"handoff": "with_handoff.cpp", "plain_asio": "plain.cpp"}
COLUMNS = ["run", "contender", "cpu_seconds", "max_rss_bytes", "object_bytes"]
FOLDER = harness.REPOSITORY / "bench/compile"
LIKE = "bench/stream_harness/main.cpp"  # is compiled as users of the library compile


def measure(session, name, runs):
    """`compile.csv` in a folder of the session. Processor time, since others use the machine."""
    words = _words()
    folder = results.new_folder(session.root / name)
    rows = []
    for number in range(1, runs + 1):
        for label, source in SOURCES.items():
            session.begin(f"round {number} of {label}, {name}")
            rows.append([number, label, *_compile(words, FOLDER / source)])
            results.write_table(folder / "compile.csv", COLUMNS, rows)
            session.finished()


def _words():
    """The compiler with the release tree's flags, without those that only warn or describe."""
    commands = harness.REPOSITORY / "build/release/compile_commands.json"
    try:
        entries = json.loads(commands.read_text())
    except OSError as error:
        raise Failure(f"{commands}: {error.strerror}; the release tree is not configured") \
            from error
    command, = (shlex.split(one["command"]) for one in entries if one["file"].endswith(LIKE))
    kept = [word for word in command[:command.index("-o")]
            if not word.startswith(("-W", "-g", "--param"))]
    return kept[1:] if pathlib.Path(kept[0]).name == "ccache" else kept


def _compile(words, source):
    """Seconds of processor time, peak memory, and the object's size."""
    with Children() as children, tempfile.TemporaryDirectory() as scratch:
        output, errors = pathlib.Path(scratch, "out.o"), pathlib.Path(scratch, "errors")
        measured, told = os.pipe()
        # In a process of its own: its usage is then that of this one compiler.
        with open(measured) as usage, errors.open("wb") as err:
            child = children.start(
                [sys.executable, "-c", _RUN, str(told), *words, "-c", str(source), "-o", str(output)],
                stdout=err, stderr=err, pass_fds=(told,))
            os.close(told)
            said = usage.read()
        if children.wait(child) != 0:
            reason = (errors.read_text().strip().splitlines() or ["it fails"])[0]
            raise Failure(f"{source.name} is not compiled: {reason}")
        seconds, kibibytes = said.split()
        return float(seconds), int(kibibytes) * 1024, output.stat().st_size


_RUN = """
import os, resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), b"%f %d" % (used.ru_utime + used.ru_stime, used.ru_maxrss))
sys.exit(status)
"""
