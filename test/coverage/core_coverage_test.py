"""scripts/core_coverage.py on counts that are written by hand."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import core_coverage  # noqa: E402  pylint: disable=wrong-import-position

NAME = "src/twice.cpp"
SOURCE = """\
// Twice.
int twice(int n) {
  if (n > 10) {
    return 20;
  }
  CHECK(n >= 0);
  return 2 * n;
}
"""


def segment(line, column, count, is_gap=False):
    return [line, column, count, True, True, is_gap]


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "src").mkdir()
        (self.root / NAME).write_text(SOURCE)
        self.sources = core_coverage.Sources(self.root)

    def function(self, branches, name=NAME):
        return {"filenames": [str(self.root / name), str(self.root / "src/check.hpp")],
                "branches": [[*branch, 0, 4] for branch in branches],
                "regions": [[2, 18, 8, 2, 5, 0, 0, 0],
                            [6, 3, 6, 8, 5, 0, 1, core_coverage.EXPANSION],
                            [1, 1, 1, 9, 5, 1, 0, 0]]}

    def branches(self, *functions):
        found = core_coverage.branches_of({"functions": functions}, self.sources)
        return [(f.line, f.what, f.condition)
                for f in core_coverage.uncovered_branches(self.sources, found)]


class LinesTest(Tree):
    def lines(self, *segments, bodies=()):
        coverage = {"files": [{"filename": str(self.root / NAME), "segments": segments}]}
        lines = core_coverage.compiled_lines(coverage, self.sources)
        return [f.line for f in core_coverage.uncovered_lines(self.sources, lines, bodies)]

    def test_a_line_whose_code_never_ran_is_found(self):
        self.assertEqual(self.lines(segment(2, 18, 5), segment(3, 15, 0), segment(5, 4, 5)), [4])

    def test_a_line_of_which_a_part_ran_is_reached(self):
        self.assertEqual(self.lines(segment(2, 18, 5), segment(4, 12, 0), segment(4, 15, 5)), [])

    def test_the_space_between_two_statements_is_no_code(self):
        self.assertEqual(self.lines(segment(2, 18, 5), segment(5, 4, 0, True), segment(6, 3, 5)),
                         [])

    def test_what_was_never_compiled_is_found(self):
        self.assertEqual(self.lines([1, 1, 0, False, False, False], bodies={(NAME, 2, 8)}),
                         [2, 3, 4, 6, 7])


class BranchesTest(Tree):
    def test_each_way_that_was_not_taken_is_found(self):
        self.assertEqual(self.branches(self.function([(3, 7, 3, 13, 0, 5, 0)])),
                         [(3, "never true", "n > 10")])
        self.assertEqual(self.branches(self.function([(3, 7, 3, 13, 5, 0, 0)])),
                         [(3, "never false", "n > 10")])

    def test_one_instantiation_that_took_it_is_enough(self):
        self.assertEqual(self.branches(self.function([(3, 7, 3, 13, 0, 5, 0)]),
                                       self.function([(3, 7, 3, 13, 1, 0, 0)])), [])

    def test_one_in_a_macro_is_one_of_the_line_that_uses_it(self):
        self.assertEqual(self.branches(self.function([(1, 1, 1, 9, 5, 0, 1)])),
                         [(6, "never false", "CHECK")])

    def test_operands_that_a_macro_was_given_are_told_apart(self):
        self.assertEqual(self.branches(self.function([(1, 1, 1, 9, 5, 1, 1), (1, 1, 1, 9, 5, 0, 1)])),
                         [(6, "never false", "CHECK")])

    def test_one_that_was_never_looked_at_is_found_twice(self):
        self.assertEqual([what for _, what, _ in
                          self.branches(self.function([(3, 7, 3, 13, 0, 0, 0)]))],
                         ["never true", "never false"])

    def test_a_defaulted_comparison_has_none(self):
        (self.root / NAME).write_text("bool operator==(A, A) = default;\n")
        self.assertEqual(self.branches(self.function([(1, 29, 1, 30, 5, 0, 0)])), [])

    def test_other_folders_do_not_count(self):
        self.assertEqual(self.branches(self.function([(3, 7, 3, 13, 0, 5, 0)], "test/x.cpp")), [])


class BodiesTest(Tree):
    def test_places_that_are_left_out_are_those_before(self):
        tree = core_coverage.SyntaxTree(self.sources)
        body = {"kind": "CompoundStmt",
                "range": {"begin": {"offset": 1}, "end": {"offset": 9, "line": 8}}}
        tree.see({"kind": "FunctionDecl",
                  "loc": {"offset": 0, "file": str(self.root / NAME), "line": 2},
                  "inner": [body]})
        self.assertEqual(tree.bodies, {(NAME, 2, 8)})


class ExclusionsTest(Tree):
    FINDING = core_coverage.Finding(NAME, 3, "if (n > 10) {", "never true", "n > 10")
    ENTRY = f"file: {NAME}\nline: if (n > 10) {{\nnever true: n > 10\nwhy: It is\n  so.\n"

    def read(self, text):
        path = self.root / "exclusions.txt"
        path.write_text(text)
        return list(core_coverage.read_exclusions(path))

    def test_one_excludes_one_wherever_its_line_is(self):
        entries = self.read("# A comment.\n\n" + self.ENTRY)
        moved = self.FINDING._replace(line=30)
        self.assertEqual(core_coverage.compare([self.FINDING], entries), ([], []))
        self.assertEqual(core_coverage.compare([self.FINDING, moved], entries), ([moved], []))

    def test_one_that_fits_nothing_is_stale(self):
        entries = self.read(self.ENTRY)
        for finding in (self.FINDING._replace(text="if (n > 11) {"),
                        self.FINDING._replace(what="never false"),
                        self.FINDING._replace(file="src/other.cpp")):
            self.assertEqual(core_coverage.compare([finding], entries), ([finding], entries))

    def test_one_without_a_reason_is_refused(self):
        with self.assertRaises(SystemExit):
            self.read(self.ENTRY.replace("It is\n  so.", ""))


if __name__ == "__main__":
    unittest.main()
