"""`bench all`: every figure that has a target, and the page."""

import argparse

from . import compile_cost, contenders, harness, idle, labels, measure, micro, nginx, report, \
    results, targets
from .session import Session

# The budget is the library's own default, which a program has that sets none.
_TUNNELS = ("--completion", "fire_and_forget", "--connections", "64", "--route-frames", "64",
            "--frame-len", "63", "--tunnel-bytes", str(1 << 20),
            "--write-pending-bytes", str(1 << 20))
_ONE_PROCESS = ("--transport", "tcp", *_TUNNELS)
# 1,024 bytes in all, and the connection has ended.
_SHORT = ("--completion", "fire_and_forget", "--connections", "64", "--worker-threads", "1",
          "--route-frames", "1", "--frame-len", "1015", "--tunnel-bytes", "1")
_MANY = ("--completion", "fire_and_forget", "--route-frames", "64", "--frame-len", "63",
         "--tunnel-bytes", str(1 << 20))
# The README's loop, the copy loop at equal reads and at its own; then the others. The last one is
# what they are compared with.
_SPLIT = (targets.README_LOOP, targets.COPY_EQUAL, targets.EXPERT, "asio_queue", "manual_vec",
          "splice", targets.COPY)
# Folder: contenders, scenario, whether split, flags.
RUNS = {
    "split-coalesced": (_SPLIT, "coalesced", True, _TUNNELS),
    "split-fragmented": (_SPLIT, "fragmented", True, _TUNNELS),
    "one-process-equal-reads": (
        ("handoff_coroutine:read-block=8192", "handoff:read-block=8192",
         "raw_copy:read-block=8192"), "fragmented", False, _ONE_PROCESS),
    "one-process-defaults": (
        ("handoff_coroutine", "handoff", "handoff:gather-micros=100", "raw_copy"), "fragmented",
        False, _ONE_PROCESS),
    "duplex-fragmented": (("handoff_coroutine", "handoff", "manual_vec"), "fragmented", False,
                          ("--transport", "duplex", *_TUNNELS)),
    "duplex-coalesced": (("handoff_coroutine", "handoff", "manual_vec"), "coalesced", False,
                         ("--transport", "duplex", *_TUNNELS)),
    "cached": (("handoff_coroutine", "handoff", "manual_vec"), "coalesced", False,
               ("--transport", "cached", *_TUNNELS)),
    "short-connections": (("handoff_coroutine", "handoff", "raw_copy", *contenders.NGINX), "coalesced", True,
                          _SHORT),
    "connections": (("handoff:connections=5000", "handoff:connections=1"), "coalesced", True,
                    _MANY),
}
PARTS = (*RUNS, "idle", "micro", "compile")


def all_of_it(arguments):
    parts = arguments.only or PARTS
    out = arguments.out or measure.default_folder("all")
    results.refuse_old(out)
    executable = harness.program()
    micro_program = harness.build("bench_micro") if "micro" in parts else None
    without_nginx = nginx.missing()
    plans = [_plan(name, arguments, without_nginx) for name in RUNS if name in parts]
    measure.check(executable, plans)
    if without_nginx and "short-connections" in parts:
        print(f"{without_nginx}: short connections have no such peer")
    with Session(out, measure.pinning(arguments)) as session:
        measure.run_plans(executable, session, plans, after_each=targets.write)
        if "idle" in parts:
            who = [contenders.Contender(name) for name in (targets.README_LOOP, targets.EXPERT)]
            idle.measure(executable, session, "idle", who, arguments.runs)
            targets.write(session.root)
        if "micro" in parts:
            micro.measure(micro_program, session, "micro", arguments.runs)
            targets.write(session.root)
        if "compile" in parts:
            compile_cost.measure(session, "compile", arguments.runs)
            targets.write(session.root)
    print(f"results: {session.root}")
    report.report(argparse.Namespace(results=session.root, out=None))


def _plan(name, arguments, without_nginx):
    names, scenario, split, flags = RUNS[name]
    who = tuple(contenders.Contender(each) for each in names
                if each not in contenders.NGINX or not without_nginx)
    labels.refuse_forms(who, flags)
    shape = harness.Shape(
        scenario, split, frozenset(arguments.service_cpus if split else ()),
        frozenset(arguments.driver_cpus if split else ()),
        measure.long_enough(flags, measure.SECONDS_OF_A_RUN))
    return measure.Plan(name, who, shape, arguments.runs)
