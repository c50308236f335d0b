"""The checker, on files of callgrind that were made by hand; a script stands for valgrind."""

import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from runner.problems import Failure
from runner.tests.forked import Forked

from .. import cli
from ..callgrind import counted, is_left_out, own_costs
from ..counts import compare, load

COMMAND = pathlib.Path(__file__).resolve().parents[2] / "instruction-counts"
KEY = "gcc 12.2, x86_64, asio 1.22.1"

# Names are given a number where they first come up, as of a caller, a callee or an object.
DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  ./program
part: 1

desc: Trigger: --dump-before=dump

positions: line
events: Ir
summary: 181

ob=(1) /build/program
fl=(1) /source/split.cpp
fn=(1) split(unsigned long)
10 20
fi=(2) /source/bytes.hpp
+5 30
fe=(1)
cfn=(2) take(int)
calls=3 40
* 60
cob=(2) /usr/lib/libc.so.6
cfi=(3) ./malloc/malloc.c
cfn=(3) malloc
calls=2 100
-3 51
12 4

fn=(2)
40 33
cob=(2)
cfn=(4) __memcpy_avx_unaligned_erms
calls=3 7
41 27

ob=(2)
fl=(3)
fn=(3)
100 11
cfn=(5) _int_malloc
calls=1 200
101 40

fn=(5)
200 40

fl=(4) ./string/memcpy.S
fn=(4)
7 27
fn=(6) pthread_mutex_lock@@GLIBC_2.2.5
8 16

totals: 181
"""


def dump(instructions, function="split(unsigned long)"):
    return (f"positions: line\nevents: Ir\n\nob=(1) /build/program\nfn=(1) {function}\n"
            f"1 {instructions}\n\ntotals: {instructions}\n")


class Callgrind(unittest.TestCase):
    def test_own_costs_are_without_those_of_calls(self):
        program, library = "/build/program", "/usr/lib/libc.so.6"
        self.assertEqual(own_costs(DUMP), {
            (program, "split(unsigned long)"): 54, (program, "take(int)"): 33,
            (library, "malloc"): 11, (library, "_int_malloc"): 40,
            (library, "__memcpy_avx_unaligned_erms"): 27,
            (library, "pthread_mutex_lock@@GLIBC_2.2.5"): 16})

    def test_memory_functions_are_not_counted(self):
        self.assertEqual(counted(DUMP), 54 + 33 + 16)

    def test_which_functions_are_left_out(self):
        for name in ("malloc", "free", "cfree", "__libc_malloc", "malloc@@GLIBC_2.2.5",
                     "_int_free", "malloc_consolidate", "unlink_chunk.constprop.0",
                     "tcache_init.part.0", "sysmalloc", "operator new(unsigned long)",
                     "operator new[](unsigned long)", "operator delete(void*)",
                     "operator delete(void*, unsigned long)", "memcpy", "memmove", "memchr",
                     "memset", "memcpy@GLIBC_2.2.5", "__memcpy_avx_unaligned_erms",
                     "__memmove_sse2_unaligned", "__memchr_avx2", "__memset_evex_unaligned_erms",
                     "__memcmp_avx2_movbe", "__memcpy_generic"):
            self.assertTrue(is_left_out(name), name)
        for name in ("pthread_mutex_lock@@GLIBC_2.2.5", "main", "queue::free(int)", "freeze()",
                     "Block::operator new(unsigned long)", "memory()", "mallocs",
                     "pool_allocate(unsigned long)", "std::pmr::new_delete_resource()",
                     "clock_gettime"):
            self.assertFalse(is_left_out(name), name)

    def test_the_instructions_among_other_events_and_positions(self):
        self.assertEqual(own_costs("positions: instr line\nevents: Bc Ir\nfn=f\n0x10 1 5 7\n"
                                   "+3 * 9\ncfn=g\ncalls=1 0x20 4\n* * 1 100\ntotals: 14 7\n"),
                         {("", "f"): 7})

    def test_a_file_that_is_cut_off_or_strange(self):
        for text in (DUMP.replace("totals: 181\n", ""), DUMP.replace("8 16\n", ""),
                     DUMP.replace("fl=(4)", "what=(4)"), DUMP.replace("12 4", "12 four"),
                     DUMP.replace("12 4", "what"), DUMP.replace("events: Ir", "events: Dr"), ""):
            with self.assertRaises(Failure):
                own_costs(text)

    def test_a_c_library_without_names(self):
        with self.assertRaisesRegex(Failure, "libc6-dbg"):
            counted(DUMP.replace("_int_malloc", "0x0000000000098d30"))


class Comparisons(unittest.TestCase):
    def test_three_percent_to_both_sides(self):
        for found, is_over, is_improved in ((100, False, False), (103, False, False),
                                            (103.1, True, False), (97, False, False),
                                            (96.9, False, True)):
            comparison, = compare({"split": 100.0}, {"split": found})
            self.assertEqual((comparison.is_over, comparison.is_improved), (is_over, is_improved),
                             found)

    def test_a_line_says_it_all(self):
        self.assertEqual(str(compare({"split": 40.0}, {"split": 45})[0]),
                         "split: expected 40.0, found 45.0, +12.5%")

    def test_a_path_that_one_side_does_not_have(self):
        new, gone = compare({"gone": 5.0}, {"new": 6.0})
        self.assertEqual((new.path, new.is_over, new.is_improved), ("new", False, False))
        self.assertEqual((gone.path, gone.is_over), ("gone", True))


class Command(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        self.program = self.executable(self.folder / "program", "")
        self.counts = self.folder / "counts.json"

    def executable(self, path, body):
        path.write_text(f"#!{sys.executable} -ISB\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def valgrind(self, dumps, output, end=""):
        """A program of this name that writes these dumps and prints this."""
        self.executable(self.tools / "valgrind", f"""
