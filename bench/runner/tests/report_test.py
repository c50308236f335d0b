"""The page: what is in it, and how it looks to a browser."""

import unittest

from peers import suite as peers

from .. import cells, results, targets
from ..contenders import Contender
from ..harness import Outcome
from . import chromium
from .bench_process import BenchTest, lines_of

NAMES = ("handoff_coroutine", "raw_copy:read-block=65536", "raw_copy")
COSTS = ((1.5, 2.0, 2.5), (1.25, 2.25, 2.0), (1.0, 2.5, 1.75), (1.75, 2.0, 3.0))  # of four rounds
# Each chart: its title, and of each point the drawn value and its spread, and the line; from where
# they are on the screen.
DRAWN = """[...document.querySelectorAll("canvas")].map(canvas => {
    const chart = Chart.getChart(canvas), flat = chart.options.indexAxis === "y";
    const scale = flat ? chart.scales.x : chart.scales.y;
    const at = pixel => scale.getValueForPixel(pixel);
    return { title: canvas.getAttribute("aria-label"),
      line: chart.$line === undefined ? null : at(chart.$line),
      points: chart.data.datasets.flatMap((dataset, number) =>
        chart.getDatasetMeta(number).data.map((point, index) => ({
          label: dataset.label ?? chart.data.labels[index].join(":"),
          value: point.skip ? null : at(flat ? point.x : point.y),
          colour: String(dataset.label ? dataset.borderColor : dataset.backgroundColor[index]),
          spread: (chart.$spreads[number][index] ?? []).map(at) }))) }; })"""
# Whether something is drawn at the very edge of a chart, where it would be cut off.
AT_THE_EDGE = """[...document.querySelectorAll("canvas")].filter(canvas => {
    const { width, height } = canvas, copy = Object.assign(
        document.createElement("canvas"), { width, height }).getContext("2d",
        { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const of = (...area) => copy.getImageData(...area).data.some(byte => byte !== 0);
    return of(0, 0, width, 1) || of(0, height - 1, width, 1) || of(0, 0, 1, height)
        || of(width - 1, 0, 1, height); }).map(canvas => canvas.getAttribute("aria-label"))"""
CUT_TABLES = """[...document.querySelectorAll(".scroll")].filter(box =>
    box.scrollWidth > box.clientWidth).map(box => box.innerText)"""


class PageTest(BenchTest):
    def results(self, title="results", rounds=4):
        """A folder with a split series and a matrix of two cells."""
        root = self.folder / title
        for name in ("coalesced", "coalesced-1x64", "coalesced-4x64"):
            (root / name).mkdir(parents=True)
            series = results.Series(root / name, [Contender(each) for each in NAMES])
            for number, costs in enumerate(COSTS[:rounds], 1):
                for label, cost in zip(NAMES, costs, strict=True):
                    lines = lines_of(label.split(":")[0], cost * (10 if "4x" in name else 1))
                    series.add(label, number, Outcome(lines, lines))
        cells.write(root)
        (root / "environment.txt").write_text(
            "cpu=One of </script> two\nkernel=Linux\ncongestion_control=bbr\npinning=none\n"
            "load_before=0.10 0.10 0.10\nload_after=0.20 0.10 0.10\n")
        return root


class Page(PageTest):
    def test_has_everything_inside(self):
        root = self.results()
        status, output, errors = self.bench("report", root)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output, f"page: {root}/report.html\n")
        page = (root / "report.html").read_text()
        self.assertIn("\\u003c/script>", page)
        for mark in ("/*DATA*/", "/*STYLE*/", "/*CHARTS*/", "/*SECTIONS*/", "/*LIBRARY*/"):
            self.assertNotIn(mark, page)

    def test_what_cannot_be_shown_is_one_line(self):
        self.assert_refused(1, "no such folder", of=self.bench("report", self.folder / "none"))
        self.assert_refused(1, "no results", of=self.bench("report", self.folder))
        root = self.results()
        self.assert_refused(1, "/dev/null/page", of=self.bench(
            "report", root, "--out", "/dev/null/page"))
        self.assert_refused(1, "libjs-chart.js", of=self.bench(
            "report", root, BYTES_HANDOFF_CHART_LIBRARY="/nonexistent"))

    def test_shows_a_folder_of_before_the_sides_had_names(self):
        folder = self.folder / "old"
        folder.mkdir()
        (folder / "runs.csv").write_text("run,implementation,scenario,mib_per_sec\n1,a,x,5.0\n")
        (folder / "service-runs.csv").write_text("run,implementation,cpu_ns_per_byte\n1,a,2.0\n")
        (folder / "ratios.csv").write_text(
            "side,metric,implementation,base,median,min,max,low95,high95\n"
            "service,cpu_ns_per_byte,a,b,0.5,0.5,0.5,nan,nan\n")
        self.assertEqual(self.bench("report", folder)[0], 0)


