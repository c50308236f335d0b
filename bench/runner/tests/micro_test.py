"""The micro benchmarks' script, and their rows in a suite."""

import pathlib
import subprocess
import unittest

from .. import micro
from .bench_process import BenchTest

RUN = pathlib.Path(__file__).resolve().parents[2] / "micro/run.sh"
# Stands for the benchmarks: two names, of which a filter finds what it is a part of.
PROGRAM = r"""for word in "$@"; do
  case $word in
    --benchmark_filter=*) filter=${word#*=} ;;
    --benchmark_list_tests=true) list=yes ;;
    --benchmark_out=*) out=${word#*=} ;;
  esac
done
names=$(printf 'split\nsubmit\n' | grep -E -- "$filter")
[ -n "$names" ] || { echo "Failed to match any benchmarks" >&2; exit 0; }
[ -n "$list" ] && { echo "$names"; exit; }
echo "{}" >"$out"
"""
COUNTS = ('while [ "$1" != -o ]; do [ $# -gt 0 ] || {{ echo "{said}" >&2; exit; }}; shift; done; '
          'echo counts >"$2"; shift 2; exec "$@"')


class Script(BenchTest):
    def script(self, *arguments, **environment):
        path = self.tool("bench_micro", PROGRAM)
        return self.bench(*arguments, "--out", self.out, program=["bash", RUN], **{
            "PATH": path, "BYTES_HANDOFF_BENCH_MICRO": str(self.folder / "tools/bench_micro"),
            **environment})

    def bench(self, *arguments, program, **environment):
        with subprocess.Popen([*program, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.folder,
                              env=environment) as process:
            output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors.splitlines()

    def test_a_filter_that_matches_runs(self):
        status, output, errors = self.script("--filter", "spl")
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output, f"results: {self.out}/micro.json\n")

    def test_a_filter_without_a_match_is_refused_and_leaves_no_folder(self):
        status, _, errors = self.script("--filter", "nothing")
        self.assertEqual((status, len(errors)), (2, 1), errors)
        self.assertIn("--filter 'nothing': no benchmark", errors[0])
        self.assertFalse(self.out.exists())

    def test_counters_that_count_are_kept(self):
        self.tool("perf", COUNTS.format(said="123,,cycles"))
        status, _, errors = self.script("--counters")
        self.assertEqual((status, errors), (0, []))
        self.assertEqual((self.out / "counters.txt").read_text(), "counts\n")

    def test_counters_that_count_nothing_are_refused_and_leave_no_folder(self):
        for said in ("<not supported>,,cycles", "1,,cycles\n<not counted>,,cache-misses"):
            with self.subTest(said=said):
                self.tool("perf", COUNTS.format(said=said))
                status, _, errors = self.script("--counters")
                self.assertEqual((status, len(errors)), (2, 1), errors)
                self.assertIn("--counters: this machine", errors[0])
                self.assertFalse(self.out.exists())


class Rows(unittest.TestCase):
    def test_are_the_repetitions_in_nanoseconds(self):
        one = {"run_name": "a/threads:1/manual_time", "time_unit": "us", "real_time": 2.5, "cpu_time": 9,
               "items_per_second": 7.0, "repetition_index": 0, "run_type": "iteration"}
        self.assertEqual(micro.rows_of({"benchmarks": [
            one, {**one, "repetition_index": 1, "time_unit": "ns"}, {**one, "run_name": "b"},
            {**one, "run_type": "aggregate"}]}),
            [[1, "a/threads:1", 7.0, 2500], [2, "a/threads:1", 7.0, 2.5], [1, "b", 7.0, 9000]])


if __name__ == "__main__":
    unittest.main()
