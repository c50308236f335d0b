"""The page: what is in it, and how it looks to a browser."""

import unittest

from ..harness import Outcome
from ..results import Series
from . import chromium
from .bench_process import BenchTest, lines_of


class Page(BenchTest):
    def results(self, title="results"):
        """A folder with a split series and a matrix of two cells."""
        root = self.folder / title
        for name in ("coalesced", "coalesced-1x64", "coalesced-4x64"):
            folder = root / name
            folder.mkdir(parents=True)
            series = Series(folder, ("a", "b"))
            for number in (1, 2):
                for implementation, cost in (("a", 1.25), ("b", 2.5 * number)):
                    lines = lines_of(implementation, 1234.5, cost)
                    series.add(implementation, number, Outcome(lines, lines))
            series.finish()
        (root / "environment.txt").write_text("cpu=One of </script> two\nkernel=Linux\n")
        return root

    def test_has_everything_inside(self):
        root = self.results()
        status, output, errors = self.bench("report", root)
        self.assertEqual((status, errors), (0, []))
        self.assertEqual(output, f"page: {root}/report.html\n")
        page = (root / "report.html").read_text()
        self.assertIn("\\u003c/script>", page)
        self.assertNotIn("/*DATA*/", page)

    def test_what_cannot_be_shown_is_one_line(self):
        self.assert_refused(1, "no such folder", of=self.bench("report", self.folder / "none"))
        self.assert_refused(1, "no results", of=self.bench("report", self.folder))
        root = self.results()
        self.assert_refused(1, "/dev/null/page", of=self.bench(
            "report", root, "--out", "/dev/null/page"))
        self.assert_refused(1, "libjs-chart.js", of=self.bench(
            "report", root, BYTES_HANDOFF_CHART_LIBRARY="/nonexistent"))

    @unittest.skipIf(chromium.PROGRAM is None, "SKIPPED: there is no chromium to look at the page")
    def test_is_drawn_by_a_browser_without_errors_requests_or_overflow(self):
        root = self.results()
        self.bench("report", root)
        page = root / "report.html"
        with chromium.Chromium() as browser:
            colours = set()
            for width, dark in ((1200, False), (1200, True), (360, False), (360, True)):
                with self.subTest(width=width, dark=dark):
                    browser.open(page, width, dark)
                    shown = browser.value("document.documentElement.scrollWidth")
                    self.assertLessEqual(shown, width)
                    self.assert_drawn(browser)
                    colours.add(browser.value("getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(len(colours), 2, "light and dark look alike")
            self.assertEqual(browser.console, [])
            self.assertEqual(set(browser.requests), {page.resolve().as_uri()})

    def assert_drawn(self, browser):
        """Every chart has pixels, and a table under it."""
        charts = browser.value("""[...document.querySelectorAll("canvas")].map(canvas => {
            const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return image.data.some(byte => byte !== 0)
                && canvas.closest(".card").querySelectorAll("tr").length > 1; })""")
        self.assertEqual(charts, [True] * 5)
        text = browser.value("document.body.innerText")
        for part in ("Throughput", "1,235", "p99.9", "0.0043 to", "ns/byte\t1\t4", "Linux",
                     "One of </script> two"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
