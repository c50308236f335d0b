"""A cell of the matrix: what is built and run in a root, with a compiler and a flavour of Asio."""

import dataclasses
import re
import shutil
import time
from typing import Optional

from roots import HERE, TREES, Root

# All of a cell may take this long, on a machine that others use, too.
SECONDS = 5400
# The files of test/unit/asio that say most, in as few as are compiled as one.
SHELL_TESTS = ["accept_steps", "end_of_sockets", "handoff_buffer_read", "immediate_executor", "tunnel",
               "wait_frame", "write_handoff_admission", "write_handoff_cancellation", "write_handoff_end"]
# What test files a step needs.
TEST_FILES = {"core": "/unit/(values|core/(framing|memory|queue|support))/", "ways": "/asio_ways/",
              "shell": "/unit/asio/.*/({shell_tests})_test"}
# What a step builds, and which programs it runs.
TARGETS = {"library": ["bytes_handoff_core", "bytes_handoff_testing"],
           "operations": ["optimized_checks_{flavour}"],
           "headers": ["header_checks_core", "header_checks_{flavour}"],
           "core": ["core_tests"],
           "shell": ["shell_tests_{flavour}"],
           "ways": ["asio_ways_tests_{flavour}"],
           "examples": ["{examples}"]}
PROGRAMS = {"core": "core_tests", "shell": "shell_tests_{flavour}", "ways": "asio_ways_tests_{flavour}"}
# All but one are on standalone Asio.
EXAMPLES = {"asio": "bytes_handoff_examples", "boost_asio": "example_websocket_echo"}

# How programs of a cross compiler are built and run.
EMULATORS = {"mingw": ["wine64"], "arm64": ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]}
SUFFIXES = {"mingw": ".exe"}

FAILURE = re.compile(r"(error:|Error:|: warning: |FAILED|CMake Error|runtime error|Sanitizer|ended with)")


class Failed(Exception):
    """A step of a cell failed; says why."""


@dataclasses.dataclass
class Cell:
    """A line of cells.txt."""
    name: str
    root: Optional[Root]  # None: it is untested
    compiler: str
    flavour: str
    steps: list
    options: list
    line: str

    def option(self, name, default=""):
        return next((each.partition("=")[2] for each in self.options
                     if each.startswith(name + "=")), default)

    def flags(self):
        own = [each for each in self.options if each.startswith("-")]
        if "libc++" in self.options:
            own.append("-stdlib=libc++")
        return " ".join(["-O0", "-D_GLIBCXX_ASSERTIONS", *own])

    def versions(self):
        """Of the compiler, and of Asio or Boost."""
        name, package = "GCC", self.compiler.replace("clang++", "clang")
        if self.compiler.startswith("clang"):
            name = "Clang"
        elif self.option("cross") == "mingw":
            name, package = "MinGW GCC", "g++-mingw-w64-x86-64-posix"
        elif self.option("cross") == "arm64":
            package = f"g++-{self.compiler.rpartition('-')[2]}-aarch64-linux-gnu"
        found = [f"{name} {self.root.version_of(re.escape(package))}"]
        if self.flavour == "boost_asio":
            found.append(f"Boost {self.root.version_of(r'libboost[0-9.]+-dev')}")
        else:
            found.append(f"Asio {self.root.version_of('libasio-dev')}")
        return ", ".join(found)


