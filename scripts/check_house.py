#!/usr/bin/env python3
"""Checks the order of the house: what may include what and what has to, sizes, figures that stand twice,
and what a merge has left.

    check_house.py [<source directory>]

Looks at the files that git tracks, and at new ones that it does not ignore. Prints one line a
finding; exit status 1 if there is one.
"""

import collections
import pathlib
import re
import subprocess
import sys

# ---- What may include what.

# Rooms from the bottom to the top: each may include itself and those that it names. "core/" and
# "asio/" stand for all of their rooms.
CORE = "bytes_handoff/core/"
SHELL = "bytes_handoff/asio/"
FACE = "bytes_handoff/"
ROOMS = {
    CORE + "support": [],
    CORE + "memory": [CORE + "support"],
    CORE + "budget": [CORE + "support", CORE + "memory", FACE],
    CORE + "reading": [CORE + "support", CORE + "memory", FACE],
    CORE + "kernel": [CORE + "memory", FACE],
    CORE + "framing": [CORE + "reading", FACE],
    CORE + "queue": [CORE + "support", CORE + "memory", CORE + "budget", CORE + "observing", FACE,
                     FACE + "observing"],
    CORE + "observing": [CORE + "support", FACE, FACE + "observing"],
    CORE + "fan_out": [CORE + "support", CORE + "memory", CORE + "budget", FACE],
    CORE + "relaying": [CORE + "support", CORE + "kernel", CORE + "queue", FACE],
    CORE + "service": [],
    CORE + "pipe": [CORE + "support", CORE + "memory", CORE + "queue"],
    SHELL + "support": [CORE, FACE],
    SHELL + "ending": [CORE, FACE, SHELL + "support"],
    SHELL + "writing": [CORE, FACE, SHELL + "support", SHELL + "ending"],
    SHELL + "reading": [CORE, FACE, SHELL + "support", SHELL + "ending", SHELL + "writing"],
    SHELL + "relaying": [CORE, FACE, SHELL + "support", SHELL + "ending", SHELL + "writing",
                         SHELL + "reading"],
    SHELL + "fan_out": [CORE, FACE, SHELL + "support", SHELL + "writing"],
    SHELL + "service": [CORE, FACE, FACE + "service", SHELL + "support", SHELL + "writing"],
    SHELL + "duplex": [CORE, FACE, SHELL + "support"],
    SHELL + "adaptors": [CORE, FACE, SHELL + "support", SHELL + "ending", SHELL + "writing",
                         SHELL + "reading", FACE + "adaptors"],
    FACE: [CORE, SHELL, FACE + "observing"],
    FACE + "bytes": [CORE, FACE],
    FACE + "adaptors": [CORE, SHELL, FACE],
    FACE + "observing": [CORE, FACE],
    FACE + "service": [CORE, SHELL, FACE],
    FACE + "testing": [CORE, SHELL, FACE],
    "src": [CORE, FACE, FACE + "bytes", FACE + "observing"],
}
# What is never included from outside of the room.
PRIVATE_ROOMS = [FACE + "testing"]
# The core and what is compiled of it know no Asio.
WITHOUT_ASIO = ["include/" + CORE, "src/"]
ASIO_HEADER = re.compile(r"(boost/)?asio(/|\.hpp$)")
# What users of any system see has no header of one, such as POSIX. Elsewhere it is behind an #if.
SYSTEM_HEADER = re.compile(r"[\w/]+\.h$|csignal$")
# Public headers include these behind what they declare; the other rooms of the shell name what a
# declaration needs.
SHELL_LAST_ROOMS = [SHELL + "writing", SHELL + "reading", SHELL + "relaying", SHELL + "fan_out",
                    SHELL + "duplex", SHELL + "adaptors", SHELL + "service"]
# Where users' headers are, besides those for tests.
PUBLIC_ROOMS = (FACE, FACE + "adaptors", FACE + "bytes", FACE + "observing", FACE + "service")

