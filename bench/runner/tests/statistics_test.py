"""Figures against ones that were made by hand."""

import math
import pathlib
import tempfile
import unittest

from ..harness import Outcome
from ..results import Series, read_table
from ..statistics import ratio_of_pairs, summarize
from .bench_process import lines_of


class Statistics(unittest.TestCase):
    def test_a_summary(self):
        summary = summarize([2, 4, 9])
        self.assertEqual((summary.mean, summary.median, summary.least, summary.most), (5, 4, 2, 9))
        self.assertAlmostEqual(summary.stdev, math.sqrt(13))
        self.assertIsNone(summarize([3]).stdev)

    def test_a_ratio_is_of_pairs(self):
        ratio = ratio_of_pairs([2, 8], [1, 2])
        self.assertEqual((ratio.median, ratio.least, ratio.most), (3, 2, 4))
        # Logarithms ln 2 and ln 4: their mean is ln 8 / 2, their deviation ln 2 / sqrt 2.
        reach = 12.706 * math.log(2) / 2
        self.assertAlmostEqual(ratio.low, math.sqrt(8) / math.exp(reach))
        self.assertAlmostEqual(ratio.high, math.sqrt(8) * math.exp(reach))

    def test_equal_pairs_have_no_spread_and_one_pair_no_interval(self):
        ratio = ratio_of_pairs([3, 6, 9], [1, 2, 3])
        self.assertAlmostEqual(ratio.low, 3)
        self.assertAlmostEqual(ratio.high, 3)
        self.assertTrue(math.isnan(ratio_of_pairs([1], [2]).low))

    def test_the_tables_of_a_series(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            series = Series(folder, ("a", "b"))
            for number, (a, b) in enumerate(((2, 4), (3, 4), (4, 4)), 1):
                series.add("a", number, Outcome(lines_of("a", a, a)))
                series.add("b", number, Outcome(lines_of("b", b, b)))
            closing = series.finish()
            summary = {(row["metric"], row["implementation"]): row
                       for row in read_table(folder / "summary.csv")}
            cost = summary["cpu_ns_per_byte", "a"]
            figures = [float(cost[key]) for key in ("mean", "stdev", "median", "min", "max")]
            self.assertEqual(figures, [3, 1, 3, 2, 4])
            ratios = {row["metric"]: row for row in read_table(folder / "ratios.csv")}
            self.assertEqual([ratios["cpu_ns_per_byte"][key] for key in ("median", "min", "max")],
                             ["0.7500", "0.5000", "1.0000"])
            self.assertIn("a / b, CPU a byte: 0.7500 [0.5000 .. 1.0000]", closing[-1])


if __name__ == "__main__":
    unittest.main()
