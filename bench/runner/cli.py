"""The command line."""

import argparse
import os
import sys

from peers import suite as peers

from . import capture, children, contenders, latency, measure, report, suite
from .contenders import Contender
from .problems import Failure, Interrupted, WrongArgument

# The loop of the project's README comes first, and what it is compared with last.
PARSERS = (Contender("handoff_coroutine"), Contender("handoff"), Contender("raw_copy"))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise WrongArgument(f"{message}; {self.prog} --help says what there is")


def _at_least_one(text):
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number, at least 1")
    return int(text)


def _whole_number(text):
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number")
    return int(text)


def _frame_size(text):
    if not text.isascii() or not text.isdigit() or int(text) < 17:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number, at least 17")
    return int(text)


def _scenario(text):
    if text not in measure.SCENARIOS:
        raise argparse.ArgumentTypeError(f"'{text}' must be one of {', '.join(measure.SCENARIOS)}")
    return text


def _part(text):
    if text not in suite.PARTS:
        raise argparse.ArgumentTypeError(f"'{text}' must be one of {', '.join(suite.PARTS)}")
    return text


def _list(of):
    def parse(text):
        items = tuple(of(item) for item in text.split(","))
        if len(set(items)) != len(items):
            raise argparse.ArgumentTypeError(f"'{text}' names something twice")
        return items

    return parse


def _cpu(text):
    usable = os.sched_getaffinity(0)
    if not text.isascii() or not text.isdigit() or int(text) not in usable:
        raise argparse.ArgumentTypeError(
            f"'{text}' must be one of the processors that may be used: {sorted(usable)}")
    return int(text)


def _parser():
    parser = _Parser(prog="bench", description="Runs the stream harness so that its figures can be "
                     "compared, and shows them.", epilog="What follows `--` is passed to the "
                     "harness as it is: bench run -- --connections 64")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _add_run(commands)
    _add_matrix(commands)
    _add_capture(commands)
    _add_latency(commands)
    show = commands.add_parser("report", help="write one HTML page of a folder of results")
    show.add_argument("results", metavar="FOLDER")
    show.add_argument("--out", metavar="FILE", help="the page (default: report.html in the folder)")
    show.set_defaults(do=report.report)
    every = commands.add_parser("all", help="every figure with a target, and the page")
    every.add_argument("--runs", type=_at_least_one, default=5, metavar="N")
    every.add_argument("--only", type=_list(_part), default=(), metavar="PART[,PART]",
                       help=f"of {', '.join(suite.PARTS)}")
    every.add_argument("--out", metavar="FOLDER", help="a new folder (default: in results/)")
    _add_pinning(every)
    every.set_defaults(do=suite.all_of_it, split=True)
    _add_peers(commands)
    return parser


def _add_run(commands):
    run = commands.add_parser("run", help="run one shape several times, contenders in turn")
    _add_common(run, PARSERS[:1], runs=5)
    run.add_argument("--scenario", default="all", choices=(*measure.SCENARIOS, "all"))
    run.add_argument("--split", action="store_true", help="a service and a driver, over TCP")
    _add_pinning(run)
    run.set_defaults(do=measure.run)


def _add_matrix(commands):
    matrix = commands.add_parser("matrix", help="run over connections and frame sizes, split, TCP")
    _add_common(matrix, PARSERS, runs=4)
    matrix.add_argument("--scenario", type=_list(_scenario), default=measure.SCENARIOS,
                        metavar="NAME[,NAME]")
    matrix.add_argument("--connections", type=_list(_at_least_one), default=(1, 4, 16, 64, 256),
                        metavar="N[,N]")
    matrix.add_argument("--frame-size", type=_list(_frame_size), metavar="BYTES[,BYTES]",
                        default=(64, 1024, 16 * 1024, 128 * 1024, 1024 * 1024),
                        help="of a frame with its newline")
    _add_pinning(matrix)
    matrix.set_defaults(do=measure.matrix, split=True)


def _add_capture(commands):
    profile = commands.add_parser("capture", help="sample the split service, and count its calls")
    _add_common(profile, PARSERS[:1], runs=1)
    profile.add_argument("--scenario", default="coalesced", choices=measure.SCENARIOS)
    profile.set_defaults(do=capture.capture)


def _add_latency(commands):
    frames = commands.add_parser("latency", help="time single frames through the split service")
    _add_common(frames, PARSERS, runs=5)
    frames.add_argument("--frames", type=_at_least_one, default=5000, metavar="N")
    frames.add_argument("--every-micros", type=_whole_number, default=0, metavar="N",
                        help="how often one is sent; 0: when the one before has arrived "
                        "(default: 0)")
    frames.set_defaults(do=latency.latency)


def _add_peers(commands):
    beside = commands.add_parser("peers", help="the programs beside their peers, and the page")
    beside.add_argument("--rounds", type=_at_least_one, default=5, metavar="N",
                        help="in each of which all contenders run once; under 4 have no interval "
                        "(default: 5)")
    beside.add_argument("--only", type=_list(peers.of_name), default=(), metavar="NAME[,NAME]",
                        help=f"programs: {', '.join(peers.PROGRAMS)}; or parts of them, such as "
                        f"{peers.PARTS[0].name}")
    beside.add_argument("--out", metavar="FOLDER", help="a new folder (default: in results/)")
    _add_pinning(beside)
    beside.set_defaults(do=peers.peers, split=True)


def _add_common(command, implementations, runs):
    command.add_argument("--implementation", type=_list(contenders.parse),
                         default=implementations, metavar="NAME[,NAME]",
                         help="the last one is what the others are compared with; "
                         "NAME:read-block=8192 is NAME with --read-block 8192 (default: "
                         f"{','.join(each.label for each in implementations)})")
    command.add_argument("--runs", type=_at_least_one, default=runs, metavar="N",
                         help=f"of each; under 4 have no interval (default: {runs})")
    command.add_argument("--out", metavar="FOLDER", help="a new folder (default: in results/)")


def _add_pinning(command):
    command.add_argument("--service-cpus", type=_list(_cpu), default=(), metavar="N[,N]",
                         help="processors of the service; with --driver-cpus, and split")
    command.add_argument("--driver-cpus", type=_list(_cpu), default=(), metavar="N[,N]")


def _check(arguments):
    cpus = getattr(arguments, "service_cpus", ()), getattr(arguments, "driver_cpus", ())
    if any(cpus) and not (all(cpus) and arguments.split):
        raise WrongArgument("--service-cpus and --driver-cpus must both be given, with --split")
    if arguments.flags and not hasattr(arguments, "implementation"):
        raise WrongArgument(f"'{arguments.flags[0]}': this command takes nothing behind `--`")


def main(words):
    """Runs a command; returns the exit status."""
    words, flags = (words[:words.index("--")], words[words.index("--") + 1:]) \
        if "--" in words else (words, [])
    children.raise_on_signals()
    try:
        arguments = _parser().parse_args(words)
        arguments.flags = tuple(flags)
        _check(arguments)
        arguments.do(arguments)
    except Interrupted as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 130
    except WrongArgument as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    except Failure as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what was running has been ended", file=sys.stderr)
        return 130
    return 0
