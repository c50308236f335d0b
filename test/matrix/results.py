"""Results of cells: a file with one line each, and the tables of documents that are made of it."""

import hashlib
import re
from typing import NamedTuple

from roots import HERE, MATRIX, REPOSITORY

# What is recorded, and what documents show.
RECORDED = HERE / "results.txt"
README = REPOSITORY / "README.md"
PAGE = REPOSITORY / "docs" / "tested.md"
BEGIN = "<!-- made by test/matrix/run.py --record -->\n"
END = "<!-- end of what test/matrix/run.py makes -->\n"

HEAD = """\
# Results of cells, as `test/matrix/run.py --record` has taken them from build/matrix/results.txt. Fields:
# cell, outcome, tests that passed, seconds, digest of the sources, digest of the cell's line, versions,
# reason.
"""
PLACES = {"debian12": "Debian 12", "debian13": "Debian 13", "sid": "Debian sid",
          "mingw": "Windows, by MinGW and Wine", "arm64": "arm64, by qemu", "windows": "Windows",
          "macos": "macOS"}
# Options of a cell that change nothing of what is compiled.
NOTES = re.compile(r"own_gtest$|(cross|without|leaves|why|says|jobs)=")


class Result(NamedTuple):
    cell: str
    outcome: str  # passed, failed, untested
    tests: int  # that were run and passed
    seconds: int
    sources: str  # their digest
    line: str  # the digest of the cell's line
    versions: str
    reason: str

    def is_of(self, sources, line):
        return (self.sources, self.line) == (sources, digest_of(line))

    def text(self):
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.outcome} ({self.versions}; {self.tests} tests, {self.seconds} s){reason}"

    def short(self):
        return f"{self.outcome}: {self.reason}" if self.reason else self.outcome


def digest_of(line):
    return hashlib.sha256(line.encode()).hexdigest()[:12]


def read(file):
    """The last result of each cell."""
    found = {}
    if file.exists():
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                cell, outcome, tests, seconds, *rest = line.split("\t")
                found[cell] = Result(cell, outcome, int(tests), int(seconds), *rest)
    return found


def line_of(result):
    return "\t".join(re.sub(r"\s+", " ", str(field)) for field in result) + "\n"


def write(file, result):
    """Adds it. Readers take the last line of a cell."""
    with open(file, "a") as out:
        out.write(line_of(result))


# ---- Documents.

def known_result(cell, known):
    """What is recorded of a cell as it is now."""
    result = known.get(cell.name)
    return result if result and result.line == digest_of(cell.line) else None


def is_plain(cell):
    return all(NOTES.match(option) for option in cell.options) and not (cell.root and cell.root.layers)


def overview(cells, known):
    """A row for each place and compiler, with what was tested on each flavour."""
    rows = {}
    for cell in cells:
        result = known_result(cell, known)
        if not is_plain(cell) or cell.steps == ["refused"]:
            continue
        place = PLACES[cell.root.name if cell.root else cell.name.partition("-")[0]]
        compiler, _, asio = (result.versions if result else cell.compiler).partition(", ")
        row = rows.setdefault((place, cell.compiler), [compiler, "", ""])
        told = f"{asio}: {result.short()}" if asio else result.short() if result else "not run"
        row[1 + (cell.flavour == "boost_asio")] = told
    lines = ["| system | compiler | standalone Asio | Boost.Asio |", "|---|---|---|---|"]
    lines += [f"| {place} | {row[0]} | {row[1] or '–'} | {row[2] or '–'} |"
              for (place, _), row in rows.items()]
    return "\n".join(lines) + "\n"


def every_cell(cells, known):
    lines = ["| cell | with | what | tests | result |", "|---|---|---|---:|---|"]
    for cell in cells:
        result = known_result(cell, known)
        options = " ".join(f"`{option}`" for option in cell.options if not NOTES.match(option))
        steps = ", ".join(cell.steps).replace("-", "")
        without = cell.option("without") + cell.option("leaves")
        if without:
            steps += f"; without `{without}`: {cell.option('why').replace('_', ' ')}"
        versions = result.versions if result else cell.compiler
        lines.append(f"| {cell.name} | {versions} {options} | {steps} | "
                     f"{result.tests if result and result.tests else ''} | "
                     f"{result.short() if result else 'not run'} |")
    return "\n".join(lines) + "\n"


def with_table(document, table):
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{document.name} has no place for the table: {BEGIN.strip()}")
    return before + BEGIN + "\n" + table + "\n" + END + after


def documents(cells):
    known = read(RECORDED)
    return {README: with_table(README, overview(cells, known)),
            PAGE: with_table(PAGE, every_cell(cells, known))}


def record(cells):
    known = read(RECORDED) | read(MATRIX / "results.txt")
    RECORDED.write_text(HEAD + "".join(line_of(known[cell.name]) for cell in cells if cell.name in known))
    for document, text in documents(cells).items():
        document.write_text(text)


def check(cells):
    """Whether the documents show what is recorded. Prints what does not."""
    wrong = [document for document, text in documents(cells).items() if document.read_text() != text]
    for document in wrong:
        print(f"{document.relative_to(REPOSITORY)}: not what test/matrix/results.txt says: run "
              "test/matrix/run.py --record")
    return 1 if wrong else 0
