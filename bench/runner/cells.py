"""The cells of a matrix: their folders, and one table of them all."""

import re

from . import results
from .figures import number_of
from .statistics import summarize

_NAME = re.compile(r"(?P<scenario>\w+)-(?P<connections>\d+)x(?P<frame_size>\d+)")
_METRICS = ("mib_per_sec", "cpu_ns_per_byte", "max_rss_bytes", "latency_p50_micros",
            "latency_p99_micros")
_OF_THE_SERVICE = ("cpu_ns_per_byte", "max_rss_bytes")


def place_of(folder):
    """Scenario, connections and size of frame of a cell's folder; None for another folder."""
    found = _NAME.fullmatch(folder.name)
    return found and {key: number_of(text) for key, text in found.groupdict().items()}


def write(root):
    """`matrix.csv`: a row for each contender of each cell, medians, and CPU over the base's."""
    rows = []
    for folder in root.iterdir():
        if place := place_of(folder):
            rows += [[*place.values(), *row] for row in _rows(folder)]
    rows.sort(key=lambda row: row[:3])
    results.write_table(root / "matrix.csv", [
        "scenario", "connections", "frame_size", "contender", "runs", *_METRICS, "base",
        "cpu_ratio", "low95", "high95"], rows)


def _rows(folder):
    sides = {side: results.read_runs(folder, side) for side in ("driver", "service")}
    costs = [row for row in results.read_ratios(folder)
             if (row["side"], row["metric"]) == ("service", "cpu_ns_per_byte")]
    # The first base is the one that all are compared with.
    ratios = {row["contender"]: row for row in costs if row["base"] == costs[0]["base"]}
    for label in sides["driver"]:
        medians = []
        for metric in _METRICS:
            runs = sides["service" if metric in _OF_THE_SERVICE else "driver"].get(label, {})
            values = results.measured(runs, metric).values()
            medians.append(summarize(values).median if values else "")
        ratio = ratios.get(label, {})
        yield [label, len(sides["driver"][label]), *medians,
               *(ratio.get(key, "") for key in ("base", "median", "low95", "high95"))]
