"""The service under perf and strace."""

import unittest

from .bench_process import BenchTest

# Runs the command behind the options, which are all that there is in a trial.
RUN = ('while case $1 in -o | -F | --call-graph) shift 2 ;; -*) shift ;; *) false ;; esac; do :; '
       'done; exec "$@"')
SERVES = """
if role == "tcp-service":
    ready()
lines()"""


class Captures(BenchTest):
    def tools(self, report="echo"):
        self.tool("perf", f'echo "$@" >>perf-calls; [ "$1" = report ] && {{ {report} "$@"; exit; }}; '
                  f'shift; {RUN}')
        return self.tool("strace", f'[ "$3" = -o ] && echo calls > "$4"; {RUN}')

    def test_every_run_of_every_contender_is_run_under_both_tools(self):
        path = self.tools()
        status, output, errors = self.bench(
            "capture", "--implementation", "a,b", "--runs", 2, "--out", self.out,
            harness=self.harness(SERVES), PATH=path)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output, f"results: {self.out}\n")
        texts = {path.name: path.read_text() for path in self.out.iterdir()}
        for name in ("a", "b"):
            for run in (1, 2):
                of = f"{name}-run-{run}"
                self.assertEqual(texts[f"{of}-system-calls.txt"], "calls\n")
                self.assertIn("--no-children", texts[f"{of}-functions.txt"])
                self.assertIn("--children", texts[f"{of}-callers.txt"])
                for file in ("stacks-service.txt", "stacks-driver.txt", "system-calls-service.txt"):
                    self.assertIn(f"implementation={name}\n", texts[f"{of}-{file}"])

    def test_stacks_are_found_by_unwind_tables(self):
        path = self.tools()
        self.bench("capture", "--implementation", "a", "--out", self.out,
                   harness=self.harness(SERVES), PATH=path)
        recorded = [line for line in (self.folder / "perf-calls").read_text().splitlines()
                    if line.startswith("record -F")]
        self.assertEqual(len(recorded), 1)
        self.assertIn("--call-graph dwarf,", recorded[0])

    def test_a_report_that_fails_is_no_empty_file(self):
        path = self.tools(report="echo no data >&2; exit 1;")
        self.assert_refused(1, "perf report: no data", of=self.bench(
            "capture", "--implementation", "a", "--out", self.out, harness=self.harness(SERVES),
            PATH=path))

    def test_a_tool_that_may_not_trace_is_named_with_its_reason(self):
        path = self.tool("perf", "echo 'perf: not permitted' >&2; exit 1")
        self.assert_refused(1, "perf may not trace here", "not permitted", of=self.bench(
            "capture", "--out", self.out, harness=self.harness("lines()"), PATH=path))

    def test_without_its_tools_it_says_which(self):
        self.assert_refused(1, "perf is not installed", of=self.bench(
            "capture", "--out", self.out, harness=self.harness("lines()"), PATH="/nonexistent"))
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
