"""One HTML page of a folder of results, with everything that it needs inside."""

import json
import os
import pathlib
import re

from . import results
from .problems import Failure
from .statistics import summarize

CHART_LIBRARY = "/usr/share/javascript/chart.js/chart.min.js"
TEMPLATE = pathlib.Path(__file__).with_name("page.html")
PERCENTILES = {"50": "latency_p50_micros", "95": "latency_p95_micros", "99": "latency_p99_micros",
               "99.9": "latency_p999_micros"}
METRICS = ("mib_per_sec", "cpu_ns_per_byte", "max_rss_bytes", *PERCENTILES.values())
CELL = re.compile(r"(?P<scenario>\w+)-(?P<connections>\d+)x(?P<frame>\d+)")


def report(arguments):
    root = pathlib.Path(arguments.results)
    if not root.is_dir():
        raise Failure(f"{root}: no such folder")
    data = collect(root)
    if not data["series"] and not data["cells"]:
        raise Failure(f"{root}: has no results: no runs.csv in it or in a folder of it")
    page = pathlib.Path(arguments.out or root / "report.html")
    results.write_text(page, render(data))
    print(f"page: {page}")


def collect(root):
    """What the page shows, as plain data."""
    series, cells = [], []
    for folder in [root, *sorted(path for path in root.iterdir() if path.is_dir())]:
        if not (folder / "runs.csv").exists():
            continue
        one = _series(folder)
        if cell := CELL.fullmatch(folder.name):
            cells.append({**one, "scenario": cell["scenario"], "frame": int(cell["frame"]),
                          "connections": int(cell["connections"])})
        else:
            series.append(one)
    environment = root / "environment.txt"
    facts = environment.read_text().splitlines() if environment.exists() else []
    return {"title": root.name, "series": series, "cells": cells,
            "environment": [line.split("=", 1) for line in facts]}


def _series(folder):
    rows = results.read_table(folder / "runs.csv")
    service = folder / "service-runs.csv"
    costs = results.read_table(service) if service.exists() else rows
    ratios = folder / "ratios.csv"
    first = rows[0]
    return {
        "scenario": first["scenario"], "transport": first["transport"],
        "completion": first["completion"], "connections": int(float(first["connections"])),
        "tunnel_bytes": int(float(first["tunnel_bytes"])),
        "split": service.exists(), "runs": max(int(row["run"]) for row in rows),
        "contenders": _contenders(rows, costs),
        "ratios": results.read_table(ratios) if ratios.exists() else [],
    }


def _contenders(rows, costs):
    """Throughput and latency as the driver saw them; CPU and memory of the service where there is
    one."""
    contenders = {}
    for side, metrics in ((rows, [m for m in METRICS if m not in ("cpu_ns_per_byte",
                                                                  "max_rss_bytes")]),
                          (costs, ["cpu_ns_per_byte", "max_rss_bytes"])):
        for name in dict.fromkeys(row["implementation"] for row in side):
            of_name = [row for row in side if row["implementation"] == name]
            for metric in metrics:
                summary = summarize([float(row[metric]) for row in of_name])
                contenders.setdefault(name, {})[metric] = {
                    "median": summary.median, "least": summary.least, "most": summary.most}
    return contenders


def render(data):
    library = pathlib.Path(os.environ.get("BYTES_HANDOFF_CHART_LIBRARY", CHART_LIBRARY))
    try:
        script = library.read_text()
    except OSError as error:
        raise Failure(f"{library}: {error.strerror}; the charts need Chart.js "
                      "(Debian: libjs-chart.js)") from error
    # What would end the script element, or begin a comment in it, cannot stand there as it is.
    plain = json.dumps(data).replace("<", "\\u003c")
    script = re.sub(r"//# sourceMappingURL=\S*", "", script).replace("</script", "<\\/script")
    return TEMPLATE.read_text().replace("/*LIBRARY*/", script).replace("/*DATA*/null", plain)
