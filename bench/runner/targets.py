"""The figures that have a target: what each is, what it is to be, and what has been measured."""

import dataclasses

from . import results
from .contenders import NGINX
from .figures import number_of
from .statistics import interval, summarize

README_LOOP, EXPERT = "handoff_coroutine", "handoff"
COPY, COPY_EQUAL = "raw_copy", "raw_copy:read-block=65536"  # handoff reads into blocks of 64 KiB


@dataclasses.dataclass(frozen=True)
class Row:
    """A ratio of two contenders in one folder, or, without a base, a value of one."""

    folder: str
    contender: str
    base: str | None
    metric: str
    what: str
    to_be: float | None
    stretch: float | None = None
    more_is_better: bool = False
    side: str = "service"
    unit: float = 1  # that a value is divided by


def _split(folder, contender, base, what, to_be, stretch=None):
    return Row(folder, contender, base, "cpu_ns_per_byte", what, to_be, stretch)


_COALESCED, _FRAGMENTED = "split TCP coalesced", "split TCP fragmented"
ROWS = (
    _split("split-coalesced", README_LOOP, COPY_EQUAL, f"{_COALESCED}: CPU per byte", None),
    _split("split-coalesced", README_LOOP, COPY, f"{_COALESCED}: CPU per byte", 0.60),
    _split("split-coalesced", README_LOOP, "splice", f"{_COALESCED}: CPU per byte", 1.15, 1.05),
    _split("split-coalesced", README_LOOP, EXPERT, f"{_COALESCED}: CPU per byte", 1.03),
    _split("split-coalesced", EXPERT, COPY, f"{_COALESCED}: CPU per byte", 0.60),
    _split("split-coalesced", EXPERT, "splice", f"{_COALESCED}: CPU per byte", 1.15, 1.05),
    _split("split-fragmented", README_LOOP, COPY_EQUAL, f"{_FRAGMENTED}: CPU per byte", None),
    _split("split-fragmented", README_LOOP, COPY, f"{_FRAGMENTED}: CPU per byte", 1.00, 0.95),
    _split("split-fragmented", README_LOOP, EXPERT, f"{_FRAGMENTED}: CPU per byte", 1.05),
    _split("split-fragmented", EXPERT, COPY, f"{_FRAGMENTED}: CPU per byte", 1.00, 0.95),
    *(Row("one-process-equal-reads", f"{name}:read-block=8192", "raw_copy:read-block=8192",
          "mib_per_sec", "TCP in one process, fragmented, equal reads: throughput", 1.0, 1.1, True,
          "") for name in (README_LOOP, EXPERT)),
    *(Row("one-process-defaults", name, COPY, "mib_per_sec",
          "TCP in one process, fragmented, defaults: throughput", None, None, True, "")
      for name in (README_LOOP, EXPERT, "handoff:gather-micros=100")),
    Row("duplex-fragmented", EXPERT, "manual_vec", "mib_per_sec", "duplex fragmented: throughput",
        1.2, None, True, ""),
    Row("duplex-coalesced", EXPERT, "manual_vec", "mib_per_sec", "duplex coalesced: throughput",
        1.0, None, True, ""),
    Row("cached", EXPERT, "manual_vec", "cpu_ns_per_byte", "cached, 16 KiB: CPU per byte", 1.05,
        0.95, False, ""),
    *(Row("short-connections", name, base, "cpu_micros_per_stream",
          "connections of one frame and 1 KiB: CPU per connection", 1.15, 1.0)
      for base in NGINX for name in (README_LOOP, EXPERT)),
    *(Row("idle", name, None, "bytes_per_pair", "memory of an idle TCP pair, KiB", 2.0, 1.5,
          unit=1024) for name in (README_LOOP, EXPERT)),
    Row("connections", "handoff:connections=5000", "handoff:connections=1", "cpu_ns_per_byte",
        "CPU per byte, 5,000 connections over 1", 1.3, 1.15),
    *(Row("micro", f"write_from_threads/handoff/threads:{threads}",
          "write_from_threads/handoff/threads:1", "items_per_second",
          "64-byte items from several threads: throughput", to_be, None, True)
      for threads, to_be in ((2, 1.5), (16, 2.0))),
    Row("micro", "write_from_threads/handoff/threads:16",
        "write_from_threads/mutex_deque/threads:16", "nanoseconds", "64-byte items from 16 threads: time",
        1.0),
    Row("micro", "read_owned_lines/handoff_buffer", "read_owned_lines/manual_vec_copy",
        "nanoseconds", "owned lines: time", 1.0),
    *(Row("micro", f"split_freeze_prefixes/prefix_bytes:{size}",
          f"split_freeze_prefixes/beast_flat_buffer/prefix_bytes:{size}", "nanoseconds",
          f"a split at {size} bytes: time", 1.0) for size in (64, 512)),
    Row("compile", "handoff", "plain_asio", "cpu_seconds", "compiling a coroutine: time", 1.3, 1.15),
    Row("compile", "handoff", "plain_asio", "max_rss_bytes", "compiling a coroutine: memory", 1.15,
        1.15),
    Row("compile", "handoff", "plain_asio", "object_bytes", "compiling a coroutine: object size",
        1.3, 1.15),
)
COLUMNS = ["folder", "what", "contender", "base", "runs", "median", "low95", "high95", "to_be",
           "stretch", "better", "verdict"]


def write(root, of=ROWS):
    """`targets.csv` of what has been measured in the folders of `root`."""
    rows = []
    for row in of:
        if not (root / row.folder).is_dir():
            continue
        runs = _runs(root / row.folder, row.side)
        measured = _measured(runs, row)
        if measured is None:
            rows.append([row.folder, row.what, row.contender, row.base or "", 0, "", "", "",
                         *_aims(row), "not measured"])
            continue
        count, median, low, high = measured
        rows.append([row.folder, row.what, row.contender, row.base or "", count, *(
            "" if figure is None else f"{figure:.4f}" for figure in (median, low, high)),
            *_aims(row), verdict(row, median, low, high)])
    results.write_table(root / "targets.csv", COLUMNS, rows)


def verdict(row, median, low, high):
    """Whether the whole interval, its middle alone, or nothing of it reaches what it is to be."""
    if row.to_be is None:
        return ""
    if low is None:
        return "too few runs"

    def reaches(figure):
        return figure >= row.to_be if row.more_is_better else figure <= row.to_be

    if reaches(low) and reaches(high):
        return "met"
    return "within the interval" if reaches(low) or reaches(high) else "missed"


def _aims(row):
    return ["" if row.to_be is None else row.to_be, "" if row.stretch is None else row.stretch,
            "more" if row.more_is_better else "less"]


def _runs(folder, side):
    """By contender and round, of whatever tool has filled the folder."""
    for name in ("idle.csv", "micro.csv", "compile.csv"):
        if (folder / name).exists():
            runs = {}
            for line in results.read_table(folder / name):
                values = {key: number_of(text) for key, text in line.items()}
                runs.setdefault(line["contender"], {})[values["run"]] = values
            return runs
    return results.read_runs(folder, side)


def _measured(runs, row):
    """How many, their median, and the interval; None without any."""
    if row.base is not None:
        ratio = results.ratio_of_rounds(runs, row.metric, row.contender, row.base)
        return ratio and (ratio.pairs, ratio.median, ratio.low, ratio.high)
    values = [value / row.unit
              for value in results.measured(runs.get(row.contender, {}), row.metric).values()]
    return (len(values), summarize(values).median, *interval(values)) if values else None
