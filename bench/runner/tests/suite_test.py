"""`bench all`: its rows, its peers, and what is not the harness's."""

import os
import pathlib
import unittest
from unittest import mock

from .. import compile_cost, suite, targets
from ..problems import Failure
from .bench_process import BenchTest, table_of

SERVES = """
if role == "tcp-service":
    ready()
costs = {"handoff_coroutine": 1, "raw_copy": 4}
lines(cpu_seconds=costs.get(flag("--implementation"), 2))"""
# Forwards nothing. Each worker takes some processor time.
NGINX = """if [ "$1" = -V ]; then echo "configure arguments: --with-stream" >&2; exit; fi
while [ $# -gt 0 ]; do case $1 in -c) conf=$2 ;; esac; shift; done
cp "$conf" "half-close-$(sed -n 's/.*half_close \\(o[nf]*\\);.*/\\1/p' "$conf").conf"
workers=$(sed -n 's/^worker_processes \\([0-9]*\\);/\\1/p' "$conf")
while [ "$workers" -gt 0 ]; do
  sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; exec sleep 100' &
  workers=$((workers - 1))
done
sed -n 's/^pid \\(.*\\);/\\1/p' "$conf" | while read -r file; do echo $$ >"$file"; done
trap 'kill $(jobs -p); exit' TERM
wait"""


class Suite(BenchTest):
    def of_all(self):
        return table_of((self.out / "targets.csv").read_text())

    def all(self, only, *more, **options):
        options = {"BYTES_HANDOFF_NGINX": "/nonexistent", **options}
        return self.bench("all", "--only", only, "--out", self.out, *more, **options)

    def test_measures_the_rows_and_shows_them(self):
        status, output, errors = self.all("split-coalesced", "--runs", 4,
                                          harness=self.harness(SERVES))
        self.assertEqual((status, errors), (0, []))
        self.assertIn(f"page: {self.out}/report.html\n", output)
        rows = {(row["contender"], row["base"]): row for row in self.of_all()}
        row = rows["handoff_coroutine", "raw_copy"]
        self.assertEqual([row[key] for key in ("median", "low95", "high95", "to_be", "verdict")],
                         ["0.2500", "0.2500", "0.2500", "0.6", "met"])
        self.assertEqual(rows["handoff", "splice"]["verdict"], "met")
        self.assertEqual(rows["handoff_coroutine", "raw_copy:read-block=65536"]["to_be"], "")

    def test_a_run_that_fails_leaves_the_rows_that_were_measured(self):
        harness = self.harness("""
sys.exit("boom") if flag("--transport") == "cached" else None
lines(transport=flag("--transport"))""")
        self.assert_refused(1, "boom", "in round 1 of handoff_coroutine, cached", of=self.all(
            "duplex-coalesced,cached", "--runs", 1, harness=harness))
        rows = {row["folder"]: row for row in self.of_all()}
        self.assertEqual(rows["duplex-coalesced"]["median"], "1.0000")

    def test_without_nginx_a_line_says_so_and_the_others_run(self):
        status, output, _ = self.all("short-connections", "--runs", 1,
                                     harness=self.harness(SERVES))
        self.assertEqual(status, 0)
        self.assertIn("/nonexistent: No such file or directory: short connections have no such "
                      "peer\n", output)
        self.assertEqual({row["verdict"] for row in self.of_all()}, {"not measured"})

    def test_nginx_is_measured_with_its_workers_under_its_own_name(self):
        self.tool("nginx", NGINX)
        status, _, errors = self.all("short-connections", "--runs", 1, harness=self.harness("""
if role == "tcp-service":
    ready()
time.sleep(0.5)
lines()"""), BYTES_HANDOFF_NGINX=str(self.folder / "tools/nginx"))
        self.assertEqual((status, errors), (0, []))
        row, = (row for row in table_of(
            (self.out / "short-connections/service-runs.csv").read_text())
            if row["contender"] == "nginx")
        self.assertEqual((row["implementation"], row["worker_threads"]), ("nginx", "1"))
        self.assertGreater(float(row["cpu_total_seconds"]), 0.001)
        self.assertGreater(int(row["max_rss_bytes"]), 100_000)
        driver = {row["contender"]: row["implementation"] for row in table_of(
            (self.out / "short-connections/driver-runs.csv").read_text())}
        for name, half_close in (("nginx", "off"), ("nginx_half_close", "on")):
            self.assertEqual(driver[name], name)
            self.assertIn("proxy_pass 127.0.0.1:",
                          (self.folder / f"half-close-{half_close}.conf").read_text())

    def test_nginx_that_cannot_run_is_refused_before_anything_runs(self):
        run = ("run", "--implementation", "a,nginx", "--out", self.out)
        self.assert_refused(2, "nginx needs --split", of=self.bench(
            *run, harness=self.harness("lines()"), BYTES_HANDOFF_NGINX="/nonexistent"))
        self.assert_refused(1, "/nonexistent: No such file", of=self.bench(
            *run, "--split", harness=self.harness("lines()"), BYTES_HANDOFF_NGINX="/nonexistent"))
        self.assertFalse(self.out.exists())

    def test_every_row_is_of_what_is_run(self):
        known = {name: set(of[0]) for name, of in suite.RUNS.items()}
        known["idle"] = {targets.README_LOOP, targets.EXPERT}
        known["compile"] = set(compile_cost.SOURCES)
        for row in targets.ROWS:
            self.assertIn(row.folder, suite.PARTS)
            for name in (row.contender, row.base):
                if name is not None and row.folder in known:
                    self.assertIn(name, known[row.folder], row)
        self.assertEqual({row.folder for row in targets.ROWS}, set(suite.PARTS))

    @unittest.skipIf("BYTES_HANDOFF_TEST_HARNESS" not in os.environ,
                     "SKIPPED: BYTES_HANDOFF_TEST_HARNESS does not name the harness")
    def test_idle_connections_of_the_harness(self):
        status, _, errors = self.all("idle", "--runs", 1,
                                     harness=os.environ["BYTES_HANDOFF_TEST_HARNESS"])
        self.assertEqual((status, errors), (0, []))
        for row in self.of_all():
            self.assertTrue(0.5 < float(row["median"]) < 50, row)


