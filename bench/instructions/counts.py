"""Expected counts: a file with a record for each key, and how found ones compare."""

import dataclasses
import json
import os
import pathlib

from runner.problems import Failure

TOLERANCE_PERCENT = 3


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One path; `expected` or `found` is None where it is not there."""

    path: str
    expected: float | None
    found: float | None

    @property
    def percent(self):
        # Rounded, so that exactly the tolerance is within it.
        return round((self.found - self.expected) * 100 / self.expected, 6)

    @property
    def is_over(self):
        return self.found is None or (self.expected is not None
                                      and self.percent > TOLERANCE_PERCENT)

    @property
    def is_improved(self):
        return None not in (self.found, self.expected) and self.percent < -TOLERANCE_PERCENT

    def __str__(self):
        if self.found is None:
            return f"{self.path}: expected {self.expected:.1f}, and the program does not run it"
        if self.expected is None:
            return f"{self.path}: found {self.found:.1f}, not recorded"
        return (f"{self.path}: expected {self.expected:.1f}, found {self.found:.1f}, "
                f"{self.percent:+.1f}%")


def compare(expected, found):
    """All paths of both, in the order of `found`."""
    paths = [*found, *(path for path in expected if path not in found)]
    return [Comparison(path, expected.get(path), found.get(path)) for path in paths]


def load(file):
    """{key: {path: instructions}}"""
    try:
        records = json.loads(pathlib.Path(file).read_text())
    except (OSError, ValueError) as problem:
        raise Failure(f"{file} cannot be read: {problem}") from problem
    if not _is_table(records):
        raise Failure(f"{file} is no table of counts above 0 by key and path")
    return records


def _is_table(records):
    return isinstance(records, dict) and all(
        isinstance(counts, dict) and all(
            isinstance(count, (int, float)) and not isinstance(count, bool) and count > 0
            for count in counts.values())
        for counts in records.values())


def record(file, records, key, found):
    """Writes the records with `found` in the place of what the key had."""
    text = json.dumps(dict(sorted({**records, key: found}.items())), indent=2) + "\n"
    beside = pathlib.Path(f"{file}.new")
    try:
        try:
            beside.write_text(text)
            os.replace(beside, file)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as problem:
        raise Failure(f"{file} cannot be written: {problem.strerror}") from problem
