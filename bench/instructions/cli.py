"""The command line."""

import argparse
import os
import pathlib
import sys

from runner.children import raise_on_signals
from runner.problems import Failure, WrongArgument

from . import callgrind, counts

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "build/release/bin/bench_instructions"
COUNTS = REPOSITORY / "bench/instructions/counts.json"
RECORD = "bench/instruction-counts record"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise WrongArgument(f"{message}; {self.prog} --help says what there is")


def _parser():
    parser = _Parser(prog="instruction-counts", allow_abbrev=False,
                     description="Counts the instructions of the hot paths under valgrind.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name, do, says in (
            ("check", _check, f"fail where a path takes over {counts.TOLERANCE_PERCENT}% more than "
             "is recorded for this compiler, architecture and Asio"),
            ("record", _record, "write the counts of this machine into the file")):
        command = commands.add_parser(name, help=says.replace("%", "%%"), description=says,
                                      allow_abbrev=False)
        command.add_argument("--program", metavar="FILE", default=PROGRAM,
                             help="default: build/release/bin/bench_instructions")
        command.add_argument("--counts", metavar="FILE", default=COUNTS,
                             help="default: bench/instructions/counts.json")
        command.set_defaults(do=do)
    return parser


def _check(arguments):
    records = counts.load(arguments.counts)
    key, found = callgrind.count(arguments.program)
    if key not in records:
        print(f"nothing is recorded for {key}, and nothing is checked; {RECORD} records")
        for path, count in found.items():
            print(f"{path}: {count:.1f}")
        return 0
    print(f"instructions, {key}")
    results = counts.compare(records[key], found)
    for result in results:
        if result.is_over:
            print(f"instruction-counts: over by more than {counts.TOLERANCE_PERCENT}%: {result}"
                  if result.found is not None else f"instruction-counts: {result}",
                  file=sys.stderr)
        elif result.is_improved:
            print(f"{result}: an improvement; {RECORD} records it")
        elif result.expected is None:
            print(f"{result}; {RECORD} records it")
        else:
            print(result)
    return 1 if any(result.is_over for result in results) else 0


def _record(arguments):
    records = counts.load(arguments.counts) if os.path.lexists(arguments.counts) else {}
    key, found = callgrind.count(arguments.program)
    counts.record(arguments.counts, records, key, found)
    print(f"recorded for {key}")
    for path, count in found.items():
        was = records.get(key, {}).get(path)
        print(f"{path}: {count:.1f}" + (f", was {was:.1f}" if was is not None else ""))
    return 0


def main(words):
    """Runs a command; returns the exit status."""
    raise_on_signals()
    try:
        arguments = _parser().parse_args(words)
        return arguments.do(arguments)
    except WrongArgument as problem:
        print(f"instruction-counts: {problem}", file=sys.stderr)
        return 2
    except (Failure, OSError) as problem:
        print(f"instruction-counts: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("instruction-counts: interrupted; what was running has been ended", file=sys.stderr)
        return 130