# What tells what the library cannot be used with: in front of all that is declared. Of no room.
FIRST_HEADER = CORE + "support/abi.hpp"

# Where a file finds what it includes, besides its own folder.
INCLUDE_FOLDERS = ("include/", "src/", "test/", "bench/", "bench/stream_harness/", "programs/", "")
# What a header declares for all of its namespace, at the beginning of a line.
DECLARED = re.compile(r"^(?:template\s*<[^{};]*>\s*)?(?:requires[^{};]*\s)?"
                      r"(?:(?:class|struct|union|enum|enum class)\s+([A-Z]\w*)\b(?![\s\w]*[;<])"
                      r"|(?:concept|using)\s+([A-Z]\w*)\s*=)", re.MULTILINE)
# What these tests are about is a header that is missing.
WITHOUT_HEADERS = "test/refusals/"

# ---- Sizes, in lines of code: neither comments nor blank lines.

PUBLIC_HEADER_LINES = 250
FILE_LINES = 400
FUNCTION_LINES = 40
FOLDER_FILES = 25
CODE_SUFFIXES = (".hpp", ".cpp", ".py", ".sh")
# Inputs that a fuzzer has found.
DATA_FOLDERS = re.compile(r"fuzz/corpus/")

# ---- Figures.

MERGE_MARKS = ("<" * 7 + " ", ">" * 7 + " ")

# Where measured figures may stand; each in one place.
FIGURE_FILES = re.compile(r"(README\.md|docs/.*\.md|bench/.*README\.md)$")
# With one of these units a number is a measured one whatever it is, with the others from three
# digits on.
MEASURED_UNITS = ("ns", "MiB/s", "GiB/s")
FIGURE = re.compile(r"(?<![\w.,-])(\d[\d,]*(?:\.\d+)?)\s?(ns|us|µs|ms|s|MiB/s|GiB/s|%|instructions)(?![\w/])")

# What is known, and to be mended: the beginnings of findings. Take away; add nothing.
KNOWN = ()


class House:
    """A source tree, and what is found in it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.findings = []

    def report(self, place, what):
        finding = f"{place}: {what}"
        if not finding.startswith(KNOWN):
            self.findings.append(finding)

    def files(self):
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root, check=True, capture_output=True, text=True).stdout
        return sorted({path for path in listed.split("\0") if path and (self.root / path).is_file()})

    def check(self):
        files = self.files()
        check_folders(self, files)
        figures = collections.defaultdict(dict)
        code = {}
        for path in files:
            if DATA_FOLDERS.match(path):
                continue
            text = (self.root / path).read_text(errors="replace")
            check_merged(self, path, text)
            if path.endswith(CODE_SUFFIXES):
                check_lines(self, path, text)
                if path.endswith((".hpp", ".cpp")):
                    code[path] = text
                    check_includes(self, path, text)
                    check_functions(self, path, text)
            elif FIGURE_FILES.match(path):
                collect_figures(figures, path, text)
        check_names(self, code)
        check_figures(self, figures)
        return self.findings


# ---- What a merge has left.

def check_merged(house, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(MERGE_MARKS):
            house.report(f"{path}:{number}", "a merge was not finished here")


# ---- What may include what.

def room_of(path):
    """The room of a header as it is included, or of a file; None: it is of no room."""
    path = path.removeprefix("include/")
    if path.startswith("src/"):
        return "src"
    folder = path.rpartition("/")[0]
    return FACE if folder + "/" == FACE else folder if folder in ROOMS else None


def may_include(room, other):
    if other == room:
        return True
    if other in PRIVATE_ROOMS:
        return False
    return any(other == each or (each.endswith("/") and each != FACE and other.startswith(each))
               for each in ROOMS[room])


def includes_of(text):
    """The headers, with their lines' numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        if match := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, match[1]


