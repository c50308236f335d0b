"""Where the service spends its time: sampled stacks, and a summary of its system calls."""

import shutil
import subprocess

from . import harness, labels, measure, results
from .problems import Failure
from .session import Session

SAMPLES_A_SECOND = 997  # a prime, so that it does not beat with what happens a thousand times
# The harness is built without frame pointers: its stacks are found by its unwind tables, in so many
# bytes of stack. Coroutines lie deep.
STACKS_BY = "dwarf,16384"


def capture(arguments):
    labels.refuse_overrides(arguments.flags, {})
    labels.refuse_forms(arguments.implementation, arguments.flags)
    _need("perf", ["perf", "record", "-o", "/dev/null", "true"])
    _need("strace", ["strace", "-o", "/dev/null", "true"])
    out = arguments.out or measure.default_folder("capture")
    results.refuse_old(out)
    executable = harness.program()
    flags = measure.long_enough(arguments.flags, measure.SECONDS_OF_A_RUN)
    plan = measure.Plan("", arguments.implementation, harness.Shape(
        arguments.scenario, split=True, flags=flags), arguments.runs)
    measure.check(executable, [plan])
    with Session(out) as session:
        for number, contender in plan.turns():
            session.begin(f"round {number} of {contender.label}")
            _one(executable, session.root, f"{contender.label}-run-{number}", contender, plan.shape)
            session.finished()
    print(f"results: {session.root}")


def _one(executable, root, name, contender, shape):
    data = root / f"{name}-perf.data"
    stacks = ("perf", "record", "-F", str(SAMPLES_A_SECOND), "--call-graph", STACKS_BY,
              "-o", str(data), "--")
    calls = ("strace", "-f", "-c", "-o", str(root / f"{name}-system-calls.txt"))
    for kind, wrapper in (("stacks", stacks), ("system-calls", calls)):
        outcome = harness.run(executable, contender, harness.Shape(
            shape.scenario, split=True, flags=shape.flags, wrapper=wrapper))
        for side, lines in outcome.sides().items():
            results.write_text(root / f"{name}-{kind}-{side}.txt", lines)
    for kind, order in (("functions", "--no-children"), ("callers", "--children")):
        # Names of inlined functions would take perf minutes.
        report = subprocess.run(["perf", "report", "--stdio", "--no-inline", order, "-i",
                                 str(data)], capture_output=True, text=True)
        if report.returncode != 0:
            said = (report.stderr.strip().splitlines() or ["it fails"])[-1]
            raise Failure(f"perf report: {said}")
        results.write_text(root / f"{name}-{kind}.txt", report.stdout)


def _need(name, trial):
    if shutil.which(name) is None:
        package = {"perf": "linux-perf"}.get(name, name)
        raise Failure(f"{name} is not installed (Debian: {package})")
    tried = subprocess.run(trial, capture_output=True, text=True)
    if tried.returncode != 0:
        reason = (tried.stderr.strip().splitlines() or ["it fails"])[0]
        raise Failure(f"{name} may not trace here: {reason}")