def cells():
    """Those of cells.txt, in its order."""
    found = []
    for line in (HERE / "cells.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, root, compiler, flavour, steps, *options = line.split()
            found.append(Cell(name, None if root == "-" else Root(root), compiler, flavour, steps.split(","), options,
                              " ".join(line.split())))
    return found


class Run:
    """A cell that runs. Its log has all that its commands print."""

    def __init__(self, cell, log):
        self.cell = cell
        self.log = log
        self.end = time.monotonic() + SECONDS
        self.tree = f"{TREES}/{cell.name}"
        self.tests = 0
        cross = cell.option("cross")
        self.emulator = EMULATORS.get(cross, [])
        self.suffix = SUFFIXES.get(cross, "")

    def do(self, what, *command):
        """What it printed. Raises Failed, with the first line that tells of a failure."""
        self.log.write(f"\n== {what}: {' '.join(command)}\n")
        self.log.flush()
        begin = self.log.tell()
        status = self.cell.root.run(command, self.log, self.end - time.monotonic())
        self.log.seek(begin)
        printed = self.log.read()
        if status is None:
            raise Failed(f"{what}: not done after {SECONDS} s")
        if status != 0:
            lines = [line.strip() for line in printed.splitlines() if FAILURE.search(line)]
            reason = lines[0].replace("/source/", "") if lines else f"status {status}"
            raise Failed(f"{what}: {reason}")
        return printed

    def cmake(self, source, tree, *settings):
        cell = self.cell
        toolchain = cell.option("cross")
        if toolchain:
            settings += (f"-DCMAKE_TOOLCHAIN_FILE=/source/test/matrix/cross/{toolchain}.cmake",)
        self.do("cmake", "cmake", "-S", source, "-B", tree, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                f"-DCMAKE_CXX_COMPILER={cell.compiler}", f"-DCMAKE_CXX_FLAGS_DEBUG={cell.flags()}",
                f"-DCMAKE_CXX_STANDARD={cell.option('std', '20')}", *settings)

    def install_gtest(self):
        """GoogleTest for a compiler, a library or a machine that is not the root's."""
        self.cmake("/usr/src/googletest", f"{self.tree}/gtest",
                   f"-DCMAKE_C_COMPILER={self.cell.compiler.replace('clang++', 'clang').replace('g++', 'gcc')}",
                   f"-DCMAKE_INSTALL_PREFIX={self.tree}/prefix")
        self.do("gtest", "cmake", "--build", f"{self.tree}/gtest", "--target", "install")

    def configure(self):
        cell = self.cell
        prefixes = cell.root.layer_prefixes()
        if {"libc++", "own_gtest"} & set(cell.options) or cell.option("cross"):
            self.install_gtest()
            prefixes.insert(0, f"{self.tree}/prefix")
        shell_tests = "|".join(name for name in SHELL_TESTS if name not in cell.option("leaves").split(","))
        files = "|".join(TEST_FILES[step].format(shell_tests=shell_tests)
                         for step in cell.steps if step in TEST_FILES)
        self.cmake("/source", self.tree, "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=9",
                   "-DBYTES_HANDOFF_BUILD_TESTS=ON", "-DBYTES_HANDOFF_WARNINGS_AS_ERRORS=ON",
                   f"-DBYTES_HANDOFF_TEST_FLAVOURS={cell.flavour}",
                   f"-DBYTES_HANDOFF_TEST_FILES={files or '^$'}",
                   f"-DCMAKE_PREFIX_PATH={';'.join(prefixes)}",
                   *(f"-D{each}" for each in cell.options if re.match(r"[A-Z]\w+=", each)))

    def build(self, step):
        targets = [target.format(flavour=self.cell.flavour, examples=EXAMPLES.get(self.cell.flavour))
                   for target in TARGETS[step]]
        self.do(f"build of {step}", "cmake", "--build", self.tree, "--parallel",
                self.cell.option("jobs", "2"), "--target", *targets, "--", "-k", "0")

    def test(self, step):
        if step == "examples":
            only = "examples" if self.cell.flavour == "asio" else "examples.websocket_echo"
            left_out = [each for each in self.cell.option("without").split(":")
                        if each.startswith("examples.")]
            printed = self.do("examples", "ctest", "--test-dir", self.tree, "--output-on-failure",
                              "--no-tests=error", "-R", f"^{only}",
                              *(("-E", f"^({'|'.join(left_out)})$") if left_out else ()))
            self.tests += int(re.search(r"tests passed, 0 tests failed out of (\d+)", printed)[1])
            return
        program = f"{self.tree}/bin/{PROGRAMS[step].format(flavour=self.cell.flavour)}{self.suffix}"
        printed = self.do(step, *self.emulator, program, "--gtest_brief=1",
                          f"--gtest_filter=-{self.cell.option('without')}")
        self.tests += int(re.search(r"\[  PASSED  \] (\d+) tests?", printed)[1])

    def refuse(self):
        """The headers must say in one line that they cannot be used so."""
        flavour = {"boost_asio": ["-DBYTES_HANDOFF_BOOST_ASIO"],
                   "asio": ["-DBYTES_HANDOFF_STANDALONE_ASIO"]}
        self.cmake("/source", self.tree)  # makes a header
        command = [self.cell.compiler, "-std=c++20", "-fsyntax-only", "-I/source/include",
                   f"-I{self.tree}/generated/include", *flavour[self.cell.flavour],
                   *(each for each in self.cell.options if each.startswith("-")),
                   "/source/test/matrix/refused.cpp"]
        try:
            self.do("refused", *command)
        except Failed as error:
            says = self.cell.option("says").replace("_", " ")
            if says not in str(error):
                raise Failed(f"it does not say '{says}': {error}") from error
            return
        raise Failed("it compiles")

    def all(self):
        if self.cell.steps == ["refused"]:
            self.refuse()
        else:
            self.configure()
            for step in self.cell.steps:
                self.build(step)
                if step in PROGRAMS or step == "examples":
                    self.test(step)
        shutil.rmtree(str(self.cell.root.folder) + self.tree)
