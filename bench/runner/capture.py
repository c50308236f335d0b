"""Where the service spends its time: sampled stacks, and a summary of its system calls."""

import shlex
import shutil
import subprocess
import sys

from . import environment, harness, measure, results
from .problems import Failure

SAMPLES_A_SECOND = 997  # a prime, so that it does not beat with what happens a thousand times


def capture(arguments):
    _need("perf", ["perf", "record", "-o", "/dev/null", "true"])
    _need("strace", ["strace", "-o", "/dev/null", "true"])
    executable = harness.program()
    root = results.new_folder(arguments.out or measure.default_folder("capture"))
    results.write_text(root / "environment.txt", environment.describe(shlex.join(sys.argv)))
    data = root / "perf.data"
    stacks = ["perf", "record", "-F", str(SAMPLES_A_SECOND), "-g", "-o", str(data), "--"]
    calls = ["strace", "-f", "-c", "-o", str(root / "system-calls.txt")]
    for name, wrapper in (("stacks", stacks), ("system-calls", calls)):
        shape = harness.Shape(arguments.scenario, split=True, flags=tuple(arguments.flags),
                              wrapper=tuple(wrapper))
        outcome = harness.run(executable, arguments.implementation[0], shape)
        results.write_text(root / f"{name}-driver.txt", outcome.lines)
        results.write_text(root / f"{name}-service.txt", outcome.service_lines)
    for name, order in (("functions", "--no-children"), ("callers", "--children")):
        report = subprocess.run(["perf", "report", "--stdio", order, "-i", str(data)],
                                capture_output=True, text=True)
        results.write_text(root / f"{name}.txt", report.stdout)
    print(f"results: {root}")


def _need(name, trial):
    if shutil.which(name) is None:
        package = {"perf": "linux-perf"}.get(name, name)
        raise Failure(f"{name} is not installed (Debian: {package})")
    tried = subprocess.run(trial, capture_output=True, text=True)
    if tried.returncode != 0:
        reason = (tried.stderr.strip().splitlines() or ["it fails"])[0]
        raise Failure(f"{name} may not trace here: {reason}")
