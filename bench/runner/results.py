"""A folder of results: what each run printed, a row a run, and their summary."""

import contextlib
import csv
import pathlib

from .harness import values_of
from .problems import Failure
from .statistics import ratio_of_pairs, summarize

# What is compared between contenders, and whether less is better.
COMPARED = {"mib_per_sec": False, "cpu_ns_per_byte": True, "latency_p50_micros": True,
            "latency_p99_micros": True, "max_rss_bytes": True}


@contextlib.contextmanager
def writing(path):
    """Turns what the system says about a results folder into one line that names it."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error


def new_folder(path):
    path = pathlib.Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    return path


def write_text(path, text):
    with writing(path):
        path.write_text(text)


def write_table(path, header, rows):
    with writing(path), path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Series:
    """The runs of one shape, in their order: round 1 of every contender, then round 2."""

    def __init__(self, folder, implementations):
        self.folder = folder
        self._alone = len(implementations) == 1
        self._runs = {}  # (side, implementation): a dictionary of values a round

    def add(self, implementation, number, outcome):
        self._add("", implementation, number, outcome.lines)
        if outcome.service_lines is not None:
            self._add("service", implementation, number, outcome.service_lines)

    def _add(self, side, implementation, number, lines):
        parts = [side] if side and self._alone else [implementation, *([side] if side else [])]
        name = f"{'-'.join(parts)}-run-{number}.txt"
        write_text(self.folder / name, lines)
        self._runs.setdefault((side, implementation), []).append(values_of(lines))

    def sides(self):
        return sorted({side for side, _ in self._runs})

    def of(self, side):
        """The runs of each contender on one side."""
        return {name: runs for (of, name), runs in self._runs.items() if of == side}

    def finish(self):
        """Writes the tables, and returns the closing lines."""
        for side in self.sides():
            prefix = f"{side}-" if side else ""
            runs = self.of(side)
            keys = list(next(iter(runs.values()))[0])
            write_table(self.folder / f"{prefix}runs.csv", ["run", *keys], [
                [number, *(values[key] for key in keys)]
                for number, round_ in enumerate(zip(*runs.values(), strict=True), 1)
                for values in round_])
            write_table(self.folder / f"{prefix}summary.csv",
                        ["metric", "mean", "stdev", "median", "min", "max", "implementation"],
                        _summary_rows(runs, keys))
        ratios = self._ratios()
        if ratios:
            write_table(self.folder / "ratios.csv",
                        ["side", "metric", "implementation", "base", "median", "min", "max",
                         "low95", "high95"], ratios)
        return self._closing_lines(ratios)

    def _ratios(self):
        rows = []
        for side in self.sides():
            runs = self.of(side)
            base = list(runs)[-1]
            for metric in COMPARED:
                of_base = [values[metric] for values in runs[base]]
                for name in list(runs)[:-1]:
                    of_name = [values[metric] for values in runs[name]]
                    if min(of_base) <= 0 or min(of_name) <= 0:
                        continue  # nothing was measured
                    ratio = ratio_of_pairs(of_name, of_base)
                    rows.append([side or "all", metric, name, base, *(
                        f"{figure:.4f}" for figure in
                        (ratio.median, ratio.least, ratio.most, ratio.low, ratio.high))])
        return rows

    def _closing_lines(self, ratios):
        lines = []
        side = self.sides()[-1]
        for name, runs in self.of(side).items():
            rate = summarize([values["mib_per_sec"] for values in runs])
            cost = summarize([values["cpu_ns_per_byte"] for values in runs])
            lines.append(f"{name}: {len(runs)} runs, {rate.median:.2f} MiB/s, "
                         f"{cost.median:.4f} ns of CPU a byte"
                         f"{' on the service side' if side else ''}")
        for of, metric, name, base, median, least, most, low, high in ratios:
            if metric == "cpu_ns_per_byte" and of == (side or "all"):
                bound = "" if low == "nan" else f", 95% between {low} and {high}"
                lines.append(f"{name} / {base}, CPU a byte: {median} [{least} .. {most}]{bound}")
        return lines


def _summary_rows(runs, keys):
    rows = []
    for name, of_name in runs.items():
        for key in keys:
            values = [run[key] for run in of_name]
            if all(isinstance(value, float) for value in values):
                summary = summarize(values)
                rows.append([key, summary.mean, summary.stdev, summary.median, summary.least,
                             summary.most, name])
    return rows
