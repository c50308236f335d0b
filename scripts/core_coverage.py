#!/usr/bin/env python3
"""Says which lines and branches of the core its tests do not reach.

    core_coverage.py <source directory> <build directory> <coverage> [<exclusions>]

<coverage> is what `llvm-cov export` prints. Templates count once: what one instantiation has reached
is reached. What no instantiation compiles is found in the syntax tree. A branch in a macro is a
branch of the line that uses the macro.

<exclusions> has paragraphs, each of which says that one line or branch is not reached, and why:

    file: src/example.cpp
    line: if (handle == nullptr) {
    never true: handle == nullptr
    why: The system has no way to answer that.

In place of "never true" there may be "never false", or "never runs:" for a line. Prints one line a
finding; exit status 1 if there is one. A paragraph that fits nothing is a finding, too.
"""

import bisect
import collections
import json
import pathlib
import re
import subprocess
import sys

CORE = ("include/bytes_handoff/core/", "include/bytes_handoff/bytes.hpp",
        "include/bytes_handoff/bytes_mut.hpp", "include/bytes_handoff/framers.hpp",
        "include/bytes_handoff/handoff_buffer.hpp", "src/")
NEVER = ("never runs", "never true", "never false")
EXPANSION = 1  # the kind of a region that a macro has brought
COMPILER = "clang++-19"
FUNCTIONS = {"FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl",
             "CXXConversionDecl"}

Finding = collections.namedtuple("Finding", "file line text what condition")


def is_of_core(name):
    return name.startswith(CORE)


class Sources:
    """The texts of the source files, by their names in the repository."""

    def __init__(self, root):
        self.root = root
        self.texts = {}

    def name(self, path):
        path = pathlib.Path(path)
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def lines(self, name):
        if name not in self.texts:
            self.texts[name] = (self.root / name).read_text().split("\n")
        return self.texts[name]

    def line(self, name, number):
        return self.lines(name)[number - 1]

    def has_code(self, name, number):
        text = self.line(name, number).strip()
        return not text.startswith(("//", "#")) and re.search(r"\w", text) is not None

    def between(self, name, region):
        """The text of a region, in one line."""
        first_line, first, last_line, last = region
        lines = self.lines(name)[first_line - 1:last_line]
        lines[-1] = lines[-1][:last - 1]
        lines[0] = lines[0][first - 1:]
        return " ".join(line.strip() for line in lines)


# ---- Lines.


def counts_of_lines(segments, lines):
    """For each line with code that is compiled: how often the most frequent part of it has run."""
    places = [(segment[0], segment[1]) for segment in segments]
    counts = {}
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        first = (number, len(text) - len(text.lstrip()) + 1)
        begin = max(bisect.bisect_right(places, first) - 1, 0)
        end = bisect.bisect_right(places, (number, len(text)))
        for _, _, count, has_count, _, is_gap in segments[begin:end]:
            if has_count and not is_gap:
                counts[number] = max(counts.get(number, 0), count)
    return counts


def compiled_lines(coverage, sources):
    lines = {}
    for file in coverage["files"]:
        name = sources.name(file["filename"])
        if is_of_core(name):
            lines[name] = counts_of_lines(file["segments"], sources.lines(name))
    return lines


# ---- Functions that no test instantiates.


class SyntaxTree:
    """Where functions of the core have bodies, in a dump that leaves out what it has just said."""

    def __init__(self, sources):
        self.sources = sources
        self.file = ""
        self.line = 0
        self.bodies = set()

    def see(self, node):
        if isinstance(node, list):
            for inner in node:
                self.see(inner)
        elif isinstance(node, dict):
            if "offset" in node:
                self.file = node.get("file", self.file)
                self.line = node.get("line", self.line)
                node["at"] = (self.file, self.line)
            for key, inner in node.items():
                if key != "includedFrom" and isinstance(inner, (list, dict)):
                    self.see(inner)
            if node.get("kind") in FUNCTIONS and "explicitlyDefaulted" not in node:
                self.note_body(node)

    def note_body(self, function):
        for inner in function.get("inner", []):
            ends = inner.get("range", {})
            is_body = inner.get("kind") == "CompoundStmt"
            if is_body and "at" in ends["begin"] and "at" in ends["end"]:
                file, first = ends["begin"]["at"]
                name = self.sources.name(file)
                if is_of_core(name):
                    self.bodies.add((name, first, ends["end"]["at"][1]))


