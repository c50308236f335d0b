"""What the harness prints, where somebody does not take it."""

import os
import socket
import subprocess
import unittest

from harness import PATIENCE_SECONDS, PROGRAM, Ended, FlowTest, receive_all


class Output(FlowTest):
    def unread_pipe(self):
        """The end of a pipe that is full to the brim, and the end that nobody reads from."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        for size in (4096, 1):
            try:
                while True:
                    os.write(writer, b"." * size)
            except BlockingIOError:
                pass
        os.set_blocking(writer, True)
        return reader, writer

    def test_a_report_is_printed_though_nobody_reads_standard_error(self):
        """Three connections fail, with a line each that the pipe does not take."""
        def serve():
            listener.settimeout(None)
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    receive_all(client)

        listener = self.listen()
        server = self.thread(serve)
        _, writer = self.unread_pipe()
        command = [PROGRAM, "--role", "tcp-driver", "--service-addr",
                   self.text(listener.getsockname()), "--sink-addr", self.text(self.free_port()),
                   "--connections", "3", "--idle-timeout-millis", "100"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer) as driver:
            os.close(writer)
            try:
                output, _ = driver.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                driver.kill()
                raise
        listener.shutdown(socket.SHUT_RDWR)
        server.end()
        self.assertEqual(driver.returncode, 1)
        self.assertGreaterEqual(Ended(1, output.decode(), "").number("failed_connections"), 3)

    def test_wrong_arguments_are_told_to_nobody_who_does_not_listen(self):
        _, writer = self.unread_pipe()
        ended = subprocess.run([PROGRAM, "--connections", "0"], stderr=writer, check=False,
                               timeout=PATIENCE_SECONDS)
        os.close(writer)
        self.assertEqual(ended.returncode, 2)

    def test_what_standard_output_does_not_take_is_told(self):
        for arguments, what in ((["--help"], "the help"),
                                (["--connections", "1", "--tunnel-bytes", "1"], "the report")):
            with open("/dev/full", "wb") as full:
                run = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE,
                                     timeout=PATIENCE_SECONDS, check=False)
            self.assertEqual(run.returncode, 1)
            self.assertEqual(run.stderr.decode(),
                             f"bench_stream_harness: cannot write {what} to standard output: "
                             "No space left on device\n")


if __name__ == "__main__":
    unittest.main()
