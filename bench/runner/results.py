"""A folder of results: what each run printed, a row a run, and their summary."""

import contextlib
import csv
import io
import pathlib

from .figures import CONFIGURATION, LEAST_SECONDS, figures_of, is_measure, number_of
from .problems import Failure
from .statistics import LEAST_PAIRS, ratio_of_pairs, summarize

# What is compared between contenders, and whether less is better.
COMPARED = {"mib_per_sec": False, "cpu_ns_per_byte": True, "latency_p50_micros": True,
            "latency_p99_micros": True, "max_rss_bytes": True,
            "cpu_micros_per_stream": True, "streams_per_sec": False,
            "idle_bytes_per_connection": True}
RATIO_COLUMNS = ["side", "metric", "contender", "base", "rounds", "median", "min", "max", "low95",
                 "high95"]


@contextlib.contextmanager
def writing(path):
    """Turns what the system says about a results folder into one line that names it."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error


def refuse_old(path):
    """Raises Failure where a folder of results could not be a new one."""
    if pathlib.Path(path).exists():
        raise Failure(f"{path}: File exists")


def new_folder(path):
    path = pathlib.Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    return path


def write_text(path, text):
    """In one step: an interrupt leaves the file as it was before, or whole."""
    with writing(path):
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.replace(path)


def write_table(path, header, rows):
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    write_text(path, text.getvalue())


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Series:
    """The runs of one shape, in their order: round 1 of every contender, then round 2. The tables
    are those of what has run so far."""

    def __init__(self, folder, contenders):
        self.folder = folder
        self._labels = [contender.label for contender in contenders]
        last = contenders[-1]
        self._base = last.label
        # What the others are compared with, too: other forms of the last one.
        forms = [each.label for each in contenders[:-1]
                 if each.implementation == last.implementation]
        self._other_bases = forms if len(forms) < len(contenders) - 1 else []
        self._runs = {}  # (side, label): a dictionary of values by the number of the round

    def add(self, label, number, outcome):
        """Keeps a run, and writes the tables again."""
        for side, lines in outcome.sides().items():
            name = "-".join([label, *([side] if side else []), "run", str(number)])
            write_text(self.folder / f"{name}.txt", lines)
            self._runs.setdefault((side, label), {})[number] = figures_of(lines)
        self._write()

    def sides(self):
        return sorted({side for side, _ in self._runs})

    def of(self, side):
        """The runs of each contender on one side, by round."""
        return {label: self._runs[side, label] for label in self._labels
                if (side, label) in self._runs}

    def _write(self):
        for side in self.sides():
            prefix = f"{side}-" if side else ""
            runs = self.of(side)
            keys = list(dict.fromkeys(
                key for rounds in runs.values() for values in rounds.values() for key in values))
            last = max(max(rounds) for rounds in runs.values())
            write_table(self.folder / f"{prefix}runs.csv", ["run", "contender", *keys], [
                [number, label, *(rounds[number].get(key, "") for key in keys)]
                for number in range(1, last + 1)
                for label, rounds in runs.items() if number in rounds])
            write_table(self.folder / f"{prefix}summary.csv",
                        ["metric", "mean", "stdev", "median", "min", "max", "contender"],
                        _summary_rows(runs, keys))
        if ratios := self.ratios():
            write_table(self.folder / "ratios.csv", RATIO_COLUMNS, [
                [side or "all", metric, label, base, ratio.pairs, *(
                    f"{figure:.4f}" if figure is not None else ""
                    for figure in (ratio.median, ratio.least, ratio.most, ratio.low, ratio.high))]
                for side, metric, label, base, ratio in ratios])

    def ratios(self):
        """Each metric of each contender over each base: side, metric, label, base, ratio."""
        return [(side, metric, label, base, ratio)
                for side in self.sides() for base in (self._base, *self._other_bases)
                for metric in COMPARED
                for label in self.of(side) if label not in (base, self._base)
                if (ratio := ratio_of_rounds(self.of(side), metric, label, base))]

    def closing_lines(self):
        lines = []
        if not self._runs:
            return lines
        side = self.sides()[-1]
        for label, rounds in self.of(side).items():
            costs = measured(rounds, "cpu_ns_per_byte")
            rates = measured(rounds, "mib_per_sec")
            if not costs or not rates:
                continue
            lines.append(f"{label}: {len(rounds)} runs, "
                         f"{summarize(rates.values()).median:.2f} MiB/s, "
                         f"{summarize(costs.values()).median:.4f} ns of CPU a byte"
                         f"{' on the service side' if side else ''}{_too_short(rounds)}")
        for of, metric, label, base, ratio in self.ratios():
            if metric == "cpu_ns_per_byte" and of == side:
                bound = f"95% between {ratio.low:.4f} and {ratio.high:.4f}" \
                    if ratio.low is not None else \
                    f"no interval of {ratio.pairs} rounds, {LEAST_PAIRS} at least"
                lines.append(f"{label} / {base}, CPU a byte: {ratio.median:.4f} "
                             f"[{ratio.least:.4f} .. {ratio.most:.4f}], {bound}")
        return lines


def measured(rounds, metric):
    """The values of a metric that are measures, by round."""
    return {number: values[metric] for number, values in rounds.items()
            if is_measure(values.get(metric, ""))}


def ratio_of_rounds(runs, metric, label, base):
    """One label over another in the rounds that both have; None where nothing was measured."""
    ours, theirs = (measured(runs.get(one, {}), metric) for one in (label, base))
    both = [number for number in ours if number in theirs]
    if not both or min(ours[number] for number in both) <= 0 \
            or min(theirs[number] for number in both) <= 0:
        return None
    return ratio_of_pairs([ours[number] for number in both], [theirs[number] for number in both])


def _too_short(rounds):
    seconds = measured(rounds, "total_seconds")
    if not seconds or min(seconds.values()) >= LEAST_SECONDS:
        return ""
    return f" (TOO SHORT: a run of {min(seconds.values()):.4f} s measures little)"


def _summary_rows(runs, keys):
    rows = []
    for label, rounds in runs.items():
        for key in keys:
            values = list(measured(rounds, key).values())
            if key not in CONFIGURATION and values:
                summary = summarize(values)
                rows.append([key, summary.mean, summary.stdev, summary.median, summary.least,
                             summary.most, label])
    return rows


def read_runs(folder, side=""):
    """The runs of a folder by contender and round, as `Series` keeps them; empty without any."""
    path = folder / (f"{side}-runs.csv" if side else "runs.csv")
    runs = {}
    for row in read_table(path) if path.exists() else []:
        values = {key: number_of(text) for key, text in row.items()}
        label = row.get("contender") or row["implementation"]
        runs.setdefault(label, {})[int(row["run"])] = values
    return runs


def read_ratios(folder):
    path = folder / "ratios.csv"
    return read_table(path) if path.exists() else []