import os, signal, sys
out = next(word.partition("=")[2] for word in sys.argv if word.startswith("--callgrind-out"))
for number, text in enumerate({dumps!r}, 1):
    with open(f"{{out}}.{{number}}", "w") as file:
        file.write(text)
print({output!r}, end="", flush=True)
{end}""")

    def finds(self, **counts):
        """A valgrind with these counts for one repetition of each path."""
        dumps, lines = [], [f"key={KEY}\n"]
        for path, count in counts.items():
            for repetitions in (10, 20):
                dumps.append(dump(1000 + count * repetitions))
                lines.append(f"section={path} {repetitions}\n")
        self.valgrind(dumps, "".join(lines))

    def start(self, *words, path=None):
        return Forked(cli.main, str(COMMAND), list(map(str, words)), cwd=self.folder,
                      env={**os.environ, "PATH": path or f"{self.tools}:{os.environ['PATH']}",
                           "TMPDIR": str(self.scratch)})

    def run_with(self, command, *words, **options):
        """Its exit status, and the lines of output and of errors."""
        return self.run_words(command, "--program", self.program, "--counts", self.counts, *words,
                              **options)

    def run_words(self, *words, **options):
        with self.start(*words, **options) as process:
            output, errors = process.communicate(timeout=60)
        self.assertEqual(list(self.scratch.iterdir()), [])
        return process.returncode, output.splitlines(), errors.splitlines()

    def assert_refused(self, status, *parts, of):
        self.assertEqual((of[0], len(of[2])), (status, 1), of)
        for part in ("instruction-counts: ", *parts):
            self.assertIn(part, of[2][0])

    def expect(self, key=KEY, **counts):
        self.counts.write_text(json.dumps({key: counts}))

    def test_equal_counts_pass(self):
        self.finds(split=100, submit=300)
        self.expect(split=100.0, submit=300.0)
        status, output, errors = self.run_with("check")
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output[1:], ["split: expected 100.0, found 100.0, +0.0%",
                                      "submit: expected 300.0, found 300.0, +0.0%"])

    def test_each_path_over_the_tolerance_is_one_line_and_status_1(self):
        self.finds(split=104, submit=300, drain=60)
        self.expect(split=100.0, submit=300.0, drain=50.0)
        status, output, errors = self.run_with("check")
        self.assertEqual(status, 1)
        self.assertEqual(errors, [
            "instruction-counts: over by more than 3%: split: expected 100.0, found 104.0, +4.0%",
            "instruction-counts: over by more than 3%: drain: expected 50.0, found 60.0, +20.0%"])

    def test_an_improvement_passes_and_says_how_to_record_it(self):
        self.finds(split=90)
        self.expect(split=100.0)
        status, output, errors = self.run_with("check")
        self.assertEqual((status, errors), (0, []))
        self.assertIn("split: expected 100.0, found 90.0, -10.0%: an improvement; "
                      "bench/instruction-counts record", output[1])

    def test_an_unknown_key_passes_and_prints_the_counts(self):
        self.finds(split=90)
        self.expect(key="clang 16.0, x86_64, asio 1.22.1", split=10.0)
        status, output, errors = self.run_with("check")
        self.assertEqual((status, errors), (0, []))
        self.assertIn(f"nothing is recorded for {KEY}", output[0])
        self.assertEqual(output[1:], ["split: 90.0"])

    def test_a_path_that_is_not_run_any_more_fails(self):
        self.finds(split=90)
        self.expect(split=90.0, submit=10.0)
        self.assert_refused(1, "submit", "does not run", of=self.run_with("check"))

    def test_record_keeps_other_keys_and_their_order(self):
        self.finds(split=90, submit=300)
        other = {"submit": 3.0, "split": 4.5}
        self.counts.write_text(json.dumps({"z": other, KEY: {"gone": 1.0}, "a": other}))
        status, output, errors = self.run_with("record")
        self.assertEqual((status, errors), (0, []))
        text = self.counts.read_text()
        records = json.loads(text)
        self.assertEqual(records, {"a": other, KEY: {"split": 90.0, "submit": 300.0}, "z": other})
        self.assertEqual([list(records), list(records["a"])], [["a", KEY, "z"],
                                                               ["submit", "split"]])
        self.assertEqual(self.run_with("record")[0], 0)
        self.assertEqual(self.counts.read_text(), text)
        self.assertEqual(self.run_with("check")[0], 0)

    def test_record_starts_a_file(self):
        self.finds(split=90)
        self.assertEqual(self.run_with("record")[0], 0)
        self.assertEqual(json.loads(self.counts.read_text()), {KEY: {"split": 90.0}})

    def test_a_file_of_counts_that_cannot_be_used(self):
        self.finds(split=90)
        self.assert_refused(1, "counts.json", of=self.run_with("check"))
        for text in ("", "[]", '{"a": 1}', '{"a": {"split": "1"}}', '{"a": {"split": 0}}'):
            self.counts.write_text(text)
            with self.assertRaisesRegex(Failure, "counts.json"):
                load(self.counts)
        for command in ("check", "record"):
            self.assert_refused(1, "counts.json", of=self.run_with(command))
        self.assertEqual(self.counts.read_text(), text)
        self.counts = self.folder / "nowhere/counts.json"
        self.assert_refused(1, "cannot be written", of=self.run_with("record"))

    def test_what_is_missing(self):
        self.expect(split=90.0)
        self.assert_refused(1, "valgrind is not installed",
                            of=self.run_with("check", path=str(self.tools)))
        self.finds(split=90)
        self.assert_refused(1, "absent", "--target bench_instructions",
                            of=self.run_with("check", "--program", self.folder / "absent"))

    def test_a_run_that_goes_wrong(self):
        self.expect(split=90.0)
        key, two = f"key={KEY}\n", "section=split 10\nsection=split 20\n"
        for dumps, output, end, part in (
                ((), "", "sys.exit('dead')", "dead"),
                ((), "", "os.kill(os.getpid(), signal.SIGSEGV)", "-11"),
                ((), "", "", "did not say"),
                ((), key, "", "did not say"),
                ((), key + "dance\n", "", "'dance'"),
                ((dump(10),), key + two, "", "nothing for the section 2"),
                ((dump(10), "dance"), key + two, "", "'dance'"),
                ((dump(10), dump(10)), key + two, "", "not all were counted"),
                ((dump(10), dump(20)), key + "section=split 10\n" * 2, "", "two numbers")):
            with self.subTest(part=part):
                self.valgrind(dumps, output, end)
                self.assert_refused(1, part, of=self.run_with("check"))

    def test_an_interrupt_ends_it_and_leaves_nothing(self):
        self.expect(split=90.0)
        self.valgrind((), "", "print(os.getpid(), file=open("
                      f"{str(self.folder / 'pid')!r}, 'w'), flush=True); signal.pause()")
        for number in (signal.SIGINT, signal.SIGTERM):
            pid = self.folder / "pid"
            with self.start("check", "--program", self.program, "--counts",
                            self.counts) as process:
                while not pid.exists() or not pid.read_text():
                    self.assertIsNone(process.poll())
                    time.sleep(0.01)
                process.send_signal(number)
                _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, errors)
            self.assertEqual(len(errors.splitlines()), 1, errors)
            self.assertEqual(list(self.scratch.iterdir()), [])
            with self.assertRaises(ProcessLookupError):
                os.kill(int(pid.read_text()), 0)
            pid.unlink()

    def test_each_wrong_argument_is_one_line_and_status_2(self):
        for words, part in (((), "COMMAND"), (("dance",), "dance"), (("check", "x"), "x"),
                            (("check", "--dance"), "--dance"), (("check", "--prog", "x"), "--prog"),
                            (("record", "--program"), "--program")):
            with self.subTest(words=words):
                self.assert_refused(2, part, of=self.run_words(*words))

    def test_the_file_itself_is_a_command(self):
        run = subprocess.run([str(COMMAND), "check", "--dance"], capture_output=True, text=True,
                             cwd=self.folder, timeout=60)
        self.assert_refused(2, "--dance", of=(run.returncode, run.stdout.splitlines(),
                                              run.stderr.splitlines()))

    def test_help(self):
        for words, parts in ((("--help",), ("check", "record", "3%")),
                             (("check", "--help"), ("--program", "--counts", "3%"))):
            status, output, errors = self.run_words(*words)
            self.assertEqual((status, errors), (0, []))
            for part in parts:
                self.assertIn(part, "\n".join(output))
            self.assertNotIn("%%", "\n".join(output))


if __name__ == "__main__":
    unittest.main()
