#!/usr/bin/env python3
"""Breaks the core in every way of mutants.py, and sees who notices.

    run_mutants.py <source directory> [<part of a name>]
    run_mutants.py <source directory> --texts     (only whether their texts are found)

In a scratch copy of the sources each mutant is built alone, and the programs below are run one after
the other until one fails. Prints a table row a mutant; exit status 1 if one survives, or does not
compile, or its text is not found once.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from mutants import MUTANTS

# The interleavings first: they are what is tested here.
PROGRAMS = ["interleaving_tests", "relacy_tests", "model_tests", "core_tests"]
BUILD_SECONDS = 900
RUN_SECONDS = 300


def copy_sources(source, scratch):
    for name in ["CMakeLists.txt", "CMakePresets.json", "cmake", "fuzz", "include", "src", "test"]:
        path = source / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, scratch / name)


def configure(scratch):
    subprocess.run(
        ["cmake", "--preset", "dev", "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -D_GLIBCXX_ASSERTIONS",
         "-DBYTES_HANDOFF_BUILD_BENCH=OFF", "-DBYTES_HANDOFF_BUILD_EXAMPLES=OFF",
         "-DBYTES_HANDOFF_WARNINGS_AS_ERRORS=OFF"],
        cwd=scratch, check=True, stdout=subprocess.DEVNULL)


def build(scratch, program):
    built = subprocess.run(["cmake", "--build", "build/dev", "--target", program], cwd=scratch,
                           timeout=BUILD_SECONDS, capture_output=True, text=True)
    return built.returncode == 0, built.stdout + built.stderr


def first_failure(scratch, program):
    """The test that fails, or None."""
    try:
        run = subprocess.run([scratch / "build/dev/bin" / program, "--gtest_fail_fast"],
                             timeout=RUN_SECONDS, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return "(it never ends)"
    if run.returncode == 0:
        return None
    # The last that was begun: fail_fast ends the run after it, and so does a crash in it.
    begun = re.findall(r"^\[ RUN      \] (\S+)", run.stdout, re.MULTILINE)
    return begun[-1] if begun else f"(status {run.returncode})"


def killer_of(scratch):
    for program in PROGRAMS:
        ok, output = build(scratch, program)
        if not ok:
            return None, f"{program} was not built:\n{output[-2000:]}"
        test = first_failure(scratch, program)
        if test:
            return program, test
    return None, "SURVIVES"


def run_one(scratch, name, file, text, replacement):
    path = scratch / file
    original = path.read_text()
    if original.count(text) != 1:
        return None, f"its text is there {original.count(text)} times, not once"
    path.write_text(original.replace(text, replacement))
    try:
        return killer_of(scratch)
    finally:
        path.write_text(original)


def check_texts(source):
    stale = [(name, count) for name, file, text, _ in MUTANTS
             if (count := (source / file).read_text().count(text)) != 1]
    for name, count in stale:
        print(f"{name}: its text is there {count} times, not once")
    return 1 if stale else 0


def main(source, part=""):
    if part == "--texts":
        return check_texts(pathlib.Path(source))
    chosen = [mutant for mutant in MUTANTS if part in mutant[0]]
    survivors = 0
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        copy_sources(pathlib.Path(source), scratch)
        configure(scratch)
        for program in PROGRAMS:
            ok, output = build(scratch, program)
            if not ok or first_failure(scratch, program):
                print(f"unchanged, {program} does not pass: nothing can be said\n{output[-2000:]}")
                return 1
        for mutant in chosen:
            program, noticed_by = run_one(scratch, *mutant)
            survivors += program is None
            print(f"| {mutant[0]} | {program} | `{noticed_by}` |", flush=True)
    print(f"{len(chosen)} mutants, {survivors} not noticed")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
