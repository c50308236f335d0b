"""What was printed is what was asked for, and nothing else sets it."""

import unittest

from .. import labels
from .bench_process import BenchTest


class Overrides(BenchTest):
    def test_a_flag_behind_the_dashes_that_the_runner_sets_is_one_line_and_no_folder(self):
        split, matrix = ("run", "--split"), ("matrix", "--implementation", "a")
        for command, flags, part in (
                (("run",), ("--implementation", "splice"), "in front of `--`"),
                (("run",), ("--implementation=splice",), "in front of `--`"),
                (("run",), ("--scenario", "coalesced"), "in front of `--`"),
                (split, ("--role", "tcp-driver"), "`--split`"),
                (split, ("--verify", "--sink-addr", "127.0.0.1:1"), "picks"),
                (split, ("--idle-timeout-millis", "1"), "picks"),
                (matrix, ("--connections", "4"), "in front of `--`"),
                (matrix, ("--frame-len", "20"), "--frame-size"),
                (matrix, ("--transport", "tcp"), "over TCP"),
                (("capture",), ("--implementation", "b"), "in front of `--`"),
                (("latency",), ("--completion", "ticket"), "fire_and_forget"),
                (("run", "--implementation", "a:connections=2"), ("--connections", "4"),
                 "set elsewhere"),
                (("run", "--implementation", "a:role=tcp-driver"), (), "set elsewhere")):
            with self.subTest(command=command, flags=flags):
                self.assert_refused(2, part, of=self.bench(
                    *command, "--out", self.out, "--", *flags, harness=self.harness("lines()")))
                self.assertFalse(self.out.exists())

    def test_what_the_harness_refuses_for_a_split_is_said_before_anything_runs(self):
        harness = self.harness("""sys.exit("it has run")""",
                               check="echo 'harness: --transport: no' >&2; exit 2")
        self.assert_refused(2, "--transport: no", of=self.bench(
            "run", "--split", "--out", self.out, "--", "--transport", "duplex", harness=harness))
        self.assertFalse(self.out.exists())


class Printed(BenchTest):
    def test_a_run_of_something_else_is_refused(self):
        for others, part in (('implementation="splice"', "implementation=a, and ran "
                              "implementation=splice"),
                             ('scenario="fragmented"', "scenario=fragmented"),
                             ('connections=5', "connections=4, and ran connections=5")):
            with self.subTest(others=others):
                harness = self.harness(f"lines({others})")
                self.assert_refused(1, part, of=self.bench(
                    "run", "--implementation", "a", "--scenario", "coalesced", "--out", self.out,
                    "--", "--connections", "4", harness=harness))
                self.assertFalse(self.out.exists())

    def test_a_service_of_something_else_is_refused(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
    lines(implementation="splice")
else:
    lines()""")
        self.assert_refused(1, "the service was asked for implementation=a", of=self.bench(
            "run", "--implementation", "a", "--split", "--out", self.out, harness=harness))

    def test_a_run_that_says_no_label_is_refused(self):
        self.assert_refused(1, "ran implementation=nothing", of=self.bench(
            "run", "--out", self.out, harness=self.harness("print('x=1')")))

    def test_the_last_of_a_repeated_flag_is_what_was_asked_for(self):
        self.assertEqual(labels.given(("--connections", "4", "--verify", "--connections=7")),
                         {"--connections": 7, "--verify": ""})


if __name__ == "__main__":
    unittest.main()
