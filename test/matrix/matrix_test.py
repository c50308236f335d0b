"""The script of the matrix, without a root: what it reads, records, and runs again."""

import dataclasses
import pathlib
import tempfile
import unittest
from unittest import mock

import cell as cell_module
import results
import roots
import run


def a_cell(name="a-cell", **changes):
    line = changes.pop("line", f"{name} here g++-14 asio core")
    made = cell_module.Cell(name, roots.Root("here"), "g++-14", "asio", ["core"], [], line)
    return dataclasses.replace(made, **changes)


def a_result(cell, outcome="passed", sources="now", **changes):
    made = results.Result(cell.name, outcome, 3, 5, sources, results.digest_of(cell.line),
                          "GCC 14.2.0, Asio 1.30.2", "")
    return made._replace(**changes)


class Data(unittest.TestCase):
    def test_each_cell_has_a_root_that_is_known_and_steps_that_are(self):
        known = roots.table()
        names = set()
        for cell in cell_module.cells():
            self.assertNotIn(cell.name, names)
            names.add(cell.name)
            if cell.root is None:
                self.assertTrue(cell.option("why"), cell.name)
                continue
            self.assertIn(cell.root.name, known)
            for layer in cell.root.layers:
                self.assertIn(f"{cell.root.name}+{layer}", known)
            for step in cell.steps:
                self.assertIn(step, [*cell_module.TARGETS, "refused"])

    def test_what_is_not_run_is_explained(self):
        for cell in cell_module.cells():
            self.assertEqual(bool(cell.option("without") or cell.option("leaves") or cell.root is None),
                             bool(cell.option("why")), cell.name)

    def test_the_cells_that_are_not_optional_are_there(self):
        names = {cell.name for cell in cell_module.cells()}
        for compiler in ("debian12-gcc12", "debian12-clang16", "debian13-gcc14", "debian13-clang19"):
            self.assertLessEqual({f"{compiler}-asio", f"{compiler}-boost"}, names)


class Records(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name, "results.txt")

    def test_the_last_result_of_a_cell_counts(self):
        results.write(self.file, a_result(a_cell(), "failed", reason="a\tb\nc"))
        results.write(self.file, a_result(a_cell("other")))
        self.assertEqual(results.read(self.file)["a-cell"].reason, "a b c")
        results.write(self.file, a_result(a_cell()))
        self.assertEqual({name: each.outcome for name, each in results.read(self.file).items()},
                         {"a-cell": "passed", "other": "passed"})

    def test_a_result_is_of_its_sources_and_its_line(self):
        cell = a_cell()
        self.assertTrue(a_result(cell).is_of("now", cell.line))
        self.assertFalse(a_result(cell).is_of("then", cell.line))
        self.assertFalse(a_result(cell).is_of("now", cell.line + " -fno-rtti"))

    def test_a_cell_that_was_changed_is_shown_as_not_run(self):
        cell = a_cell()
        known = {cell.name: a_result(cell)}
        self.assertIn("| passed |", results.every_cell([cell], known))
        self.assertIn("| not run |", results.every_cell([a_cell(line="other")], known))

    def test_a_failure_is_shown_with_its_reason(self):
        cell = a_cell()
        known = {cell.name: a_result(cell, "failed", reason="core: 1 FAILED TEST")}
        self.assertIn("| failed: core: 1 FAILED TEST |", results.every_cell([cell], known))

    def test_the_overview_has_a_row_for_a_compiler_and_a_column_for_a_flavour(self):
        root = roots.Root("debian13")
        pair = [a_cell("x-asio", root=root), a_cell("x-boost", root=root, flavour="boost_asio"),
                a_cell("x-23", root=root, options=["std=23"])]
        known = {"x-asio": a_result(pair[0]),
                 "x-boost": a_result(pair[1], "failed", versions="GCC 14.2.0, Boost 1.88.0", reason="r")}
        self.assertEqual(results.overview(pair, known).splitlines()[2:],
                         ["| Debian 13 | GCC 14.2.0 | Asio 1.30.2: passed | Boost 1.88.0: failed: r |"])

    def run_cells(self, chosen, again=False, **doing):
        with mock.patch.object(run, "MATRIX", self.file.parent), \
                mock.patch.object(run, "digest_of_sources", return_value="now"), \
                mock.patch.object(run, "run_cell", **doing) as ran, mock.patch("builtins.print"):
            status = run.run_cells(chosen, again)
        return status, [call.args[0].name for call in ran.call_args_list]

    def test_a_run_goes_on_where_it_was(self):
        first, second = a_cell("first"), a_cell("second")
        results.write(self.file, a_result(first))
        results.write(self.file, a_result(second, sources="then"))
        doing = {"side_effect": lambda cell, sources: a_result(cell)}
        self.assertEqual(self.run_cells([first, second], **doing), (0, ["second"]))
        self.assertEqual(self.run_cells([first, second], **doing), (0, []))
        self.assertEqual(self.run_cells([first], again=True, **doing), (0, ["first"]))

    def test_a_failure_is_the_status_also_when_it_was_known_before(self):
        cell = a_cell()
        doing = {"side_effect": lambda cell, sources: a_result(cell, "failed")}
        self.assertEqual(self.run_cells([cell], **doing), (1, ["a-cell"]))
        self.assertEqual(self.run_cells([cell], **doing), (1, []))

    def test_a_root_that_cannot_be_reached_leaves_no_result(self):
        status, _ = self.run_cells([a_cell()], side_effect=roots.Unreachable("no network"))
        self.assertEqual(status, 1)
        self.assertFalse(self.file.exists())


class Cells(unittest.TestCase):
    def result_of(self, error):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(run, "MATRIX", pathlib.Path(folder)), \
                mock.patch.object(roots.Root, "unpack"), \
                mock.patch.object(cell_module.Cell, "versions", return_value="GCC 14"), \
                mock.patch.object(run.Run, "all", side_effect=error):
            return run.run_cell(a_cell(), "now")

    def test_a_step_that_fails_fails_the_cell(self):
        result = self.result_of(run.Failed("core: error: x"))
        self.assertEqual((result.outcome, result.reason), ("failed", "core: error: x"))

    def test_a_package_that_is_not_offered_leaves_the_cell_untested(self):
        self.assertEqual(self.result_of(roots.NotOffered("E: Unable")).outcome, "untested")

    def test_a_cell_that_does_all_has_passed(self):
        self.assertEqual(self.result_of(None).outcome, "passed")


if __name__ == "__main__":
    unittest.main()
