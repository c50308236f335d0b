"""Runs: what is written, and what happens when one goes wrong."""

import os
import pty
import unittest

from .bench_process import BenchTest, table_of


def read_to_end(terminal):
    """All that was shown: one read gives a part of it. Nobody has the other end any more."""
    shown = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            shown += piece
    except OSError:  # EIO: behind the last byte
        pass
    return shown


class Arguments(BenchTest):
    def test_each_wrong_one_is_one_line_and_status_2(self):
        for arguments, parts in (
                ((), ("COMMAND",)), (("dance",), ("dance",)), (("run", "--dance"), ("--dance",)),
                (("run", "--runs", "0"), ("--runs", "'0'", "at least 1")),
                (("run", "--runs", "3.5"), ("--runs", "'3.5'")),
                (("run", "--scenario", "x"), ("--scenario", "'x'")),
                (("run", "--implementation", "a,a"), ("--implementation", "twice")),
                (("run", "--implementation", "a,"), ("--implementation", "empty")),
                (("run", "--implementation", "a:block"), ("'block'", "FLAG=VALUE")),
                (("run", "--implementation", "a/b"), ("'a/b'",)),
                (("all", "--only", "x"), ("--only", "'x'", "cached")),
                (("all", "--", "--connections", "4"), ("--connections", "behind `--`")),
                (("matrix", "--scenario", "x"), ("--scenario", "'x'")),
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

    def test_the_file_itself_is_a_command(self):
        self.assert_refused(2, "--dance", of=self.executed("run", "--dance"))

    def test_help_names_the_commands(self):
        status, output, errors = self.executed("--help")
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
        self.assertIn("a: 2 runs, 476.84 MiB/s, 2.0000 ns of CPU a byte", output)
        self.assertIn("a / b, CPU a byte: 1.0000 [1.0000 .. 1.0000], no interval", output)
        rows = table_of((self.out / "runs.csv").read_text())
        self.assertEqual([(row["run"], row["contender"]) for row in rows],
                         [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")])

    def test_a_form_of_a_contender_has_its_flags_and_its_own_label(self):
        harness = self.harness("""
with open("calls", "a") as calls:
    print(flag("--implementation"), flag("--read-block"), file=calls)
lines()
print("read_block=" + (flag("--read-block") or "0"))""")
        status, output, errors = self.bench(
            "run", "--implementation", "a:read-block=8192,b,a", "--scenario", "coalesced", "--runs",
            1, "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual((self.folder / "calls").read_text().splitlines(),
                         ["a 8192", "b None", "a None"])
        rows = table_of((self.out / "runs.csv").read_text())
        self.assertEqual([(row["contender"], row["implementation"], row["read_block"])
                          for row in rows],
                         [("a:read-block=8192", "a", "8192"), ("b", "b", "0"), ("a", "a", "0")])
        for pair in ("b / a,", "a:read-block=8192 / a,", "b / a:read-block=8192,"):
            self.assertIn(pair, output)

    def test_a_run_is_long_enough_unless_its_flags_say_how_long_it_is(self):
        harness = self.harness("""
with open("calls", "a") as calls:
    print(flag("--duration-seconds"), flag("--iterations"), file=calls)
lines()""")
        for number, flags in enumerate(((), ("--", "--iterations", "3"),
                                        ("--", "--duration-seconds=0.2"))):
            self.bench("run", "--scenario", "coalesced", "--runs", 1, "--out",
                       self.folder / str(number), *flags, harness=harness)
        self.bench("run", "--scenario", "coalesced", "--out", self.out, harness=harness)
        self.assertEqual((self.folder / "calls").read_text().splitlines(),
                         ["1 None", "None 3", "None None", *["1 None"] * 5])

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
            self.assertEqual(names, {f"a-{side}-run-1.txt" for side in ("driver", "service")} |
                             {f"{side}-{table}.csv" for side in ("driver", "service")
                              for table in ("runs", "summary")})

    def test_a_terminal_is_shown_how_far_it_is(self):
        terminal, theirs = pty.openpty()
        with self.start("run", "--implementation", "a,b", "--scenario", "coalesced", "--runs", 2,
                        "--out", self.out, harness=self.harness("lines()"),
                        stderr=theirs) as process:
            os.close(theirs)
            process.communicate(timeout=60)
        shown = read_to_end(terminal).decode()
        os.close(terminal)
        self.assertIn("] 0/4,", shown)
        self.assertRegex(shown, r"\] 3/4, \d+ s left: coalesced b, run 2")
        self.assertTrue(shown.endswith("\r\x1b[K"), "the bar is left behind")

    def test_the_matrix_has_a_folder_a_cell(self):
        harness = self.harness("""
if role == "tcp-service":
    ready()
print("frame_len=" + flag("--frame-len"))
lines(cpu_seconds=1 if flag("--implementation") == "a" else 4)""")
        status, _, errors = self.bench(
            "matrix", "--implementation", "a,b", "--scenario", "coalesced", "--connections", "1,4",
            "--frame-size", "64", "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual({path.name for path in self.out.iterdir() if path.is_dir()},
                         {"coalesced-1x64", "coalesced-4x64"})
        rows = table_of((self.out / "coalesced-4x64/driver-runs.csv").read_text())
        self.assertEqual(rows[0]["frame_len"], "63")
        rows = table_of((self.out / "matrix.csv").read_text())
        self.assertEqual([(row["scenario"], row["connections"], row["frame_size"],
                           row["contender"], row["runs"], row["cpu_ns_per_byte"], row["base"],
                           row["cpu_ratio"]) for row in rows],
                         [("coalesced", connections, "64", *rest) for connections in ("1", "4")
                          for rest in (("a", "4", "1.0", "b", "0.2500"),
                                       ("b", "4", "4.0", "", ""))])


@unittest.skipIf("BYTES_HANDOFF_TEST_HARNESS" not in os.environ,
                 "SKIPPED: BYTES_HANDOFF_TEST_HARNESS does not name the harness")
class RealRuns(BenchTest):
    def test_contenders_of_the_harness_over_tcp(self):
        status, output, errors = self.bench(
            "run", "--implementation", "handoff,splice", "--scenario", "coalesced", "--runs", 2,
            "--split", "--out", self.out, "--", "--connections", 4, "--tunnel-bytes", 4096,
            "--iterations", 1, "--verify", harness=os.environ["BYTES_HANDOFF_TEST_HARNESS"])
        self.assertEqual((status, errors), (0, []))
        self.assertIn("handoff / splice, CPU a byte:", output)
        self.assertIn("TOO SHORT", output)
        for side in ("driver", "service"):
            rows = table_of((self.out / f"{side}-runs.csv").read_text())
            self.assertEqual({row["total_bytes"] for row in rows},
                             {str(4 * (64 * 64 + 7 + 4096))})

    def test_a_wrong_flag_of_the_last_contender_runs_nothing_and_leaves_no_folder(self):
        self.assert_refused(2, "--implementation", "needs --transport tcp", of=self.bench(
            "run", "--implementation", "handoff,splice", "--out", self.out,
            harness=os.environ["BYTES_HANDOFF_TEST_HARNESS"]))
        self.assertFalse(self.out.exists())


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

    def test_a_folder_that_is_there_or_cannot_be_made_is_named(self):
        self.out.mkdir()
        self.assert_refused(1, str(self.out), "exists", of=self.bench(
            "run", "--out", self.out, harness=self.harness("lines()")))
        self.assert_refused(1, "/dev/null/results",
                            of=self.bench("run", "--out", "/dev/null/results",
                                          harness=self.harness("lines()")))

    def test_what_the_harness_refuses_is_a_wrong_argument(self):
        harness = self.harness("""
print("harness: --tunnel-bytes: no", file=sys.stderr)
sys.exit(2)""")
        for split in ((), ("--split",)):
            out = self.folder / f"out{len(split)}"
            self.assert_refused(2, "harness: --tunnel-bytes: no",
                                of=self.bench("run", "--out", out, *split, harness=harness))
            self.assertFalse(out.exists())

    def test_a_disk_without_room_is_named(self):
        self.assert_refused(1, "environment.txt", of=self.bench(
            "run", "--out", self.out, harness=self.harness("lines()"), most_bytes=0))


if __name__ == "__main__":
    unittest.main()
