#!/usr/bin/env python3
"""Builds and tests the library in clean roots: with compilers, releases of Asio and platforms.

    run.py --list               the cells, and what is known of each
    run.py --all                runs those that have no result for these sources
    run.py --cell <name>...     runs these
    run.py --cell <name>... --steps <step>,...    only these steps of them; records nothing
    run.py --record             writes the results into test/matrix/results.txt and README.md
    run.py --check              whether the table of README.md is that of test/matrix/results.txt

A cell's result is in build/matrix/results.txt as soon as the cell ends, so an interrupted run goes on
where it was. Its log is build/matrix/logs/<cell>.txt. Exit status 1 if a cell fails.
"""

import argparse
import dataclasses
import hashlib
import signal
import subprocess
import sys
import time

import results
from cell import Failed, Run, cells
from roots import MATRIX, REPOSITORY, NotOffered, Unreachable

# What results depend on, besides the line of the cell.
SOURCES = ["CMakeLists.txt", "cmake", "include", "src", "examples", "test/CMakeLists.txt",
           "test/asio_ways", "test/headers", "test/matrix/cross", "test/support", "test/unit"]


def digest_of_sources():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                             "--", *SOURCES], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    digest = hashlib.sha256()
    for path in sorted(set(listed.stdout.split("\0"))):
        if path and (REPOSITORY / path).is_file():
            digest.update(path.encode() + b"\0" + (REPOSITORY / path).read_bytes())
    return digest.hexdigest()[:12]


def run_cell(cell, sources):
    """Its result. Raises Unreachable if there is none."""
    begin = time.monotonic()
    (MATRIX / "logs").mkdir(parents=True, exist_ok=True)
    outcome, reason, tests, versions = "passed", "", 0, ""
    if cell.root is None:
        return results.Result(cell.name, "untested", 0, 0, sources, results.digest_of(cell.line),
                              cell.compiler, cell.option("why").replace("_", " "))
    try:
        cell.root.unpack()
        versions = cell.versions()
        with open(MATRIX / "logs" / f"{cell.name}.txt", "w+", errors="replace") as log:
            run = Run(cell, log)
            try:
                run.all()
            finally:
                tests = run.tests
    except NotOffered as error:
        outcome, reason = "untested", str(error)
    except Failed as error:
        outcome, reason = "failed", str(error)
    return results.Result(cell.name, outcome, tests, round(time.monotonic() - begin), sources,
                          results.digest_of(cell.line), versions, reason)


def try_steps(cell, steps):
    """Runs steps of a cell, and records nothing."""
    cell.root.unpack()
    (MATRIX / "logs").mkdir(parents=True, exist_ok=True)
    with open(MATRIX / "logs" / f"{cell.name}.try.txt", "w+", errors="replace") as log:
        try:
            Run(dataclasses.replace(cell, steps=steps), log).all()
        except Failed as error:
            print(f"{cell.name}: {error}", flush=True)
            return 1
    return 0


def run_cells(chosen, again):
    sources = digest_of_sources()
    known = results.read(MATRIX / "results.txt")
    failed = 0
    for cell in chosen:
        result = known.get(cell.name)
        if again or result is None or not result.is_of(sources, cell.line):
            try:
                result = run_cell(cell, sources)
            except Unreachable as error:
                print(f"{cell.name:32} not run: {error}", flush=True)
                failed = 1
                continue
            results.write(MATRIX / "results.txt", result)
        print(f"{cell.name:32} {result.text()}", flush=True)
        failed |= result.outcome == "failed"
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--cell", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--steps", metavar="STEP,...")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    # A signal to end leaves nothing behind that runs on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    every = cells()
    unknown = set(arguments.cell) - {cell.name for cell in every}
    if unknown:
        parser.error(f"no such cell: {' '.join(sorted(unknown))}")
    if arguments.list:
        known = results.read(MATRIX / "results.txt")
        for cell in every:
            print(f"{cell.name:32} {known[cell.name].text() if cell.name in known else 'no result'}")
    elif arguments.record:
        results.record(every)
    elif arguments.check:
        return results.check(every)
    elif arguments.steps:
        return max(try_steps(cell, arguments.steps.split(",")) for cell in every
                   if cell.name in arguments.cell)
    elif arguments.all or arguments.cell:
        return run_cells([cell for cell in every if arguments.all or cell.name in arguments.cell],
                         bool(arguments.cell))
    else:
        parser.print_usage()
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
