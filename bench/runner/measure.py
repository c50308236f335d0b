"""Runs of one shape in turn, and of many: the commands `run` and `matrix`."""

import dataclasses
import datetime
import itertools
import pathlib

from . import cells, harness, labels, nginx, results
from .contenders import NGINX
from .progress import Progress
from .session import Session

SCENARIOS = ("fragmented", "coalesced")
# Of a run, where its flags do not say how long it is.
SECONDS_OF_A_RUN, SECONDS_OF_A_CELL = "1", "0.5"
CELL_FLAGS = ("--completion", "fire_and_forget", "--route-frames", "64", "--tunnel-bytes",
              str(1 << 20))


@dataclasses.dataclass(frozen=True)
class Plan:
    """One folder of results: these contenders, so often, in this shape."""

    name: str  # of the folder in the folder of all results; empty for that itself
    contenders: tuple
    shape: harness.Shape  # or what else says how one of them is run
    runs: int

    def turns(self):
        """In rounds, A B C A B C, so that what drifts meanwhile drifts for all."""
        return itertools.product(range(1, self.runs + 1), self.contenders)


def default_folder(name):
    return pathlib.Path("results") / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def long_enough(flags, seconds):
    """The flags, with so long a run where they do not say how long it is."""
    names = labels.names_in(flags)
    if "--iterations" in names or "--duration-seconds" in names:
        return tuple(flags)
    return (*flags, "--duration-seconds", seconds)


def run(arguments):
    labels.refuse_overrides(arguments.flags, {})
    labels.refuse_forms(arguments.implementation, arguments.flags)
    scenarios = SCENARIOS if arguments.scenario == "all" else (arguments.scenario,)
    flags = long_enough(arguments.flags, SECONDS_OF_A_RUN)
    plans = [plan(scenario if len(scenarios) > 1 else "", arguments, scenario, flags)
             for scenario in scenarios]
    labels_of_all = [each.label for each in arguments.implementation]
    out = arguments.out or default_folder("-".join(
        [*labels_of_all, "split" if arguments.split else "integrated", arguments.scenario]))
    carry_out(out, plans, pinning(arguments))


def matrix(arguments):
    """A folder a cell, named after it; the connections and frame sizes are the harness's flags."""
    taken = {"--connections": "name them in front of `--`",
             "--frame-len": "name --frame-size in front of `--`",
             "--transport": "a matrix runs over TCP"}
    labels.refuse_overrides(arguments.flags, taken)
    labels.refuse_forms(arguments.implementation, arguments.flags, taken)
    flags = long_enough((*CELL_FLAGS, *arguments.flags), SECONDS_OF_A_CELL)
    plans = []
    for scenario, connections, size in itertools.product(
            arguments.scenario, arguments.connections, arguments.frame_size):
        plans.append(plan(f"{scenario}-{connections}x{size}", arguments, scenario, (
            "--connections", str(connections), "--frame-len", str(size - 1), *flags)))
    carry_out(arguments.out or default_folder("matrix"), plans, pinning(arguments),
              after_each=cells.write)


def plan(name, arguments, scenario, flags):
    """One folder of what the arguments ask for."""
    shape = harness.Shape(scenario, arguments.split, frozenset(arguments.service_cpus),
                          frozenset(arguments.driver_cpus), tuple(flags))
    return Plan(name, tuple(arguments.implementation), shape, arguments.runs)


def pinning(arguments):
    """How the processes are pinned, for people."""
    if not arguments.service_cpus:
        return "none"
    service, driver = (",".join(map(str, sorted(cpus)))
                       for cpus in (arguments.service_cpus, arguments.driver_cpus))
    return f"service on {service}, driver on {driver}"


def carry_out(out, plans, pinned, after_each=None):
    """Runs every plan, and writes its folder after each run; stops at the first run that fails."""
    results.refuse_old(out)
    executable = harness.program()
    check(executable, plans)
    with Session(out, pinned) as session:
        run_plans(executable, session, plans, after_each)
    print(f"results: {session.root}")


def check(executable, plans):
    """Raises what the harness says of the flags, before anything runs."""
    for each in plans:
        for contender in each.contenders:
            if contender.implementation not in NGINX:
                harness.check(executable, contender, each.shape)
            else:
                nginx.check(each.shape)


def run_plans(executable, session, plans, after_each=None):
    def run_one(of, contender):
        runner = nginx if contender.implementation in NGINX else harness
        return runner.run(executable, contender, of.shape)

    in_turn(session, plans, run_one, after_each)


def in_turn(session, plans, run_one, after_each=None, closing=results.Series.closing_lines):
    """Fills a folder for each plan. What `closing` says of a series is printed behind it."""
    with Progress(sum(each.runs * len(each.contenders) for each in plans)) as progress:
        for each in plans:
            folder = session.root / each.name
            if each.name:
                results.new_folder(folder)
            series = results.Series(folder, each.contenders)
            for number, contender in each.turns():
                what = each.name or each.shape.scenario
                progress.begin(f"{what} {contender.label}, run {number}")
                session.begin(f"round {number} of {contender.label}, {what}")
                series.add(contender.label, number, run_one(each, contender))
                session.finished()
                progress.done()
                if after_each:
                    after_each(session.root)
            if each.name:
                print(f"{each.name}:")
            print("\n".join(closing(series)), flush=True)
