"""Figures against ones that were made by hand."""

import math
import pathlib
import tempfile
import unittest

from ..contenders import Contender
from ..figures import enough, figures_of, values_of
from ..harness import Outcome
from ..results import Series, read_table
from ..statistics import interval, ratio_of_pairs, summarize
from .bench_process import lines_of


class Statistics(unittest.TestCase):
    def test_a_summary(self):
        summary = summarize([2, 4, 9])
        self.assertEqual((summary.mean, summary.median, summary.least, summary.most), (5, 4, 2, 9))
        self.assertAlmostEqual(summary.stdev, math.sqrt(13))
        self.assertIsNone(summarize([3]).stdev)

    def test_a_ratio_is_of_pairs(self):
        ratio = ratio_of_pairs([2, 8, 2, 8], [1, 2, 1, 2])
        self.assertEqual((ratio.pairs, ratio.median, ratio.least, ratio.most), (4, 3, 2, 4))
        # Logarithms ln 2 and ln 4, twice: their mean is ln 8 / 2, their deviation ln 2 / sqrt 3.
        reach = 3.182 * math.log(2) / math.sqrt(3) / 2
        self.assertAlmostEqual(ratio.low, math.sqrt(8) / math.exp(reach))
        self.assertAlmostEqual(ratio.high, math.sqrt(8) * math.exp(reach))

    def test_equal_pairs_have_no_spread(self):
        ratio = ratio_of_pairs([3, 6, 9, 3], [1, 2, 3, 1])
        self.assertAlmostEqual(ratio.low, 3)
        self.assertAlmostEqual(ratio.high, 3)

    def test_under_four_there_is_no_interval(self):
        for count in range(1, 4):
            self.assertEqual(interval([1, 2, 3][:count]), (None, None))
        self.assertNotEqual(interval([1, 2, 3, 4]), (None, None))


class Figures(unittest.TestCase):
    LINES = ("total_bytes=3000000000\ntotal_seconds=1.500000\ncpu_total_seconds=1.000001\n"
             "cpu_ns_per_byte=0.33\nmib_per_sec=1.00\ntotal_streams={streams}\n"
             "failed_connections={failed}\nlatency_p50_micros=5\nlatency_p95_micros=6\n"
             "latency_p99_micros=7\nlatency_p999_micros=8\nlatency_max_micros=9\nname=0x10\n")

    def test_whole_numbers_stay_whole(self):
        values = values_of(self.LINES.format(streams=10, failed=0))
        self.assertIs(type(values["total_bytes"]), int)
        self.assertIs(type(values["total_seconds"]), float)
        self.assertEqual(values["name"], "0x10")

    def test_what_was_rounded_is_divided_again(self):
        values = figures_of(self.LINES.format(streams=10, failed=0))
        self.assertEqual(values["cpu_ns_per_byte"], 1.000001 / 3e9 * 1e9)
        self.assertEqual(values["mib_per_sec"], 2e9 / (1 << 20))
        self.assertAlmostEqual(values["cpu_micros_per_stream"], 100000.1)

    def test_a_percentile_needs_ten_connections_beyond_it(self):
        keys = [f"latency_p{part}_micros" for part in ("50", "95", "99", "999")]
        for streams, failed, shown in ((19, 0, 0), (20, 0, 1), (128, 0, 1), (200, 0, 2),
                                       (200, 1, 1), (1000, 0, 3), (9999, 0, 3), (10000, 0, 4)):
            values = figures_of(self.LINES.format(streams=streams, failed=failed))
            self.assertEqual([values[key] for key in keys], [5, 6, 7, 8][:shown] + [""] * (4 - shown),
                             streams)
            self.assertEqual(values["latency_max_micros"], 9)
        self.assertFalse(enough(999, 10))


class Tables(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def series(self, runs, split=False, names=("a", "b")):
        series = Series(self.folder, [Contender(name) for name in names])
        for number, costs in enumerate(runs, 1):
            for name, cost in zip(names, costs, strict=False):
                lines = lines_of(name, cost)
                series.add(name, number, Outcome(lines, lines if split else None))
        return series

    def table(self, name, *keys):
        return {tuple(row[key] for key in keys): row for row in read_table(self.folder / name)}

    def test_of_a_series(self):
        closing = self.series(((2, 4), (3, 4), (4, 4), (3, 4))).closing_lines()
        cost = self.table("summary.csv", "metric", "contender")["cpu_ns_per_byte", "a"]
        figures = [float(cost[key]) for key in ("mean", "median", "min", "max")]
        self.assertEqual(figures, [3, 3, 2, 4])
        ratio = self.table("ratios.csv", "metric")["cpu_ns_per_byte",]
        self.assertEqual([ratio[key] for key in ("side", "rounds", "median", "min", "max")],
                         ["all", "4", "0.7500", "0.5000", "1.0000"])
        self.assertIn("a / b, CPU a byte: 0.7500 [0.5000 .. 1.0000], 95% between", closing[-1])

    def test_configuration_is_no_figure_and_whole_numbers_are_whole(self):
        self.series(((2, 4), (3, 4)))
        metrics = {row["metric"] for row in read_table(self.folder / "summary.csv")}
        self.assertFalse(metrics & {"connections", "tunnel_bytes", "completion", "run"}, metrics)
        self.assertIn("total_streams", metrics)
        for row in read_table(self.folder / "runs.csv"):
            self.assertEqual((row["connections"], row["total_bytes"]), ("4", "1000000000"))

    def test_the_sides_of_a_split_have_their_names(self):
        self.series(((2, 4),), split=True)
        self.assertEqual({side for side, in self.table("ratios.csv", "side")},
                         {"driver", "service"})
        self.assertTrue((self.folder / "driver-runs.csv").exists())

    def test_three_rounds_have_no_interval(self):
        closing = self.series(((2, 4),) * 3).closing_lines()
        ratio = self.table("ratios.csv", "metric")["cpu_ns_per_byte",]
        self.assertEqual((ratio["low95"], ratio["high95"]), ("", ""))
        self.assertIn("no interval of 3 rounds, 4 at least", closing[-1])

    def test_a_round_that_one_contender_lacks_is_no_pair(self):
        self.series(((2, 4), (8,)))
        rows = [(row["run"], row["contender"]) for row in read_table(self.folder / "runs.csv")]
        self.assertEqual(rows, [("1", "a"), ("1", "b"), ("2", "a")])
        ratio = self.table("ratios.csv", "metric")["cpu_ns_per_byte",]
        self.assertEqual((ratio["rounds"], ratio["median"]), ("1", "0.5000"))

    def test_forms_of_the_last_one_are_bases_too(self):
        self.series(((2, 4, 8),), names=("a", "b:read-block=1", "b"))
        self.assertEqual({pair for pair in self.table("ratios.csv", "contender", "base")},
                         {("a", "b"), ("b:read-block=1", "b"), ("a", "b:read-block=1")})

    def test_forms_of_one_alone_are_compared_with_the_last(self):
        self.series(((2, 4, 8),), names=("b:x=1", "b:x=2", "b"))
        self.assertEqual({pair for pair in self.table("ratios.csv", "contender", "base")},
                         {("b:x=1", "b"), ("b:x=2", "b")})


if __name__ == "__main__":
    unittest.main()