def check_includes(house, path, text):
    room = room_of(path) if path.startswith(("include/", "src/")) else None
    if path.startswith("include/bytes_handoff/") and room is None:
        house.report(path, "a room that the table of scripts/check_house.py does not have")
        return
    if path.startswith("include/bytes_handoff/") and declares_first(text):
        house.report(path, f"declares before it includes a header of the library: include {FIRST_HEADER}")
    if room is not None:
        check_system_headers(house, path, text, room)
    last_code = last_declaration(text)
    for number, header in includes_of(text):
        place = f"{path}:{number}"
        if path.startswith(tuple(WITHOUT_ASIO)) and ASIO_HEADER.match(header):
            house.report(place, f"the core includes <{header}>: it knows no Asio")
        other = room_of(header) if header.startswith(FACE) else None
        if room is None or other is None or header == FIRST_HEADER:
            continue
        if not may_include(room, other):
            house.report(place, f"{room} may not include {header}")
        elif room in PUBLIC_ROOMS and other in SHELL_LAST_ROOMS and number < last_code:
            house.report(place, f"{header} belongs behind what the header declares")


def check_names(house, texts):
    """Whoever names a public type includes its header, or one that does: in a unit of several sources
    the one in front may have done so, and another unit has other sources."""
    included = {path: set(included_files(path, text, texts)) for path, text in texts.items()}
    headers = collections.defaultdict(set)
    for path, text in texts.items():
        for names in DECLARED.findall(blanked(text)) if path.endswith(".hpp") else ():
            headers["".join(names)].add(path)
    public = {name: paths for name, paths in headers.items()
              if all(room_of(path) in (*PUBLIC_ROOMS, FACE + "testing") for path in paths)}
    for path, text in texts.items():
        if path.startswith(("include/", WITHOUT_HEADERS)):
            continue
        reached = reached_from(path, included)
        code = blanked(text)
        for name in sorted(public.keys() & set(re.findall(r"\w+", code))):
            if public[name].isdisjoint(reached) and not re.search(
                    rf"\b(class|struct|enum|using|typename|concept)\s+{name}\b", code):
                header = min(public[name]).removeprefix("include/")
                house.report(path, f"names {name}, and does not include {header}")


def included_files(path, text, texts):
    """Those of the tree that a file includes itself."""
    for _, header in includes_of(text):
        for folder in (path.rpartition("/")[0] + "/", *INCLUDE_FOLDERS):
            if folder + header in texts:
                yield folder + header
                break


def reached_from(path, included):
    reached = {path}
    ahead = [path]
    while ahead:
        new = included[ahead.pop()] - reached
        reached |= new
        ahead += new
    return reached


def check_system_headers(house, path, text, room):
    has_none = room in (*PUBLIC_ROOMS, FACE + "testing") or room.startswith(CORE)
    depths = list(condition_depths(text))
    for number, header in includes_of(text):
        if not SYSTEM_HEADER.match(header):
            continue
        if has_none:
            house.report(f"{path}:{number}", f"<{header}> is not there on every system: include it in "
                                             "src/ or in asio/, behind an #if")
        elif depths[number - 1] == 0:
            house.report(f"{path}:{number}", f"<{header}> is not there on every system: put it behind "
                                             "an #if")


def condition_depths(text):
    """Of each line, how many conditions of the preprocessor are open."""
    depth = 0
    for line in text.split("\n"):
        if re.match(r"\s*#\s*if", line):
            depth += 1
        elif re.match(r"\s*#\s*endif\b", line):
            depth -= 1
        yield depth


def declares_first(text):
    """Whether the namespace begins before a header of the library is included."""
    namespace = re.search(r"^namespace bytes_handoff\b", text, re.MULTILINE)
    include = re.search(r'^#\s*include\s*"bytes_handoff/', text, re.MULTILINE)
    return namespace is not None and (include is None or include.start() > namespace.start())


def last_declaration(text):
    """The number of the line on which the last namespace of a header ends; 0: it has none."""
    numbers = [number for number, line in enumerate(text.split("\n"), 1)
               if re.match(r"\}\s*// namespace", line)]
    return max(numbers, default=0)


