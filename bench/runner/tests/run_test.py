"""Runs: what is written, and what happens when one goes wrong."""

import os
import pty
import signal
import time
import unittest

from .bench_process import BenchTest, table_of


class Arguments(BenchTest):
    def test_each_wrong_one_is_one_line_and_status_2(self):
        for arguments, parts in (
                ((), ("COMMAND",)), (("dance",), ("dance",)), (("run", "--dance"), ("--dance",)),
                (("run", "--runs", "0"), ("--runs", "'0'", "at least 1")),
                (("run", "--runs", "3.5"), ("--runs", "'3.5'")),
                (("run", "--scenario", "x"), ("--scenario", "'x'")),
                (("run", "--implementation", "a,a"), ("--implementation", "twice")),
                (("run", "--implementation", "a,"), ("--implementation", "empty")),
                (("run", "--split", "--service-cpus", "0"), ("--service-cpus", "--driver-cpus")),
                (("run", "--service-cpus", "0", "--driver-cpus", "0"), ("--split",)),
                (("run", "--split", "--service-cpus", "9999"), ("--service-cpus", "'9999'")),
                (("matrix", "--frame-size", "16"), ("--frame-size", "'16'", "at least 17")),
                (("matrix", "--connections", "-1"), ("--connections",)),
                (("latency", "--frames", "0"), ("--frames", "'0'", "at least 1")),
                (("latency", "--every-micros", "-1"), ("--every-micros",)),
                (("report",), ("FOLDER",))):
            with self.subTest(arguments=arguments):
                self.assert_refused(2, *parts, of=self.bench(*arguments))

    def test_help_names_the_commands(self):
        status, output, errors = self.bench("--help")
        self.assertEqual((status, errors), (0, []))
        for command in ("run", "matrix", "capture", "latency", "report", "all"):
            self.assertIn(command, output)