@unittest.skipIf(chromium.PROGRAM is None, "SKIPPED: there is no chromium to look at the page")
class Shown(PageTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Chromium()
        cls.addClassCleanup(cls.browser.close)

    def shown(self, root, width=1200, dark=False):
        self.assertEqual(self.bench("report", root)[0], 0)
        self.browser.new_page()
        self.browser.open(root / "report.html", width, dark)
        self.addCleanup(self.assertEqual, self.browser.console, [])
        return self.browser

    def test_at_any_width_and_in_the_dark_nothing_is_cut_off(self):
        root = self.results()
        browser = self.shown(root)
        page = root / "report.html"
        colours = set()
        for width, dark in ((1200, False), (1200, True), (360, False), (360, True)):
            with self.subTest(width=width, dark=dark):
                browser.open(page, width, dark)
                shown = browser.value("document.documentElement.scrollWidth")
                self.assertLessEqual(shown, width)
                self.assert_drawn(browser)
                self.assertEqual(browser.value(AT_THE_EDGE), [])
                self.assertEqual(browser.value(CUT_TABLES), [])
                colours.add(browser.value("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(colours), 2, "light and dark look alike")
        self.assertEqual(set(browser.requests), {page.resolve().as_uri()})

    def assert_drawn(self, browser):
        """Every chart has pixels, and a table under it."""
        charts = browser.value("""[...document.querySelectorAll("canvas")].map(canvas => {
            const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return image.data.some(byte => byte !== 0)
                && canvas.closest(".card").querySelectorAll("tr").length > 1; })""")
        self.assertEqual(charts, [True] * 7)
        text = browser.value("document.body.innerText")
        for part in ("Throughput", "p99.9", "ns/byte\t1\t4", "Linux", "One of </script> two"):
            self.assertIn(part, text)

    def charts(self, browser):
        return {chart["title"]: chart for chart in browser.value(DRAWN)}

    def assert_points(self, chart, expected):
        """Each point of a chart is where the value is, a label with a median and a spread."""
        self.assertEqual([point["label"] for point in chart["points"]],
                         [label for label, *_ in expected])
        for point, (label, median, *spread) in zip(chart["points"], expected, strict=True):
            # Half a pixel of some hundreds.
            self.assertAlmostEqual(point["value"] / median, 1, delta=0.01, msg=(chart, label))
            self.assertEqual(len(point["spread"]), len(spread), label)
            for drawn, figure in zip(point["spread"], spread, strict=True):
                self.assertAlmostEqual(drawn / figure, 1, delta=0.01, msg=(chart, label))

    def test_what_is_drawn_is_what_the_tables_say(self):
        root = self.results()
        charts = self.charts(self.shown(root))
        for metric, title, scale, file in (
                ("mib_per_sec", "Throughput coalesced", 1, "driver"),
                ("cpu_ns_per_byte", "CPU per byte coalesced", 1, "service"),
                ("max_rss_bytes", "Memory coalesced", 1 << 20, "service")):
            rows = {row["contender"]: row for row in results.read_table(
                root / f"coalesced/{file}-summary.csv") if row["metric"] == metric}
            self.assert_points(charts[title], [
                (name, *(float(rows[name][key]) / scale for key in ("median", "min", "max")))
                for name in NAMES])
        for base, names in (("raw_copy", NAMES[:2]), (NAMES[1], NAMES[:1])):
            rows = {row["contender"]: row for row in results.read_ratios(root / "coalesced")
                    if (row["side"], row["metric"], row["base"]) == (
                        "service", "cpu_ns_per_byte", base)}
            chart = charts[f"ratio coalesced {base}"]
            self.assert_points(chart, [
                (name, *(float(rows[name][key]) for key in ("median", "low95", "high95")))
                for name in names])
            self.assertAlmostEqual(chart["line"], 1, delta=0.01)
        self.assert_points(charts["latency coalesced"], [
            (name, median, median, median) for name in NAMES for median in (0.1, 0.2, 0.3, 0.4)])

    def test_a_cell_of_a_matrix_is_seen_beside_one_that_is_ten_times_larger(self):
        root = self.results()
        chart = self.charts(self.shown(root))["cells coalesced 64"]
        rows = {(row["contender"], row["connections"]): row
                for row in results.read_table(root / "matrix.csv")}
        self.assert_points(chart, [
            (name, *(float(rows[name, count][key]) for key in ("cpu_ratio", "low95", "high95")))
            for name in NAMES[:2] for count in ("1", "4")])
        self.assertAlmostEqual(chart["line"], 1, delta=0.01)

    def test_says_first_who_wins_and_on_which_machine(self):
        text = self.shown(self.results()).value("document.body.innerText")
        beginning = text[:text.index("Throughput")]
        for part in ("cpu: One of </script> two", "congestion control: bbr", "pinning: none",
                     "load before: 0.10", "load after: 0.20", "Who wins",
                     "handoff_coroutine takes least: 0.592 of the CPU of raw_copy (95%: "):
            self.assertIn(part, beginning)
        self.assertLess(text.index("handoff_coroutine takes less CPU than raw_copy in 2 of 2 cells"),
                        text.index("Throughput"))

    def test_three_rounds_have_no_winner_and_no_interval(self):
        browser = self.shown(self.results(rounds=3))
        self.assertIn("Too few rounds to say who wins", browser.value("document.body.innerText"))
        for chart in self.charts(browser).values():
            if chart["title"].startswith(("ratio", "cells")):
                self.assertEqual([point["spread"] for point in chart["points"]],
                                 [[]] * len(chart["points"]))

    def test_a_contender_has_one_colour_on_every_page(self):
        def colours(root, names, cost=1.5):
            root.mkdir()
            series = results.Series(root, [Contender(name) for name in names])
            for name in names:
                lines = lines_of(name, cost)
                series.add(name, 1, Outcome(lines))
            chart = self.charts(self.shown(root))["CPU per byte coalesced, tcp"]
            return {point["label"]: point["colour"] for point in chart["points"]}

        one = colours(self.folder / "one", ("splice", "handoff", "new_one"))
        other = colours(self.folder / "other", ("raw_copy", "new_one", "handoff"))
        self.assertEqual(one["handoff"], other["handoff"])
        self.assertEqual(one["new_one"], other["new_one"])
        self.assertEqual(len({*one.values(), *other.values()}), 4)

    def test_programs_and_peers_are_told_by_what_they_count(self):
        root = self.folder / "peers"
        for name, peer, counts, keys in (
                ("sni_router-short", "nginx", "connections", ""),
                ("sni_router-bulk", "nginx", "bytes", "total_bytes=1000000000\n"),
                ("line_broadcast-idle", "redis", "connections",
                 "idle_bytes_per_connection=2048\n")):
            (root / name).mkdir(parents=True)
            names = (name.split("-")[0], peer)
            series = results.Series(root / name, [Contender(each) for each in names])
            for number in range(1, 5):
                for label, cost in zip(names, (0.5, 1 + number / 100), strict=True):
                    work = "" if "idle" in name else \
                        f"total_streams=1000\ntotal_seconds=2.0\ncpu_total_seconds={cost}\n"
                    series.add(label, number, Outcome(
                        f"scenario=so many at once\ncounts={counts}\n{work}{keys}"))
        targets.write(root, peers.ROWS)
        browser = self.shown(root)
        charts = self.charts(browser)
        self.assertEqual(set(charts), {
            "ratio sni_router-short nginx", "ratio sni_router-bulk nginx",
            "Connections a second sni_router-short", "CPU per connection sni_router-short",
            "Throughput sni_router-bulk", "CPU per byte sni_router-bulk",
            "Memory of an idle connection line_broadcast-idle"})
        self.assert_points(charts["Connections a second sni_router-short"],
                           [("sni_router", 500, 500, 500), ("nginx", 500, 500, 500)])
        self.assert_points(charts["CPU per connection sni_router-short"],
                           [("sni_router", 500, 500, 500), ("nginx", 1025, 1010, 1040)])
        self.assert_points(charts["Memory of an idle connection line_broadcast-idle"],
                           [("line_broadcast", 2, 2, 2), ("redis", 2, 2, 2)])
        text = browser.value("document.body.innerText")
        for part in ("sni_router takes least: 0.488 of the CPU of nginx",
                     "so many at once, 4 runs", "Of the program or its peer",
                     "sni router short: CPU per connection, to nginx"):
            self.assertIn(part, text)
        browser.open(root / "report.html", 360, dark=False)
        self.assertEqual(browser.value(CUT_TABLES), [])

    def test_a_run_that_was_too_short_is_told(self):
        root = self.folder / "short"
        root.mkdir()
        series = results.Series(root, [Contender("a")])
        lines = lines_of("a", 2).replace("total_seconds=2.000000", "total_seconds=0.001000")
        series.add("a", 1, Outcome(lines))
        self.assertIn("A run took only 0.001 s",
                      self.shown(root).value("document.body.innerText"))

    def test_percentiles_without_samples_are_left_out(self):
        root = self.folder / "few"
        root.mkdir()
        series = results.Series(root, [Contender("a")])
        series.add("a", 1, Outcome(lines_of("a", 2).replace("total_streams=20000",
                                                           "total_streams=200")))
        chart = self.charts(self.shown(root))["latency coalesced, tcp"]
        self.assertEqual(len(chart["points"]), 2)

    def test_the_targets_are_shown_with_what_was_measured(self):
        root = self.results()
        (root / "coalesced").rename(root / "split-coalesced")
        targets.write(root)
        browser = self.shown(root)
        text = browser.value("document.body.innerText")
        self.assertIn("≤ 0.6", text)
        self.assertIn("within the interval", text)
        self.assertEqual(browser.value(CUT_TABLES), [])


if __name__ == "__main__":
    unittest.main()
