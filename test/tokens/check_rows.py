"""Every public asynchronous operation has a row in the table of tokens.

usage: check_rows.py <folder of public headers> <test program>

A public operation is a member function `async_...` of a class that is declared in a header of the
folder itself, of its adaptors/, its service/ or its testing/. Its row is the test `<Class>Tokens.async_...` of
the program. An overload has a row of its own: `..._of_slices` if it takes a span of slices,
`..._may_cut` if it may cut them, `..._of_items` if it takes a number of items. A row without an
operation fails, too.
"""

import pathlib
import re
import subprocess
import sys

OPERATION = re.compile(r"\b(async_\w+)\(")
OVERLOADS = {"std::span<Bytes> ": "_of_slices", ", MayCut,": "_may_cut",
             "std::size_t items,": "_of_items"}
# Beast calls it to end the stream below a WebSocket: no user does.
CUSTOMIZATIONS = {"async_teardown"}
CLASS = re.compile(r"\b(?:class|struct) (?:\[\[\w+\]\] )?(\w+)(?: final)?(?: : [^()]*)? \{$")


def operations_of(text):
    """(class, operation) for each declaration; the class is "" for a function of the namespace."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    found = set()
    scopes = []  # the class behind each open brace, or None
    start = 0  # of the declaration that is being read
    for at, character in enumerate(text):
        if character not in "{};":
            continue
        declaration = " ".join(text[start : at + 1].split())
        start = at + 1
        inside_class = next((scope for scope in reversed(scopes) if scope), "")
        is_body = scopes and scopes[-1] == "(body)"
        is_deleted = declaration.endswith("= delete;")
        operation = OPERATION.search(declaration)
        is_ours = operation and operation.group(1) not in CUSTOMIZATIONS
        if is_ours and not is_body and not is_deleted:
            parameters = declaration[operation.end() :]
            name = operation.group(1)
            name += "".join(row for text, row in OVERLOADS.items() if text in parameters)
            found.add((inside_class, name))
        if character == "{":
            scopes.append(scope_of(declaration))
        elif character == "}" and scopes:
            scopes.pop()
    return found


def scope_of(declaration):
    """What a brace opens: a class's name, None for a namespace, else a body."""
    declaration = re.sub(r"\b(public|private|protected):", "", declaration)
    if "namespace" in declaration:
        return None
    if (name := CLASS.search(declaration)):
        return name.group(1)
    return "(body)"


def rows_of(program):
    listed = subprocess.run([program, "--gtest_list_tests"], check=True, text=True,
                            capture_output=True).stdout
    rows, suite = set(), ""
    for line in listed.splitlines():
        if line.endswith("."):
            suite = line[:-1]
        elif line.startswith("  ") and suite.endswith("Tokens"):
            rows.add((suite.removesuffix("Tokens"), line.strip()))
    return rows


def main(headers, program):
    operations = set()
    for folder in ["", "adaptors", "service", "testing"]:
        for header in sorted(pathlib.Path(headers, folder).glob("*.hpp")):
            operations |= operations_of(header.read_text())
    rows = rows_of(program)
    failed = not operations
    for name, operation in sorted(operations - rows):
        print(f"{name}::{operation} has no row: a test {name}Tokens.{operation} in test/tokens")
        failed = True
    for name, operation in sorted(rows - operations):
        print(f"{name}Tokens.{operation} is a row of no public operation")
        failed = True
    print(f"{len(operations)} operations, {len(rows)} rows")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