class Runs(BenchTest):
    def test_contenders_take_turns_and_their_flags_reach_the_harness(self):
        harness = self.harness("""
with open("calls", "a") as calls:
    print(flag("--implementation"), flag("--scenario"), flag("--connections"), file=calls)
lines()""")
        status, output, errors = self.bench(
            "run", "--implementation", "a,b", "--scenario", "coalesced", "--runs", 2, "--out",
            self.out, "--", "--connections", 7, harness=harness)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual((self.folder / "calls").read_text().splitlines(),
                         ["a coalesced 7", "b coalesced 7"] * 2)
        self.assertEqual(
            sorted(path.name for path in self.out.iterdir()),
            ["a-run-1.txt", "a-run-2.txt", "b-run-1.txt", "b-run-2.txt", "environment.txt",
             "ratios.csv", "runs.csv", "summary.csv"])
        self.assertIn("a: 2 runs, 10.00 MiB/s, 2.0000 ns of CPU a byte", output)
        self.assertIn("a / b, CPU a byte: 1.0000", output)
        rows = table_of((self.out / "runs.csv").read_text())
        self.assertEqual([(row["run"], row["implementation"]) for row in rows],
                         [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")])

    def test_all_scenarios_have_a_folder_each_and_a_service_its_own_files(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
lines()""")
        status, _, errors = self.bench("run", "--implementation", "a", "--runs", 1, "--split",
                                       "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        for scenario in ("fragmented", "coalesced"):
            names = {path.name for path in (self.out / scenario).iterdir()}
            self.assertEqual(names, {"a-run-1.txt", "service-run-1.txt", "runs.csv", "summary.csv",
                                     "service-runs.csv", "service-summary.csv"})

    def test_a_terminal_is_shown_how_far_it_is(self):
        terminal, theirs = pty.openpty()
        with self.start("run", "--implementation", "a,b", "--scenario", "coalesced", "--runs", 2,
                        "--out", self.out, harness=self.harness("lines()"),
                        stderr=theirs) as process:
            os.close(theirs)
            process.communicate(timeout=60)
        shown = os.read(terminal, 1 << 16).decode()
        os.close(terminal)
        self.assertIn("] 0/4,", shown)
        self.assertRegex(shown, r"\] 3/4, \d+ s left: coalesced b, run 2")
        self.assertTrue(shown.endswith("\r\x1b[K"), "the bar is left behind")

    def test_the_matrix_has_a_folder_a_cell(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
print("frame_len=" + flag("--frame-len"))
lines()""")
        status, _, errors = self.bench(
            "matrix", "--implementation", "a", "--scenario", "coalesced", "--connections", "1,4",
            "--frame-size", "64", "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual({path.name for path in self.out.iterdir() if path.is_dir()},
                         {"coalesced-1x64", "coalesced-4x64"})
        rows = table_of((self.out / "coalesced-4x64/runs.csv").read_text())
        self.assertEqual(rows[0]["frame_len"], "63.0")


class Captures(BenchTest):
    # Runs the command behind the options, which are all that there is in a trial.
    RUN = ('while case $1 in -o | -F) shift 2 ;; -*) shift ;; *) false ;; esac; do :; done; '
           'exec "$@"')

    def test_the_service_is_run_under_both_tools(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
lines()""")
        self.tool("perf", f'[ "$1" = report ] && echo "stacks $3" && exit; shift; {self.RUN}')
        path = self.tool("strace", f'[ "$3" = -o ] && echo calls > "$4"; {self.RUN}')
        status, output, errors = self.bench("capture", "--implementation", "a", "--out", self.out,
                                            harness=harness, PATH=path)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output, f"results: {self.out}\n")
        texts = {path.name: path.read_text() for path in self.out.iterdir()}
        self.assertEqual(texts["system-calls.txt"], "calls\n")
        self.assertEqual(texts["functions.txt"], "stacks --no-children\n")
        self.assertEqual(texts["callers.txt"], "stacks --children\n")
        for name in ("stacks-service.txt", "stacks-driver.txt", "system-calls-service.txt"):
            self.assertIn("implementation=a", texts[name])

    def test_a_tool_that_may_not_trace_is_named_with_its_reason(self):
        path = self.tool("perf", "echo 'perf: not permitted' >&2; exit 1")
        self.assert_refused(1, "perf may not trace here", "not permitted", of=self.bench(
            "capture", "--out", self.out, harness=self.harness("lines()"), PATH=path))


@unittest.skipIf("BYTES_HANDOFF_TEST_HARNESS" not in os.environ,
                 "SKIPPED: BYTES_HANDOFF_TEST_HARNESS does not name the harness")
class RealRuns(BenchTest):
    def test_contenders_of_the_harness_over_tcp(self):
        status, output, errors = self.bench(
            "run", "--implementation", "handoff,splice", "--scenario", "coalesced", "--runs", 2,
            "--split", "--out", self.out, "--", "--connections", 4, "--tunnel-bytes", 4096,
            "--verify", harness=os.environ["BYTES_HANDOFF_TEST_HARNESS"])
        self.assertEqual((status, errors), (0, []))
        self.assertIn("handoff / splice, CPU a byte:", output)
        for side in ("", "service-"):
            rows = table_of((self.out / f"{side}runs.csv").read_text())
            self.assertEqual({row["total_bytes"] for row in rows},
                             {str(4.0 * (64 * 64 + 7 + 4096))})


class Failures(BenchTest):
    def test_a_harness_that_refuses_is_quoted_and_nothing_more_is_run(self):
        harness = self.harness("sys.exit('harness: --connections: no')")
        self.assert_refused(1, "harness: --connections: no",
                            of=self.bench("run", "--out", self.out, harness=harness))

    def test_a_service_that_dies_ends_the_driver(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
    wait_for("tcp-driver")
    sys.exit("service: boom")
hang()""")
        self.assert_refused(1, "the service died", "boom", of=self.bench(
            "run", "--split", "--out", self.out, harness=harness))
        self.assert_gone("tcp-service")
        self.assert_gone("tcp-driver")

    def test_a_service_that_does_not_start_is_quoted(self):
        harness = self.harness("sys.exit('service: the address is taken')")
        self.assert_refused(1, "has not started", "taken", of=self.bench(
            "run", "--split", "--out", self.out, harness=harness))

    def test_an_interrupted_run_leaves_no_child(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
hang()""")
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                out = self.folder / f"out{number}"
                with self.start("run", "--split", "--out", out, harness=harness) as process:
                    while not (self.folder / "tcp-driver.pid").exists():
                        self.assertIsNone(process.poll())
                        time.sleep(0.01)
                    process.send_signal(number)
                    _, errors = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 130)
                self.assertEqual(len(errors.splitlines()), 1, errors)
                self.assert_gone("tcp-service")
                self.assert_gone("tcp-driver")
                (self.folder / "tcp-driver.pid").unlink()

    def test_a_folder_that_is_there_or_cannot_be_made_is_named(self):
        self.out.mkdir()
        self.assert_refused(1, str(self.out), "exists", of=self.bench(
            "run", "--out", self.out, harness=self.harness("lines()")))
        self.assert_refused(1, "/dev/null/results",
                            of=self.bench("run", "--out", "/dev/null/results"))

    def test_what_the_harness_refuses_is_a_wrong_argument(self):
        harness = self.harness("""
print("harness: --tunnel-bytes: no", file=sys.stderr)
sys.exit(2)""")
        for split in ((), ("--split",)):
            out = self.folder / f"out{len(split)}"
            self.assert_refused(2, "harness: --tunnel-bytes: no",
                                of=self.bench("run", "--out", out, *split, harness=harness))

    def test_a_capture_without_its_tools_says_which(self):
        self.assert_refused(1, "perf is not installed", of=self.bench(
            "capture", "--out", self.out, harness=self.harness("lines()"), PATH="/nonexistent"))
        self.assertFalse(self.out.exists())

    def test_a_disk_without_room_is_named(self):
        self.assert_refused(1, "environment.txt", of=self.bench(
            "run", "--out", self.out, harness=self.harness("lines()"), most_bytes=0))


if __name__ == "__main__":
    unittest.main()