def bodies_in_headers(sources, build):
    """(file, first line, last line) of each function with a body in a header of the core."""
    headers = sorted((sources.root / CORE[0]).glob("*/*.hpp"))
    unit = "".join(f'#include "{header.relative_to(sources.root / "include")}"\n'
                   for header in headers)
    command = [COMPILER, "-std=c++20", "-fsyntax-only", f"-I{sources.root / 'include'}",
               f"-I{build / 'generated/include'}", "-Xclang", "-ast-dump=json", "-Xclang",
               "-ast-dump-filter=bytes_handoff", "-x", "c++", "-"]
    dump = subprocess.run(command, input=unit, capture_output=True, text=True, check=True).stdout
    tree = SyntaxTree(sources)
    decoder = json.JSONDecoder()
    at = 0
    while at < len(dump):
        node, at = decoder.raw_decode(dump, at)
        tree.see(node)
        while at < len(dump) and dump[at].isspace():
            at += 1
    return tree.bodies


# ---- Branches.


def origin(function, file, region):
    """Where a region was written that macros may have brought: its file there, and where it is."""
    expansions = {r[6]: r for r in function["regions"] if r[7] == EXPANSION}
    place = (tuple(region),)
    while file in expansions:
        place = (tuple(expansions[file][:4]),) + place
        file = expansions[file][5]
    return function["filenames"][file], place


def branches_of(coverage, sources):
    """By file, place, and number of those at one place: how often each was true, and how often false.

    Operands that were handed to a macro are at the place where that has its parameter.
    """
    branches = collections.defaultdict(collections.Counter)
    for function in coverage["functions"]:
        numbers = collections.Counter()
        for found in function["branches"]:
            path, place = origin(function, found[6], found[:4])
            name = sources.name(path)
            numbers[name, place] += 1
            # Of a defaulted comparison Clang does not count where it was cut short.
            if is_of_core(name) and "= default;" not in sources.line(name, place[0][0]):
                branches[name, place, numbers[name, place]].update(
                    {"never true": found[4], "never false": found[5]})
    return branches


# ---- What is missing.


def uncovered_lines(sources, lines, bodies):
    missing = {(name, number) for name, counts in lines.items() for number, count in counts.items()
               if count == 0}
    for name, first, last in bodies:
        missing.update((name, number) for number in range(first, last + 1)
                       if number not in lines.get(name, {}))
    for name, number in sorted(missing):
        if sources.has_code(name, number):
            yield Finding(name, number, sources.line(name, number).strip(), "never runs", "")


def uncovered_branches(sources, branches):
    for (name, place, _), branch in sorted(branches.items()):
        number = place[0][0]
        text = sources.line(name, number).strip()
        condition = sources.between(name, place[0])
        for what in ("never true", "never false"):
            if branch[what] == 0:
                yield Finding(name, number, text, what, condition)


def read_exclusions(path):
    for paragraph in re.split(r"\n\s*\n", path.read_text()):
        entry = {}
        for line in paragraph.split("\n"):
            if line.startswith("  ") and entry:
                entry[key] += " " + line.strip()
            elif line and not line.startswith("#"):
                key, _, value = line.partition(":")
                entry[key] = value.strip()
        if entry:
            what = [key for key in NEVER if key in entry]
            if set(entry) != {"file", "line", "why", *what} or len(what) != 1 or not entry["why"]:
                sys.exit(f"{path}: needs file, line, why, and one of {', '.join(NEVER)}:\n"
                         f"{paragraph}")
            yield Finding(entry["file"], 0, entry["line"], what[0], entry[what[0]])


def compare(findings, exclusions):
    """Findings that are not excluded, and exclusions that fit nothing. Each excludes one."""
    left = collections.Counter(exclusions)
    missing = []
    for finding in findings:
        key = finding._replace(line=0)
        if left[key] > 0:
            left[key] -= 1
        else:
            missing.append(finding)
    return missing, list(left.elements())


def main():
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    sys.setrecursionlimit(100000)
    sources = Sources(root)
    coverage = json.loads(pathlib.Path(sys.argv[3]).read_text())["data"][0]
    exclusions = []
    if len(sys.argv) > 4:
        exclusions = list(read_exclusions(pathlib.Path(sys.argv[4])))

    lines = compiled_lines(coverage, sources)
    branches = branches_of(coverage, sources)
    findings = [*uncovered_lines(sources, lines, bodies_in_headers(sources, build)),
                *uncovered_branches(sources, branches)]
    missing, stale = compare(findings, exclusions)
    for finding in missing:
        condition = f" {finding.condition}" if finding.condition else ""
        print(f"{finding.file}:{finding.line}: {finding.what}:{condition}\n    {finding.text}")
    for entry in stale:
        print(f"{entry.file}: excluded, but it is reached or gone: {entry.what}: {entry.condition}\n"
              f"    {entry.text}")
    places = [(name, number) for name, counts in lines.items() for number in counts]
    count = sum(sources.has_code(*place) for place in places)
    print(f"{count} lines and {2 * len(branches)} branches of the core: "
          f"{len(missing)} not reached, {len(exclusions) - len(stale)} excluded, {len(stale)} stale")
    return 1 if missing or stale else 0


if __name__ == "__main__":
    sys.exit(main())
