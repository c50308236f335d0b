"""One HTML page of a folder of results, with everything that it needs inside."""

import json
import os
import pathlib
import re

from . import cells, results
from .figures import LEAST_SECONDS, PERCENTILES, number_of
from .problems import Failure
from .statistics import summarize

CHART_LIBRARY = "/usr/share/javascript/chart.js/chart.min.js"
PAGE = pathlib.Path(__file__).with_name("page")
OF_THE_SERVICE = ("cpu_ns_per_byte", "max_rss_bytes")
METRICS = ("mib_per_sec", *OF_THE_SERVICE, *PERCENTILES, "streams_per_sec", "streams_per_cpu_second",
           "cpu_micros_per_stream", "idle_bytes_per_connection")


def report(arguments):
    root = pathlib.Path(arguments.results)
    if not root.is_dir():
        raise Failure(f"{root}: no such folder")
    data = collect(root)
    if not any(data[kind] for kind in ("series", "cells", "targets", "latency")):
        raise Failure(f"{root}: has no results: no runs.csv in it or in a folder of it")
    page = pathlib.Path(arguments.out or root / "report.html")
    results.write_text(page, render(data))
    print(f"page: {page}")


def collect(root):
    """What the page shows, as plain data: of a folder that is not finished, what there is."""
    series, of_matrix = [], []
    wanted = _targets(root)
    for folder in [root, *_in_order(root, wanted)]:
        if (one := _series(folder, folder.name if folder != root else "")) is None:
            continue
        if place := cells.place_of(folder):
            of_matrix.append({**one, **place})
        else:
            series.append(one)
    environment = root / "environment.txt"
    facts = environment.read_text().splitlines() if environment.exists() else []
    return {"title": root.resolve().name, "series": series, "cells": of_matrix,
            "targets": wanted, "latency": _latency(root), "shortest": LEAST_SECONDS,
            "environment": [line.split("=", 1) for line in facts]}


def _in_order(root, wanted):
    """Folders with a target as these are listed, the others behind them by name."""
    known = list(dict.fromkeys(row["folder"] for row in wanted))

    def place(folder):
        return known.index(folder.name) if folder.name in known else len(known), folder.name

    return sorted((path for path in root.iterdir() if path.is_dir()), key=place)


def _series(folder, name):
    service = results.read_runs(folder, "service")
    # Earlier folders have no name for the driver's side.
    driver = results.read_runs(folder, "driver") or results.read_runs(folder)
    if not driver:
        return None
    every = [values for rounds in driver.values() for values in rounds.values()]
    seconds = [values["total_seconds"] for values in every if values.get("total_seconds", "") != ""]
    return {
        "name": name, "split": bool(service), "runs": max(map(len, driver.values())),
        "least_seconds": min(seconds, default=None),
        **{key: _common(every, key) for key in ("scenario", "transport", "completion",
                                                "connections", "tunnel_bytes", "counts")},
        "contenders": {label: _medians(rounds, service.get(label, {}) if service else rounds)
                       for label, rounds in driver.items()},
        "ratios": [_ratio(row) for row in results.read_ratios(folder)],
    }


def _common(runs, key):
    """What all runs have there; none where they differ."""
    values = {run.get(key) for run in runs}
    return values.pop() if len(values) == 1 else None


def _medians(driver, service):
    """Throughput and latency as the driver saw them; CPU and memory of the service where there is
    one. What was not measured is left out."""
    medians = {}
    for metric in METRICS:
        values = results.measured(service if metric in OF_THE_SERVICE else driver, metric)
        if values:
            medians[metric] = _spread(values.values())
    return medians


def _spread(values):
    summary = summarize(values)
    return {"median": summary.median, "least": summary.least, "most": summary.most}


def _figure(text):
    """A number of a table; what is empty or no number is none."""
    value = number_of(text or "")
    return value if isinstance(value, (int, float)) and value == value else None


def _ratio(row):
    return {"side": row["side"], "metric": row["metric"], "base": row["base"],
            "contender": row.get("contender") or row["implementation"],
            "rounds": _figure(row.get("rounds")), "low": _figure(row["low95"]),
            "high": _figure(row["high95"]),
            **{key: _figure(row[key]) for key in ("median", "min", "max")}}


def _targets(root):
    path = root / "targets.csv"
    return [{**row, "low": _figure(row["low95"]), "high": _figure(row["high95"]),
             **{key: _figure(row[key]) for key in ("median", "to_be", "stretch")}}
            for row in (results.read_table(path) if path.exists() else [])]


def _latency(root):
    path = root / "latency.csv"
    runs = {}
    for row in results.read_table(path) if path.exists() else []:
        label = row.get("contender") or row["implementation"]
        runs.setdefault(label, []).append(float(row["p50_micros"]))
    return [{"label": label, **_spread(values)} for label, values in runs.items()]


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
    page = (PAGE / "page.html").read_text()
    for mark, text in (("/*STYLE*/", (PAGE / "page.css").read_text()),
                       ("/*CHARTS*/", (PAGE / "charts.js").read_text()),
                       ("/*SECTIONS*/", (PAGE / "sections.js").read_text()),
                       ("/*LIBRARY*/", script), ("/*DATA*/null", plain)):
        page = page.replace(mark, text)
    return page
