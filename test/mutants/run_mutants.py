#!/usr/bin/env python3
"""Breaks the core in every way of mutants.py and line_mutants.py, and the library in every way of the
other files, and sees who notices.

    run_mutants.py <source directory> [<part of a name>]
    run_mutants.py <source directory> --texts     (only whether their texts are found)
    run_mutants.py <source directory> --list      (only their names, and where each is)

In a scratch copy of the sources each mutant is built alone. For one of the core, the programs below
are run one after the other until one fails. One of another file says itself which tests are run. Prints
a table row a mutant. Exit status 1 if one survives, does not compile, or its text is not found once.
"""

import pathlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

from adaptor_mutants import MUTANTS as ADAPTOR_MUTANTS
from budget_mutants import MUTANTS as BUDGET_MUTANTS
from bytes_mutants import MUTANTS as BYTES_MUTANTS
from fan_out_mutants import MUTANTS as FAN_OUT_MUTANTS
from framing_mutants import MUTANTS as FRAMING_MUTANTS
from kernel_relay_mutants import MUTANTS as KERNEL_RELAY_MUTANTS
from line_mutants import MUTANTS as LINE_MUTANTS
from message_mutants import MUTANTS as MESSAGE_MUTANTS
from mutants import MUTANTS
from program_mutants import MUTANTS as PROGRAM_MUTANTS
from relay_mutants import MUTANTS as RELAY_MUTANTS
from seen_mutants import MUTANTS as SEEN_MUTANTS
from service_mutants import MUTANTS as SERVICE_MUTANTS
from shell_mutants import MUTANTS as SHELL_MUTANTS
from testing_mutants import MUTANTS as TESTING_MUTANTS
from times_mutants import MUTANTS as TIMES_MUTANTS
from tunnel_mutants import MUTANTS as TUNNEL_MUTANTS
from wait_mutants import MUTANTS as WAIT_MUTANTS

# The interleavings first: they are what is tested here.
CORE_PROGRAMS = ["interleaving_tests", "relacy_tests", "model_tests", "core_tests"]
BUILD_SECONDS = 900
RUN_SECONDS = 300
ALL_FILES = ""


class Mutant(NamedTuple):
    name: str
    file: str
    text: str
    replacement: str
    tree: str  # a preset of CMake's
    programs: list  # with their options
    test_files: str  # those that are built: a regular expression


OF_PROGRAMS = (ADAPTOR_MUTANTS +
               BUDGET_MUTANTS +
               BYTES_MUTANTS +
               FAN_OUT_MUTANTS +
               FRAMING_MUTANTS +
               KERNEL_RELAY_MUTANTS +
               MESSAGE_MUTANTS +
               PROGRAM_MUTANTS +
               RELAY_MUTANTS +
               SEEN_MUTANTS +
               TIMES_MUTANTS +
               SERVICE_MUTANTS +
               SHELL_MUTANTS + TESTING_MUTANTS +
               TUNNEL_MUTANTS +
               WAIT_MUTANTS)

ALL = ([Mutant(*mutant, "dev", CORE_PROGRAMS, ALL_FILES) for mutant in MUTANTS + LINE_MUTANTS] +
       [Mutant(*mutant[:5], [mutant[5]], mutant[6])
        for mutant in sorted(OF_PROGRAMS, key=lambda mutant: mutant[4:])])


def copy_sources(source, scratch):
    for name in ["CMakeLists.txt", "CMakePresets.json", "README.md", "bench", "cmake", "debug", "docs",
                 "fuzz", "include", "programs", "src", "test"]:
        path = source / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, scratch / name)


def configure(scratch, mutant):
    bench = "ON" if "harness_tests" in mutant.programs else "OFF"
    subprocess.run(
        ["cmake", "--preset", mutant.tree, "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -D_GLIBCXX_ASSERTIONS",
         f"-DBYTES_HANDOFF_BUILD_BENCH={bench}", "-DBYTES_HANDOFF_BUILD_EXAMPLES=OFF",
         "-DBYTES_HANDOFF_WARNINGS_AS_ERRORS=OFF",
         f"-DBYTES_HANDOFF_TEST_FILES={mutant.test_files}"],
        cwd=scratch, check=True, stdout=subprocess.DEVNULL)