# ---- Sizes.

def blanked(text):
    """The C++ text without comments and without what is in quotes; its lines stay where they are."""
    pattern = (r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s"]*)\(.*?\)(?P=tag)"'
               r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'')

    def blank(match):
        kept = "" if match[0].startswith("/") else '""'
        return kept + "\n" * match[0].count("\n")
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def code_lines(path, text):
    if path.endswith((".hpp", ".cpp")):
        return sum(1 for line in blanked(text).split("\n") if line.strip())
    return sum(1 for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))


def check_lines(house, path, text):
    is_public = room_of(path) in (*PUBLIC_ROOMS, FACE + "testing") and path.endswith(".hpp")
    limit = PUBLIC_HEADER_LINES if is_public else FILE_LINES
    lines = code_lines(path, text)
    if lines > limit:
        house.report(path, f"{lines} lines of code, where {limit} may be")


def check_folders(house, files):
    counts = collections.Counter(path.rpartition("/")[0] for path in files
                                 if not DATA_FOLDERS.match(path))
    for folder, count in sorted(counts.items()):
        if count > FOLDER_FILES:
            house.report(folder or ".", f"{count} files in one folder, where {FOLDER_FILES} may be")


NO_FUNCTION = re.compile(r"(namespace|class|struct|union|enum|extern|concept|if|for|while|switch|"
                         r"catch|do|else|try)\b")


def begins_function(head):
    """Whether a brace behind this text, which reaches back to the last statement, is a body's."""
    head = re.sub(r"^\s*#[^\n]*$", "", head, flags=re.MULTILINE)
    head = re.sub(r"\b(public|private|protected)\s*:", "", head).strip()
    head = re.sub(r"^(template\s*<[^{};]*?>\s*(?=[\w\[]))+", "", head)
    return ")" in head and not NO_FUNCTION.match(head) and not re.search(r"=\s*$", head)


def functions_of(text):
    """The outermost functions of C++ text: where each begins, and its lines of code."""
    code = blanked(text)
    body_depth = None  # of the function that is open
    depth = head = begin = 0
    for match in re.finditer(r"[{};]", code):
        at, what = match.start(), match[0]
        if what == "{":
            depth += 1
            if body_depth is None and begins_function(code[head:at]):
                body_depth, begin = depth, at
        elif what == "}":
            if depth == body_depth:
                body_depth = None
                if re.match(r"\s*[,{]", code[at + 1:at + 100]):  # it was a member's initializer
                    depth -= 1
                    continue
                lines = [line for line in code[begin:at].split("\n")[1:] if line.strip()]
                yield code.count("\n", 0, begin) + 1, len(lines)
            depth -= 1
        if body_depth is None:
            head = at + 1


def check_functions(house, path, text):
    for number, lines in functions_of(text):
        if lines > FUNCTION_LINES:
            house.report(f"{path}:{number}",
                         f"a function of {lines} lines of code, where {FUNCTION_LINES} may be")


# ---- Figures.

def is_measured(number, unit):
    digits = re.sub(r"[.,]", "", number).strip("0")
    return unit in MEASURED_UNITS or len(digits) >= 3


def collect_figures(figures, path, text):
    """Notes the measured figures of running text, with where each stands first in this file."""
    is_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        if is_code or line.lstrip().startswith("|") or line.startswith("    "):
            continue
        for match in FIGURE.finditer(line):
            if is_measured(*match.groups()):
                figures[f"{match[1]} {match[2]}"].setdefault(path, number)


def check_figures(house, figures):
    for figure, places in sorted(figures.items()):
        if len(places) > 1:
            first, *others = (f"{path}:{number}" for path, number in sorted(places.items()))
            house.report(first, f"'{figure}' stands in {', '.join(others)}, too: keep one, and "
                                "link to it")


def main(root=pathlib.Path(__file__).resolve().parent.parent):
    findings = House(root).check()
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
