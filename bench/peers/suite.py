"""`bench peers`: each program beside its peers, and the page."""

import argparse
import os

from runner import measure, nginx, report, results, targets
from runner.contenders import Contender
from runner.problems import Failure
from runner.session import Session
from runner.statistics import LEAST_PAIRS
from runner.targets import Row

from . import broadcast, resp, routers
from .ground import Ground, build, built, installed, version

PARTS = (*routers.PARTS, *resp.PARTS, *broadcast.PARTS)
PROGRAMS = tuple(dict.fromkeys(part.program for part in PARTS))
# What a peer is in, of Debian's; how it tells its version.
PACKAGES = {"nginx": ("nginx", "-v"), "haproxy": ("haproxy", "-v"),
            "tinyproxy": ("tinyproxy-bin", "-v"), "nutcracker": ("nutcracker", "-V"),
            "redis-server": ("redis-server", "-v"), "redis-benchmark": ("redis-tools", "--version")}


def _row(folder, base, metric, what, to_be, more_is_better=False, of=None):
    return Row(folder, of or folder.split("-")[0], base, metric, what, to_be, None, more_is_better,
               "")


def _rows(folder, bases, metric, what, to_be, **more):
    return tuple(_row(folder, base, metric, what, to_be, **more) for base in bases)


_BYTE, _STREAM, _RATE = "cpu_ns_per_byte", "cpu_micros_per_stream", "streams_per_sec"
_IDLE = "idle_bytes_per_connection"
_TLS = ("nginx", "haproxy")
ROWS = (
    *_rows("sni_router-bulk", ("nginx", "nginx:proxy_buffer_size=64k", "haproxy"), _BYTE,
           "bulk: CPU per byte", 0.8),
    *_rows("sni_router-short", _TLS, _STREAM, "short connections: CPU per connection", 1.0),
    *_rows("sni_router-short", ("forward_by_hand", "forward_by_calls"), _STREAM,
           "short connections: CPU per connection", None),
    *_rows("sni_router-short", _TLS, _STREAM, "short connections: CPU per connection", None,
           of="forward_by_calls"),
    *_rows("sni_router-short", _TLS, _RATE, "short connections: how many a second", None,
           more_is_better=True),
    *_rows("sni_router-idle", _TLS, _IDLE, "memory of an idle connection", 0.5),
    *_rows("connect_proxy-bulk", ("tinyproxy",), _BYTE, "CONNECT, bulk: CPU per byte", 0.8),
    *_rows("connect_proxy-get-bulk", ("haproxy", "tinyproxy"), _BYTE, "GET, bulk: CPU per byte",
           0.8),
    *_rows("connect_proxy-short", ("tinyproxy",), _RATE, "CONNECT: requests a second", 1.5,
           more_is_better=True),
    *_rows("connect_proxy-short", ("tinyproxy",), _STREAM, "CONNECT: CPU per request", None),
    *_rows("connect_proxy-get", ("haproxy", "tinyproxy"), _RATE, "GET: requests a second", 1.5,
           more_is_better=True),
    *_rows("connect_proxy-get", ("haproxy",), _RATE, "GET: requests a second", None,
           more_is_better=True, of="forward_by_calls"),
    *_rows("connect_proxy-get", ("haproxy", "tinyproxy", "forward_by_calls"), _STREAM,
           "GET: CPU per request", None),
    *_rows("connect_proxy-get", ("haproxy",), _STREAM, "GET: CPU per request", None,
           of="forward_by_calls"),
    *_rows("connect_proxy-idle", ("tinyproxy",), _IDLE, "memory of an idle tunnel", None),
    *(row for in_flight, rate, cpu in ((1, 1.0, None), (16, 1.5, 0.4), (64, 1.5, None))
      for row in (
          _row(f"resp_router-pipeline-{in_flight}", "nutcracker", _RATE,
               f"{in_flight} in flight: requests a second", rate, more_is_better=True),
          _row(f"resp_router-pipeline-{in_flight}", "nutcracker", _STREAM,
               f"{in_flight} in flight: CPU per request", cpu))),
    *_rows("resp_router-idle", ("nutcracker",), _IDLE, "memory of an idle client", None),
    *(_row(f"line_broadcast-burst-{burst}", base, "streams_per_cpu_second",
           f"{burst} published at once: deliveries a second of CPU", to_be, more_is_better=True)
      for burst in (1, 16, 64) for base, to_be in (("redis", 1.5), ("broadcast_by_hand", None))),
    *_rows("line_broadcast-idle", ("redis",), _IDLE, "memory of an idle subscriber", None),
    *(_row(f"pipeline_client-window-{window}", base, _RATE,
           f"{window * resp.THREADS:,} in flight: requests a second", to_be, more_is_better=True)
      for window in resp.REPLIES
      for base, to_be in (("hiredis", 1.0), ("pipeline_by_hand", None), (f"hiredis:connections={resp.THREADS}", None))),
)