class Verdicts(unittest.TestCase):
    ROW = targets.ROWS[1]

    def test_the_whole_interval_has_to_reach_it(self):
        self.assertEqual(self.ROW.to_be, 0.60)
        for low, high, verdict in ((0.5, 0.6, "met"), (0.5, 0.61, "within the interval"),
                                   (0.61, 0.7, "missed"), (None, None, "too few runs")):
            self.assertEqual(targets.verdict(self.ROW, 0.55, low, high), verdict)

    def test_more_is_better_where_it_is(self):
        row, = (row for row in targets.ROWS if row.folder == "duplex-fragmented")
        self.assertEqual(row.to_be, 1.2)
        for low, high, verdict in ((1.2, 1.3, "met"), (1.1, 1.3, "within the interval"),
                                   (1.0, 1.1, "missed")):
            self.assertEqual(targets.verdict(row, 1.2, low, high), verdict)


class Compiling(BenchTest):
    def test_tells_what_the_compiler_took(self):
        self.tool("cc", 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; printf 12345 >"$4"')
        seconds, memory, size = compile_cost._compile(
            [str(self.folder / "tools/cc")], pathlib.Path("x.cpp"))
        self.assertGreater(seconds, 0.001)
        self.assertGreater(memory, 100_000)
        self.assertEqual(size, 5)

    def test_a_source_that_does_not_compile_is_named(self):
        self.tool("cc", 'echo "$2: no" >&2; exit 1')
        with self.assertRaisesRegex(Failure, "x.cpp is not compiled: x.cpp: no"):
            compile_cost._compile([str(self.folder / "tools/cc")], pathlib.Path("x.cpp"))

    def test_a_tree_that_is_not_configured_is_named(self):
        with mock.patch.object(compile_cost.harness, "REPOSITORY", self.folder), \
                self.assertRaisesRegex(Failure, "compile_commands.json"):
            compile_cost._words()


if __name__ == "__main__":
    unittest.main()
