"""What every program does with its command line."""

import signal


class Arguments:
    """To be mixed into the tests of a program. `right` gives arguments with which it starts."""

    def test_help_is_on_standard_output(self):
        ended = self.run_program("--help")
        self.assertEqual((ended.status, ended.errors), (0, ""))
        self.assertIn(f"usage: {self.program} [flags]", ended.output)

    def test_wrong_arguments_are_refused_in_one_line(self):
        self.assert_refused(self.run_program("--no-such-flag"), "'--no-such-flag': not a flag")
        self.assert_refused(self.run_program("word"), "'word': not a flag")
        for wrong in ("0", "-1", "1e3", "", "0x10", "18446744073709551616"):
            self.assert_refused(self.run_program("--max-connections", wrong),
                                f"--max-connections '{wrong}': must be a whole number",
                                "from 1 to 1000000")
        for wrong in ("localhost:1", "127.0.0.1", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80"):
            self.assert_refused(self.run_program("--listen", wrong),
                                f"--listen '{wrong}': must be a numeric IPv4:PORT")
        for wrong in ("1s", "-1", "86401", "1.", ".5", "nan"):
            self.assert_refused(self.run_program("--drain", wrong), f"--drain '{wrong}': must be seconds")
        self.assert_refused(self.run_program("--drain"), "--drain: its value is missing")

    def test_a_port_that_is_taken(self):
        port = self.listen().getsockname()[1]
        ended = self.run_program(*self.right(), "--listen", f"127.0.0.1:{port}")
        self.assertEqual(ended.status, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}: Address already in use", ended.errors)

    def test_signals_end_it_in_order_with_its_statistics(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            ended = self.end(self.start(*self.right()), number)
            self.assertEqual(ended["connections"], 0)
            self.assertIn("told to end: 0 connections are open", ended.errors)
