"""Commands that end early: what has been finished stays, and one line says where it was."""

import signal
import unittest

from .bench_process import BenchTest, table_of

# Three runs go well; the fourth tells that it has begun.
FOURTH = """
with open("calls", "a") as calls:
    print(role, file=calls)
mine = open("calls").read().split().count(role)
if role == "tcp-service":
    ready()
if mine == 4:
    note("fourth")
    {then}
lines()"""


class Interrupts(BenchTest):
    def run_of_two(self, *more):
        return ("run", "--implementation", "a,b", "--scenario", "coalesced", "--runs", 3, "--out",
                self.out, *more)

    def assert_three_runs_are_kept(self, side=""):
        prefix = side and f"{side}-"
        rows = table_of((self.out / f"{prefix}runs.csv").read_text())
        self.assertEqual([(row["run"], row["contender"]) for row in rows],
                         [("1", "a"), ("1", "b"), ("2", "a")])
        ratio, = (row for row in table_of((self.out / "ratios.csv").read_text())
                  if row["metric"] == "cpu_ns_per_byte" and row["side"] in ("all", "service"))
        self.assertEqual(ratio["rounds"], "1")
        self.assertIn("load_after=", (self.out / "environment.txt").read_text())
        status, output, _ = self.bench("report", self.out)
        self.assertEqual((status, output), (0, f"page: {self.out}/report.html\n"))

    def test_a_signal_keeps_every_finished_run_and_says_where_it_was(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.out = self.folder / f"out{number}"
                status, errors = self.interrupt_at(
                    "fourth", number, *self.run_of_two(),
                    harness=self.harness(FOURTH.format(then="hang()")))
                self.assertEqual(status, 130)
                self.assertEqual(errors, [
                    "bench: interrupted in round 2 of b, coalesced; what was finished is in "
                    f"{self.out}"])
                self.assert_three_runs_are_kept()
                (self.folder / "fourth").unlink()
                (self.folder / "calls").unlink()

    def test_a_failed_run_keeps_every_finished_run_of_both_sides(self):
        self.assert_refused(1, "boom", "in round 2 of b, coalesced", str(self.out), of=self.bench(
            *self.run_of_two("--split"), harness=self.harness(
                FOURTH.format(then="""sys.exit("boom") if role == "tcp-driver" else None"""))))
        for side in ("driver", "service"):
            self.assert_three_runs_are_kept(side)

    def test_without_a_finished_run_nothing_is_left(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
hang()""")
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                status, errors = self.interrupt_at(
                    "tcp-driver.pid", number, "run", "--split", "--out", self.out, harness=harness)
                self.assertEqual(status, 130)
                self.assertEqual(len(errors), 1, errors)
                self.assertIn("round 1 of handoff_coroutine", errors[0])
                self.assert_gone("tcp-service")
                self.assert_gone("tcp-driver")
                self.assertFalse(self.out.exists())
                (self.folder / "tcp-driver.pid").unlink()

    def test_the_finished_cells_of_a_matrix_are_shown(self):
        status, errors = self.interrupt_at(
            "fourth", signal.SIGTERM, "matrix", "--implementation", "a,b", "--scenario",
            "coalesced", "--runs", 1, "--connections", "1,4", "--frame-size", "64", "--out",
            self.out, harness=self.harness(FOURTH.format(then="hang()")))
        self.assertEqual((status, len(errors)), (130, 1), errors)
        self.assertIn("round 1 of b, coalesced-4x64", errors[0])
        rows = table_of((self.out / "matrix.csv").read_text())
        self.assertEqual([(row["connections"], row["contender"]) for row in rows],
                         [("1", "a"), ("1", "b"), ("4", "a")])
        self.assertEqual(self.bench("report", self.out)[0], 0)


if __name__ == "__main__":
    unittest.main()
