"""What GDB prints of the library's objects: whole ones, corrupted ones, and those of which parts are
in no place. The printers come from the program itself, from a script beside a library, or by hand.

Run with BYTES_HANDOFF_GDB, BYTES_HANDOFF_GDB_SCRIPT and the folder BYTES_HANDOFF_GDB_SUBJECTS.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

GDB = os.environ["BYTES_HANDOFF_GDB"]
SCRIPT = os.environ["BYTES_HANDOFF_GDB_SCRIPT"]
SUBJECTS = pathlib.Path(os.environ["BYTES_HANDOFF_GDB_SUBJECTS"])
MARK = "=== "


class Session:
    """GDB stops `stops` times where the program calls look(), and prints there what it is asked."""

    def __init__(self, program, before=(), trusts="/"):
        self.command = [GDB, "-nx", "-batch", "-iex", f"set auto-load safe-path {trusts}",
                        "-iex", "set debuginfod enabled off"]
        self.steps = ["set disable-randomization off", "set width 0", *before, "break look"]
        self.program = program
        self.asked = []

    def stop(self, *expressions):
        """The next stop; what is printed there is in the results under its number and name."""
        self.steps += ["run" if not self.asked else "continue", "up"]
        self.asked.append(expressions)
        for expression in expressions:
            self.steps += [f"echo {MARK}{len(self.asked)} {expression}\\n", f"print {expression}"]
        return self

    def results(self):
        steps = [part for step in self.steps for part in ("-ex", step)]
        finished = subprocess.run([*self.command, *steps, str(self.program)], check=False,
                                  capture_output=True, text=True, errors="replace", timeout=120)
        self.output = finished.stdout + finished.stderr
        found = {}
        for piece in finished.stdout.split(MARK)[1:]:
            name, _, rest = piece.partition("\n")
            # Up to the message of the next stop.
            lines = rest.split("\n\n")[0].rstrip("\n")
            found[name] = lines.partition(" = ")[2]
        return found


class Printers(unittest.TestCase):
    maxDiff = None

    def run_session(self, session):
        results = session.results()
        for complaint in ("Python Exception", "Traceback", "Error while"):
            self.assertNotIn(complaint, session.output)
        return results

    def test_values_are_bounded_and_escaped(self):
        results = self.run_session(Session(SUBJECTS / "gdb_subject").stop(
            "empty", "text", "one", "large", "region", "buffer"))
        self.assertEqual(results, {
            "1 empty": "Bytes of 0 bytes",
            "1 text": r'Bytes of 13 bytes "a \"line\"\r\n\\\x01\xff"',
            "1 one": 'Bytes of 1 byte "x"',
            "1 large": 'Bytes of 1000 bytes "' + 64 * "z" + '"...',
            "1 region": 'BytesMut of 6 bytes "region", room for 128',
            "1 buffer": 'HandoffBuffer of 6 bytes "/ HTTP", room for 4092, limit 4096, 4 have left',
        })

    def test_what_was_overwritten_is_one_clear_line(self):
        results = self.run_session(Session(SUBJECTS / "gdb_subject").stop(
            "*no_bytes.object", "*no_region.object", "*no_buffer.object"))
        nonsense = int("a5" * 8, 16)
        self.assertEqual(results, {
            "1 *no_bytes.object": f"Bytes, corrupted: {nonsense} bytes at 0x{'a5' * 8}",
            "1 *no_region.object":
                f"BytesMut, corrupted: {nonsense} bytes where {nonsense} have room",
            "1 *no_buffer.object":
                f"HandoffBuffer, corrupted: {nonsense} bytes where {nonsense} have room",
        })

    def test_a_queue_says_its_state_what_is_pending_and_who_waits(self):
        session = Session(SUBJECTS / "gdb_subject").stop()
        session.stop("none", "out", "idle", "weak").stop("out").stop("out")
        results = self.run_session(session)
        self.assertEqual(results["2 none"], "WriteHandoff, not valid")
        self.assertEqual(
            results["2 idle"], "WriteHandoff of a write queue, open, writer idle, 0 items and 0 bytes "
            "pending, 0 with the stream, limits 256 items and 1048576 bytes")
        lines = results["2 out"].split(" = {", 1)
        self.assertEqual(
            lines[0], "WriteHandoff of a write queue \"up\\tstream\", open, writer writing, 2 items and 11 bytes "
            "pending, 2 with the stream, limits 20 items and 40 bytes, 1 item and 3 bytes reserved, "
            "1 write waits, 1 flush waits")
        self.assertEqual(results["2 weak"], results["2 out"])
        self.assertIn('[0] = 5 bytes "first"', lines[1])
        self.assertIn('[1] = 6 bytes "second"', lines[1])
        self.assertRegex(lines[1], r"\[waiting 0\] = a write, 1 item and 35 bytes: "
                         r"WaitingOp<WriteWait, \(anonymous namespace\)::NothingMore, ")
        self.assertRegex(lines[1], r"\[flush 0\] = WaitingOp<LifeWait<FlushWaiter")
        self.assertIn(", closing, writer writing, 2 items", results["3 out"])
        self.assertNotIn("waits", results["3 out"].split(" = {")[0].replace("flush waits", ""))
        self.assertRegex(results["4 out"], r"write queue .*, ended, .*, error 4 of bytes_handoff")

    def test_a_long_queue_is_bounded_and_an_overwritten_one_is_told(self):
        session = Session(SUBJECTS / "gdb_subject")
        for _ in range(4):
            session.stop()
        results = self.run_session(session.stop("idle", "*no_queue.object", "*no_handle.object"))
        self.assertIn("20 items and 80 bytes pending", results["5 idle"])
        self.assertIn('[15] = 4 bytes "many", [more] = 4 more}', results["5 idle"])
        self.assertNotIn("[16]", results["5 idle"])
        self.assertTrue(results["5 *no_queue.object"].startswith("write queue, corrupted: there is no "),
                        results["5 *no_queue.object"])
        self.assertTrue(results["5 *no_handle.object"].startswith(
            "WriteHandoff of a write queue, cannot be read: Cannot access memory at address 0xa5a5a5a5"),
            results["5 *no_handle.object"])

    def test_what_is_optimized_out_is_one_line(self):
        results = self.run_session(Session(SUBJECTS / "gdb_subject_optimized").stop(
            "gone", "gone_too"))
        # It depends on the compiler.
        self.assertRegex(results["1 gone"], r"^(Bytes, optimized out|Bytes of 0 bytes|<optimized out>)$")
        self.assertRegex(results["1 gone_too"],
                         r"^(BytesMut, optimized out|BytesMut of 0 bytes, room for 0|<optimized out>)$")

    def test_nothing_of_an_object_may_be_in_any_place(self):
        session = Session(SUBJECTS / "gdb_subject").stop()
        for name in ("Bytes", "BytesMut", "HandoffBuffer", "asio_flavour::WriteHandoff"):
            value = f"gdb.lookup_type('bytes_handoff::{name}').optimized_out()"
            session.steps.append(f"python print(gdb.default_visualizer({value}).to_string())")
        value = "gdb.parse_and_eval('*(bytes_handoff::asio_flavour::WriteHandoff*)1')"
        session.steps.append(f"python print(list(gdb.default_visualizer({value}).children()))")
        self.run_session(session)
        for name in ("Bytes", "BytesMut", "HandoffBuffer", "WriteHandoff"):
            self.assertIn(f"\n{name}, optimized out\n", session.output)
        self.assertIn("[('[cannot be read]', 'Cannot access memory at address ", session.output)

    def test_they_come_with_the_program_only_if_gdb_trusts_it(self):
        results = self.run_session(Session(SUBJECTS / "gdb_subject", trusts="/nowhere").stop("one"))
        self.assertIn("data_ = ", results["1 one"])

    def test_a_program_without_them_takes_them_from_a_script(self):
        program = SUBJECTS / "gdb_subject_plain"
        results = self.run_session(Session(program).stop("one"))
        self.assertIn("data_ = ", results["1 one"])
        results = self.run_session(Session(program, [f"source {SCRIPT}"]).stop("one"))
        self.assertEqual(results["1 one"], 'Bytes of 1 byte "x"')

    def test_they_stand_beside_a_file_and_have_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            program = shutil.copy(SUBJECTS / "gdb_subject_plain", folder)
            shutil.copy(SCRIPT, program + "-gdb.py")
            results = self.run_session(Session(program).stop("one"))
        self.assertEqual(results["1 one"], 'Bytes of 1 byte "x"')

    def test_both_ways_at_once_are_one(self):
        program = SUBJECTS / "gdb_subject"
        results = self.run_session(Session(program, [f"source {SCRIPT}"]).stop("one"))
        self.assertEqual(results["1 one"], 'Bytes of 1 byte "x"')


if __name__ == "__main__":
    unittest.main()