def build(scratch, tree, program):
    built = subprocess.run(["cmake", "--build", f"build/{tree}", "--target", program.split()[0]],
                           cwd=scratch, timeout=BUILD_SECONDS, capture_output=True, text=True)
    return built.returncode == 0, built.stdout + built.stderr


def first_failure(scratch, tree, program):
    """The test that fails, or None."""
    name, *options = program.split()
    all_cases = {"BYTES_HANDOFF_TEST_COUNT": "1"} if name.startswith("token_tests") else {}
    try:
        run = subprocess.run([scratch / "build" / tree / "bin" / name, *options, "--gtest_fail_fast"],
                             env=os.environ | all_cases, timeout=RUN_SECONDS, capture_output=True,
                             text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return "(it never ends)"
    if run.returncode == 0:
        return None
    failed = re.search(r"^\[  FAILED  \] (\S+)", run.stdout, re.MULTILINE)
    if failed:
        return failed[1]
    # It crashed in the last that was begun.
    begun = re.findall(r"^\[ RUN      \] (\S+)", run.stdout, re.MULTILINE)
    return begun[-1] if begun else f"(status {run.returncode})"


def killer_of(scratch, mutant):
    for program in mutant.programs:
        ok, output = build(scratch, mutant.tree, program)
        if not ok:
            return None, f"{program} was not built:\n{output[-2000:]}"
        test = first_failure(scratch, mutant.tree, program)
        if test:
            return program, test
    return None, "SURVIVES"


def run_one(scratch, mutant):
    path = scratch / mutant.file
    original = path.read_text()
    if original.count(mutant.text) != 1:
        return None, f"its text is there {original.count(mutant.text)} times, not once"
    path.write_text(original.replace(mutant.text, mutant.replacement))
    try:
        return killer_of(scratch, mutant)
    finally:
        path.write_text(original)


def what_is_run(mutant):
    return mutant.tree, mutant.programs, mutant.test_files


def problem_of_unchanged(scratch, mutant):
    """Why nothing can be said by what this mutant runs; empty: it passes."""
    configure(scratch, mutant)
    for program in mutant.programs:
        ok, output = build(scratch, mutant.tree, program)
        failure = output[-2000:] if not ok else first_failure(scratch, mutant.tree, program)
        if failure:
            return f"unchanged, {program} does not pass: nothing can be said\n{failure}"
    return ""


def check_texts(source):
    stale = [(mutant.name, count) for mutant in ALL
             if (count := (source / mutant.file).read_text().count(mutant.text)) != 1]
    for name, count in stale:
        print(f"{name}: its text is there {count} times, not once")
    return 1 if stale else 0


def main(source, part=""):
    if part == "--texts":
        return check_texts(pathlib.Path(source))
    if part == "--list":
        for mutant in ALL:
            print(f"{mutant.file}: {mutant.name}")
        return 0
    chosen = [mutant for mutant in ALL if part in mutant.name]
    survivors = 0
    ready = None
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        copy_sources(pathlib.Path(source), scratch)
        for mutant in chosen:
            if what_is_run(mutant) != ready:
                if problem := problem_of_unchanged(scratch, mutant):
                    print(problem)
                    return 1
                ready = what_is_run(mutant)
            program, noticed_by = run_one(scratch, mutant)
            survivors += program is None
            print(f"| {mutant.name} | {program} | `{noticed_by}` |", flush=True)
    print(f"{len(chosen)} mutants, {survivors} not noticed")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        sys.exit(0)
    if len(sys.argv) not in (2, 3) or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit("run_mutants.py: expected <source directory> [<part of a name> | --texts | --list]")
    sys.exit(main(*sys.argv[1:]))
