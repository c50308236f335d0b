"""Each rule of scripts/check_house.py, in a small tree that breaks it and in one that does not."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_house  # noqa: E402  pylint: disable=wrong-import-position


def header(*before, last=()):
    """A header that includes some in front of what it declares, and some behind it."""
    def lines(names):
        return "".join(f'#include "{name}"\n' for name in names)
    return "#pragma once\n" + lines(before) + "namespace bytes_handoff {\n}  // namespace x\n" + \
        lines(last)


def function(lines, head="void f(int n)"):
    return head + " {\n" + "  g(n);\n" * lines + "}\n"


class HouseTest(unittest.TestCase):
    def findings(self, files):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["git", "init", "-q", folder], check=True)
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return check_house.House(folder).check()

    def assert_refused(self, files, *lines):
        self.assertEqual(self.findings(files), list(lines))

    def assert_in_order(self, files):
        self.assert_refused(files)


class Includes(HouseTest):
    CORE = "include/bytes_handoff/core/"
    SHELL = "include/bytes_handoff/asio/"

    def test_the_core_knows_no_asio(self):
        for name in ("asio.hpp", "asio/post.hpp", "boost/asio.hpp", "boost/asio/post.hpp"):
            self.assert_refused({self.CORE + "queue/a.hpp": f"#include <{name}>\n"},
                                f"{self.CORE}queue/a.hpp:1: the core includes <{name}>: it knows no Asio")
            self.assert_refused({"src/queue/a.cpp": f"\n#include <{name}>\n"},
                                f"src/queue/a.cpp:2: the core includes <{name}>: it knows no Asio")
        self.assert_in_order({self.SHELL + "support/a.hpp": "#include <asio.hpp>\n"})

    def test_the_core_and_the_face_have_no_header_of_a_system(self):
        for name in ("sys/types.h", "unistd.h", "csignal", "windows.h"):
            text = f"#if defined(A)\n#include <{name}>\n#endif\n"
            for path in (self.CORE + "kernel/a.hpp", "include/bytes_handoff/a.hpp",
                         "include/bytes_handoff/testing/a.hpp"):
                text = header("bytes_handoff/core/support/abi.hpp") + text
                line = text.count("\n") - 1
                self.assert_refused({path: text}, f"{path}:{line}: <{name}> is not there on every system: "
                                                  "include it in src/ or in asio/, behind an #if")
        self.assert_in_order({self.CORE + "kernel/a.hpp": "#include <cstddef>\n#include <cerrno>\n"})

    def test_a_header_of_a_system_is_behind_a_condition(self):
        include = "#include <unistd.h>\n"
        for path in ("src/kernel/a.cpp", self.SHELL + "ending/a.hpp"):
            self.assert_in_order({path: f"#if A\n#if B\n#endif\n{include}#endif\n"})
            for text in (include, f"#ifdef A\n#endif\n{include}"):
                line = text.count("\n")
                self.assert_refused({path: text}, f"{path}:{line}: <unistd.h> is not there on every "
                                                  "system: put it behind an #if")

    def test_the_core_does_not_include_the_shell(self):
        other = "bytes_handoff/asio/support/net.hpp"
        self.assert_refused({self.CORE + "memory/a.hpp": header(other)},
                            f"{self.CORE}memory/a.hpp:2: bytes_handoff/core/memory may not include {other}")
        self.assert_refused({"src/a.cpp": header(other)}, f"src/a.cpp:2: src may not include {other}")

    def test_memory_does_not_include_the_queue(self):
        other = "bytes_handoff/core/queue/item.hpp"
        self.assert_refused({self.CORE + "memory/a.hpp": header(other)},
                            f"{self.CORE}memory/a.hpp:2: bytes_handoff/core/memory may not include {other}")
        self.assert_in_order({self.CORE + "queue/a.hpp": header("bytes_handoff/core/memory/pool.hpp",
                                                                "bytes_handoff/bytes.hpp")})

    def test_the_first_header_comes_before_what_is_declared(self):
        first = '#include "bytes_handoff/core/support/abi.hpp"\n'
        declared = "namespace bytes_handoff::detail {\n}  // namespace bytes_handoff::detail\n"
        path = self.CORE + "framing/a.hpp"
        self.assert_in_order({path: first + declared})
        for text in (declared, declared + first):
            self.assert_refused({path: text}, f"{path}: declares before it includes a header of the "
                                              "library: include bytes_handoff/core/support/abi.hpp")

    def test_rooms_of_the_shell_have_an_order(self):
        self.assert_in_order({
            self.SHELL + "writing/a.hpp": header("bytes_handoff/asio/ending/reset.hpp",
                                                 "bytes_handoff/core/queue/item.hpp",
                                                 "bytes_handoff/write_ticket.hpp")})
        for room, other in (("support", "ending"), ("ending", "writing"), ("writing", "reading")):
            self.assert_refused({f"{self.SHELL}{room}/a.hpp": header(f"bytes_handoff/asio/{other}/b.hpp")},
                                f"{self.SHELL}{room}/a.hpp:2: bytes_handoff/asio/{room} may not include "
                                f"bytes_handoff/asio/{other}/b.hpp")

    def test_a_public_header_includes_the_shell_at_its_end(self):
        for path in ("include/bytes_handoff/write_handoff.hpp", "include/bytes_handoff/adaptors/a.hpp"):
            for other in ("bytes_handoff/asio/writing/writer.hpp", "bytes_handoff/asio/adaptors/a.hpp"):
                self.assert_in_order({path: header("bytes_handoff/core/queue/item.hpp", last=[other])})
                self.assert_refused({path: header(other)},
                                    f"{path}:2: {other} belongs behind what the header declares")

    def test_adaptors_stand_on_the_rest(self):
        other = "bytes_handoff/adaptors/a.hpp"
        for path in ("include/bytes_handoff/adaptors/b.hpp", self.SHELL + "adaptors/b.hpp"):
            self.assert_in_order({path: header(other, "bytes_handoff/write_handoff.hpp")})
        self.assert_refused({"include/bytes_handoff/a.hpp": header(other)},
                            f"include/bytes_handoff/a.hpp:2: bytes_handoff/ may not include {other}")

    def test_only_testing_includes_testing(self):
        other = "bytes_handoff/testing/duplex.hpp"
        self.assert_in_order({"include/bytes_handoff/testing/a.hpp":
                              header(other, "bytes_handoff/asio/writing/writer.hpp",
                                     "bytes_handoff/bytes.hpp")})
        for path, room in (("include/bytes_handoff/a.hpp", "bytes_handoff/"),
                           (self.SHELL + "writing/a.hpp", "bytes_handoff/asio/writing"),
                           (self.CORE + "pipe/a.hpp", "bytes_handoff/core/pipe"),
                           ("src/a.cpp", "src")):
            self.assert_refused({path: header(other)}, f"{path}:2: {room} may not include {other}")

    def test_a_room_is_in_the_table(self):
        path = self.CORE + "attic/a.hpp"
        self.assert_refused({path: header()},
                            f"{path}: a room that the table of scripts/check_house.py does not have")


class Names(HouseTest):
    DECLARED = {"include/bytes_handoff/a.hpp": header("bytes_handoff/core/support/abi.hpp") +
                                               "class A {\n};\nusing Also = A;\nclass Later;\n"}

    def test_a_file_includes_what_it_names_of_the_library(self):
        for name in ("A", "Also"):
            for path in ("test/a_test.cpp", "bench/a.cpp", "src/a.cpp"):
                self.assert_refused({**self.DECLARED, path: f"const {name}* a;\n"},
                                    f"{path}: names {name}, and does not include bytes_handoff/a.hpp")
                self.assert_in_order({**self.DECLARED,
                                      path: f'#include "bytes_handoff/a.hpp"\nconst {name}* a;\n'})

    def test_or_a_header_that_includes_it(self):
        for place, name in (("test/support/b.hpp", "support/b.hpp"), ("test/unit/b.hpp", "b.hpp"),
                            ("bench/stream_harness/c/b.hpp", "c/b.hpp")):
            self.assert_in_order({**self.DECLARED, place: header("bytes_handoff/a.hpp"),
                                  "test/unit/a_test.cpp": f'#include "{name}"\nconst A* a;\n'})

    def test_what_is_not_the_librarys_is_not_looked_for(self):
        for text in ("class A;\nconst A* a;\n", "struct A {\n  int a;\n};\nA a;\n",
                     "// An A.\n", 'const char* a = "A";\n', "const Later* a;\n"):
            self.assert_in_order({**self.DECLARED, "test/a_test.cpp": text})
        self.assert_in_order({**self.DECLARED, "test/b.hpp": "class A {\n};\n",
                              "test/a_test.cpp": "const A* a;\n"})


class Sizes(HouseTest):
    def test_public_headers(self):
        for path in ("include/bytes_handoff/a.hpp", "include/bytes_handoff/adaptors/a.hpp"):
            self.assert_in_order({path: "int a;\n" * 250 + "\n// a comment\n/* and\n\nanother */\n" * 99})
            self.assert_refused({path: "int a;\n" * 251},
                                f"{path}: 251 lines of code, where 250 may be")

    def test_other_files(self):
        for path in ("src/a.cpp", "test/a.hpp", "include/bytes_handoff/asio/support/a.hpp"):
            self.assert_in_order({path: "int a;\n" * 400})
            self.assert_refused({path: "int a;\n" * 401}, f"{path}: 401 lines of code, where 400 may be")
        self.assert_refused({"test/a.py": "a = 1\n" * 401 + "# b\n"},
                            "test/a.py: 401 lines of code, where 400 may be")

    def test_functions(self):
        for head in ("void f(int n)", "auto f(int n) -> int", "A::A(int n) : n_(n), b_{n}",
                     "TEST(Suite, name)", "template <class A>\nvoid A<B>::f() const noexcept"):
            begin = 1 + head.count("\n")
            self.assert_in_order({"src/a.cpp": function(40, head)})
            self.assert_refused({"src/a.cpp": function(41, head)},
                                f"src/a.cpp:{begin}: a function of 41 lines of code, where 40 may be")

    def test_a_function_in_a_class_in_a_namespace(self):
        inside = "namespace a {\nclass B : public C<D()> {\n public:\n" + function(41) + "};\n}\n"
        self.assert_refused({"src/a.cpp": inside},
                            "src/a.cpp:4: a function of 41 lines of code, where 40 may be")
        self.assert_in_order({"src/a.cpp": "namespace a {\nclass B {\n" + function(30) * 5 + "};\n}\n"})

    def test_tables_are_no_functions(self):
        self.assert_in_order({"src/a.cpp": "const int a[] = {\n" + "  f(1),\n" * 60 + "};\n"})

    def test_braces_in_quotes_and_comments(self):
        text = 'void f() {\n  g("}", \'}\', R"(})");  // }\n' + "  g();\n" * 40 + "}\n"
        self.assert_refused({"src/a.cpp": text},
                            "src/a.cpp:1: a function of 41 lines of code, where 40 may be")

    def test_folders(self):
        full = {f"test/a/{i}.txt": "" for i in range(25)}
        self.assert_in_order({**full, "test/a/b/c.txt": ""})
        self.assert_refused({**full, "test/a/one_more": ""},
                            "test/a: 26 files in one folder, where 25 may be")
        self.assert_in_order({f"fuzz/corpus/a/{i}": "" for i in range(30)})


class Merges(HouseTest):
    def test_what_a_merge_has_left_is_refused(self):
        begin, end = "<" * 7 + " HEAD", ">" * 7 + " 1234567 Say it"
        self.assert_refused({"notes.txt": f"a\n{begin}\nb\n{'=' * 7}\nc\n{end}\n"},
                            "notes.txt:2: a merge was not finished here",
                            "notes.txt:6: a merge was not finished here")


class Figures(HouseTest):
    def test_a_measured_figure_stands_in_one_place(self):
        for figure in ("12 ns", "88 MiB/s", "1,507 s", "33.4 ms", "0.415 us", "12.5%", "35,463 instructions"):
            words = figure.replace("%", " %")
            self.assert_refused({"README.md": f"It takes {figure}.\n",
                                 "docs/a.md": f"\n\nThat took {figure}, measured.\n"},
                                f"README.md:1: '{words}' stands in docs/a.md:3, too: keep one, and link to it")

    def test_others_may_stand_twice(self):
        for figure in ("64 KiB", "300 ms", "95%", "20 s", "10,000 us", "the year 2026", "12.5 nsec"):
            self.assert_in_order({"README.md": figure + "\n", "docs/a.md": figure + "\n"})

    def test_tables_code_and_the_changelog_are_left_out(self):
        for text in ("| 12 ns |\n", "```\n12 ns\n```\n", "    12 ns\n"):
            self.assert_in_order({"docs/a.md": text, "docs/b.md": "It takes 12 ns.\n"})
        self.assert_in_order({"CHANGELOG.md": "12 ns\n", "docs/b.md": "It takes 12 ns.\n"})


@unittest.skipUnless((ROOT / ".git").exists(), "a copy without git")
class Known(HouseTest):
    def test_what_is_known_is_still_there(self):
        known, check_house.KNOWN = check_house.KNOWN, ()
        self.addCleanup(setattr, check_house, "KNOWN", known)
        found = check_house.House(ROOT).check()
        for beginning in known:
            self.assertTrue(any(line.startswith(beginning) for line in found), beginning)


if __name__ == "__main__":
    unittest.main()