def peers(arguments):
    """Runs what was asked for of PARTS, as far as there are peers."""
    out = arguments.out or measure.default_folder("peers")
    results.refuse_old(out)
    build()
    plans = [plan for part in _parts(arguments.only) if (plan := _plan(part, arguments.rounds))]
    _tell_missing(arguments.only)
    if not plans:
        raise Failure("no peer is there to compare with")
    apart = _processors(arguments)

    def run_one(plan, contender):
        cpus = apart if plan.shape.apart or arguments.service_cpus else (frozenset(), frozenset())
        with Ground(*cpus) as ground:
            return plan.shape.outcome(ground, contender)

    with Session(out, _pinning(arguments, *apart), _versions(plans)) as session:
        measure.in_turn(session, plans, run_one, lambda root: targets.write(root, ROWS),
                        lambda series: _closing_lines(session.root, series))
    print(f"results: {session.root}")
    report.report(argparse.Namespace(results=session.root, out=None))


def of_name(text):
    """A program, or one of its parts, of a command line."""
    if text not in PROGRAMS and text not in (part.name for part in PARTS):
        raise argparse.ArgumentTypeError(
            f"'{text}' must be one of {', '.join(PROGRAMS)}, or of their parts: "
            f"{', '.join(part.name for part in PARTS)}")
    return text


def _parts(only):
    return [part for part in PARTS if not only or part.name in only or part.program in only]


# ---- What is there.

def _missing(name):
    """Why a contender or a tool cannot run here, as a line; None where it can."""
    if name in PROGRAMS or name == "proxy_load" or name.endswith(("_by_hand", "_by_calls")):
        return None if built(name) else f"{name} is not built"
    if name == "nginx":
        return nginx.missing()
    if name == "hiredis":
        return None if built("hiredis_pipeline") else \
            "hiredis is not installed (Debian: libhiredis-dev), or was not when the release tree " \
            "was configured"
    name = "redis-server" if name == "redis" else name
    return None if installed(name) else f"{name} is not installed (Debian: {PACKAGES[name][0]})"


def _plan(part, rounds):
    """None where a need is missing, or all peers are."""
    who = tuple(contender for contender in map(Contender, part.contenders)
                if not _missing(contender.implementation))
    if any(map(_missing, part.needs)) or len(who) < 2 or who[0].label != part.program:
        return None
    return measure.Plan(part.name, who, part, rounds)


def _tell_missing(only):
    """A line for each, with what is left out."""
    without = {}
    for part in _parts(only):
        for name in dict.fromkeys((*(each.split(":")[0] for each in part.contenders), *part.needs)):
            if line := _missing(name):
                without.setdefault(line, []).append(part)
    for line, parts in without.items():
        programs = dict.fromkeys(part.program for part in parts)
        print(f"{line}: {', '.join(programs)} is not compared with it", flush=True)


def _versions(plans):
    names = dict.fromkeys(name for plan in plans for name in (
        *(each.implementation for each in plan.contenders), *plan.shape.needs)
        if name in PACKAGES)
    return {name: version(nginx.program() if name == "nginx" else installed(name),
                          PACKAGES[name][1]) for name in names}


# ---- Who runs where.

def _processors(arguments):
    """Those of what is measured, and those of its clients and servers."""
    if arguments.service_cpus:
        return frozenset(arguments.service_cpus), frozenset(arguments.driver_cpus)
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return frozenset(), frozenset()
    return frozenset(usable[:1]), frozenset(usable[1:])


def _pinning(arguments, measured, clients):
    if not measured:
        return "none"
    others = dict.fromkeys(part.program for part in PARTS if not part.apart)
    return f"what is measured on {_list(measured)}, clients and servers on {_list(clients)}" + (
        "" if arguments.service_cpus else f"; all of {' and '.join(others)} anywhere")


def _list(cpus):
    return ",".join(map(str, sorted(cpus)))


def _closing_lines(root, series):
    """What was measured of the figures that are wanted there."""
    for row in results.read_table(root / "targets.csv"):
        if row["folder"] == series.folder.name and row["median"]:
            aim = f"; to be {row['to_be']} or {row['better']}: {row['verdict']}" \
                if row["to_be"] else ""
            bound = f"95% between {row['low95']} and {row['high95']}" if row["low95"] else \
                f"no interval of {row['runs']} rounds, {LEAST_PAIRS} at least"
            yield f"{row['contender']} / {row['base']}, {row['what']}: {row['median']}, {bound}{aim}"
