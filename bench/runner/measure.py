"""Runs of one shape in turn, and of many: the commands `run` and `matrix`."""

import dataclasses
import datetime
import itertools
import pathlib
import shlex
import sys

from . import environment, harness, results
from .progress import Progress


@dataclasses.dataclass(frozen=True)
class Plan:
    """One folder of results: these contenders, so often, in this shape."""

    folder: pathlib.Path
    implementations: tuple
    shape: harness.Shape
    runs: int

    def turns(self):
        """In rounds, A B C A B C, so that what drifts meanwhile drifts for all."""
        return itertools.product(range(1, self.runs + 1), self.implementations)


def default_folder(name):
    return pathlib.Path("results") / f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def run(arguments):
    out = arguments.out or default_folder("-".join(
        [*arguments.implementation, "split" if arguments.split else "integrated",
         arguments.scenario]))
    root = results.new_folder(out)
    scenarios = SCENARIOS if arguments.scenario == "all" else (arguments.scenario,)
    plans = []
    for scenario in scenarios:
        folder = results.new_folder(root / scenario) if len(scenarios) > 1 else root
        plans.append(plan(folder, arguments, scenario, arguments.flags))
    carry_out(root, plans)


SCENARIOS = ("fragmented", "coalesced")


def matrix(arguments):
    """A folder a cell, named after it; the connections and frame sizes are the harness's flags."""
    root = results.new_folder(arguments.out or default_folder("matrix"))
    plans = []
    for scenario, connections, size in itertools.product(
            arguments.scenario, arguments.connections, arguments.frame_size):
        folder = results.new_folder(root / f"{scenario}-{connections}x{size}")
        flags = ("--connections", str(connections), "--frame-len", str(size - 1), *arguments.flags)
        plans.append(plan(folder, arguments, scenario, flags))
    carry_out(root, plans)


def plan(folder, arguments, scenario, flags):
    """One folder of what the arguments ask for."""
    shape = harness.Shape(scenario, arguments.split, frozenset(arguments.service_cpus),
                          frozenset(arguments.driver_cpus), tuple(flags))
    return Plan(folder, tuple(arguments.implementation), shape, arguments.runs)


def carry_out(root, plans):
    """Runs every plan and writes its folder; stops at the first run that fails."""
    executable = harness.program()
    results.write_text(root / "environment.txt", environment.describe(shlex.join(sys.argv)))
    with Progress(sum(each.runs * len(each.implementations) for each in plans)) as progress:
        for each in plans:
            series = results.Series(each.folder, each.implementations)
            for number, implementation in each.turns():
                progress.begin(f"{each.shape.scenario} {implementation}, run {number}")
                series.add(implementation, number,
                           harness.run(executable, implementation, each.shape))
                progress.done()
            closing = series.finish()
            if each.folder != root:
                print(f"{each.folder.name}:")
            print("\n".join(closing), flush=True)
    print(f"results: {root}")
