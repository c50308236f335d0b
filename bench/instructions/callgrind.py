"""Callgrind: running the program under it, and what is counted of the files that it writes."""

import os
import pathlib
import re
import shutil
import tempfile

from runner.children import Children
from runner.problems import Failure

LIMIT_SECONDS = 300
PACKAGE_OF_SYMBOLS = "libc6-dbg"

# Their cost depends on the machine's C library, and on which variant it picks for the processor.
_LEFT_OUT = re.compile("|".join((
    r"(__)?w?mem(cpy|move|pcpy|chr|rchr|set|cmp|cmpeq)(_\w+)?",
    r"(__libc_|__)?(malloc|free|cfree|calloc|realloc|memalign|aligned_alloc|posix_memalign)",
    r"(_int_|tcache_|malloc_)\w+|(_mid_)?memalign\w*|sysmalloc|systrim|unlink_chunk",
    r"operator (new|delete)(\[\])?(\(.*\))?")))
_C_LIBRARY = re.compile(r"libc[.-][^/]*")


def is_left_out(function):
    """Whether a function's own cost is not counted."""
    name = re.sub(r"(@.*| ?\[clone .*|\.\w+\.\d+|'\d+)$", "", function)
    return _LEFT_OUT.fullmatch(name) is not None


def counted(text):
    """What the functions of a file of callgrind cost by themselves, but for those left out."""
    costs = own_costs(text)
    for (shared_object, function), cost in costs.items():
        if cost and function.startswith("0x") and \
                _C_LIBRARY.fullmatch(shared_object.rpartition("/")[2]):
            raise Failure("callgrind does not know the names of the C library's functions "
                          f"(Debian: {PACKAGE_OF_SYMBOLS})")
    return sum(cost for (_, function), cost in costs.items() if not is_left_out(function))


def own_costs(text):
    """Instructions by (object, function), without those of what it calls."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        try:
            reader.read(line)
        except (ValueError, IndexError) as problem:
            raise Failure(f"line {number} of callgrind's file, '{line}', is not understood") \
                from problem
    return reader.result()


class _Reader:
    def __init__(self):
        self._names = {"fn": {}, "ob": {}}
        self._at = {"fn": "", "ob": ""}
        self._own = {}
        self._positions, self._event, self._total = 1, None, None
        self._is_of_call = False  # the next line of costs

    def read(self, line):
        if re.match(r"[0-9+*-]", line):
            return self._read_costs(line.split())
        header = re.match(r"([a-z0-9]+):(.*)", line)
        if header:
            return self._read_header(header.group(1), header.group(2).split())
        if line == "" or line.startswith("#"):
            return None
        key, equals, value = line.partition("=")
        if not equals:
            raise ValueError
        return self._read_name(key, value)

    def _read_costs(self, words):
        costs = words[self._positions:]
        if self._is_of_call:
            self._is_of_call = False
        elif self._event < len(costs):  # what is missing at the end is 0
            place = self._at["ob"], self._at["fn"]
            self._own[place] = self._own.get(place, 0) + int(costs[self._event])

    def _read_header(self, key, words):
        if key == "positions":
            self._positions = len(words)
        elif key == "events":
            self._event = words.index("Ir")
        elif key == "totals":
            self._total = int(words[self._event])

    def _read_name(self, key, value):
        kind = key[1:] if key in ("cfn", "cob") else key
        if kind in self._names:
            # "(7) name" gives the name a number, "(7)" refers to it.
            compressed = re.fullmatch(r"\((\d+)\)(?: (.*))?", value)
            number, name = compressed.groups() if compressed else (value, value)
            if name is not None:
                self._names[kind][number] = name
            if kind == key:
                self._at[kind] = number
        elif key == "calls":
            self._is_of_call = True
        elif key not in ("fl", "fi", "fe", "cfi", "cfl"):
            raise ValueError

    def result(self):
        if self._total is None or self._total != sum(self._own.values()):
            raise Failure("callgrind's file is cut off, or not understood: its total is not the "
                          "sum of its costs")
        named = {}
        for (shared_object, function), cost in self._own.items():
            place = (self._names["ob"].get(shared_object, ""), self._names["fn"].get(function, ""))
            named[place] = named.get(place, 0) + cost
        return named


def count(program):
    """Runs the program; returns its key, and the instructions of one repetition of each path."""
    if shutil.which("valgrind") is None:
        raise Failure("valgrind is not installed (Debian: valgrind)")
    if not os.access(program, os.X_OK) or not pathlib.Path(program).is_file():
        raise Failure(f"'{program}' is not there, or no program; build bench_instructions "
                      "(cmake --preset release; "
                      "cmake --build --preset release --target bench_instructions)")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        key, sections = _sections(_run(os.path.abspath(program), folder))
        counts = {}
        for number, (path, repetitions) in enumerate(sections, 1):
            dump = folder / f"dump.{number}"
            if not dump.is_file():
                raise Failure(f"callgrind has written nothing for the section {number}, '{path}'")
            counts.setdefault(path, {})[repetitions] = counted(dump.read_text(errors="replace"))
    return key, {path: _of_one(path, by_repetitions) for path, by_repetitions in counts.items()}


def _run(program, folder):
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/dump",
               "--toggle-collect=bench_instructions_count",
               "--dump-before=bench_instructions_dump", program]
    # Nothing of the user's that changes what valgrind or the C library does.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    output, errors = folder / "output", folder / "errors"
    with output.open("w") as to_output, errors.open("w") as to_errors, Children() as children:
        child = children.start(command, stdout=to_output, stderr=to_errors, cwd=folder,
                               env=environment)
        status = children.wait(child, LIMIT_SECONDS)
    if status is None:
        raise Failure(f"the program has not ended after {LIMIT_SECONDS} s under valgrind")
    if status != 0:
        said = errors.read_text(errors="replace").strip().splitlines()
        raise Failure(f"the program failed under valgrind (status {status})"
                      + (f": {said[-1]}" if said else ""))
    return output.read_text(errors="replace")


def _sections(lines):
    key, sections = None, []
    for line in lines.splitlines():
        name, _, value = line.partition("=")
        words = value.split()
        if name == "key" and value:
            key = value
        elif name == "section" and len(words) == 2 and words[1].isdecimal():
            sections.append((words[0], int(words[1])))
        else:
            raise Failure(f"the program's line '{line}' is not understood")
    if key is None or not sections:
        raise Failure("the program did not say what it is and what it has run")
    return key, sections


def _of_one(path, by_repetitions):
    if len(by_repetitions) != 2:
        raise Failure(f"{path}: not run with two numbers of repetitions")
    (few, least), (many, most) = sorted(by_repetitions.items())
    if most <= least or least == 0:
        raise Failure(f"{path}: {most} instructions for {many} repetitions, "
                      f"{least} for {few}: not all were counted")
    return round((most - least) / (many - few), 1)
