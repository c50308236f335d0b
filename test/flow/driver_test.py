"""The driver against services that are written in another language."""

import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import (MARKER, PATIENCE_SECONDS, PROGRAM, Ended, FlowTest, receive_all, reset,
                     unsent_bytes, wait_until)

FRAMES = 5
FRAME_LEN = 40
TUNNEL = 5000
SHAPE = ("--route-frames", FRAMES, "--frame-len", FRAME_LEN, "--tunnel-bytes", TUNNEL,
         "--input-fragment", 500)


def payload_of(c):
    texts = (b"GET /tenant/%04d/object/%08d" % (c, f) for f in range(FRAMES))
    frames = b"".join(text.ljust(FRAME_LEN, b"x") + b"\n" for text in texts)
    return frames + MARKER + bytes((c + b) % 251 for b in range(TUNNEL))


class PythonService:
    """Takes whole payloads in, changes them with `change(payload)`, and passes them on."""

    def __init__(self, test, sink, change=lambda payload: payload, threads=8):
        self.test = test
        self.sink = sink
        self.change = change
        self.payloads = []
        self.listener = test.listen()
        self.address = self.listener.getsockname()[:2]
        self.threads = [test.thread(self.serve) for _ in range(threads)]
        test.addCleanup(self.stop)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.end()

    def serve(self):
        while True:
            try:
                self.listener.settimeout(None)
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(PATIENCE_SECONDS)
                self.forward(client)

    def connect_sink(self):
        sink = socket.socket(self.test.family(), socket.SOCK_STREAM)
        sink.settimeout(PATIENCE_SECONDS)
        sink.connect(self.sink)
        return sink

    def forward(self, client):
        payload = receive_all(client)
        self.payloads.append(payload)
        with self.connect_sink() as sink:
            try:
                sink.sendall(self.change(payload))
                sink.shutdown(socket.SHUT_WR)
                receive_all(sink)
            except OSError:
                pass  # a sink that has seen enough


class Driver(FlowTest):
    def run_driver(self, service, *arguments):
        return self.driver(service.address, service.sink, *SHAPE, *arguments)

    def test_the_payload_and_its_count_over_the_waves(self):
        service = PythonService(self, self.free_port())
        ended = self.run_driver(service, "--connections", 7, "--iterations", 3, "--verify").wait()
        self.assert_in_order(ended, 21)
        expected = [payload_of(c) for c in range(21)]
        self.assertEqual(sorted(service.payloads), sorted(expected))
        self.assertEqual(ended["role"], "tcp-driver")
        self.assertEqual(ended["actual_iterations"], "3")
        self.assertEqual(ended.number("bytes_per_connection"), len(expected[0]))
        self.assertEqual(ended.number("total_bytes"), sum(map(len, expected)))
        self.assertGreaterEqual(ended.number("latency_p50_micros"), 1)
        self.assertGreaterEqual(ended.number("latency_max_micros"),
                                ended.number("latency_p50_micros"))

    def test_ipv6(self):
        self.host = "::1"
        service = PythonService(self, self.free_port())
        self.assert_in_order(self.run_driver(service, "--connections", 2, "--verify").wait(), 2)

    def test_a_changed_byte_is_found_by_verify_alone(self):
        at = FRAMES * (FRAME_LEN + 1) + 100

        def change(payload):
            changed = payload[12:16] == b"0001"
            return payload[:at] + b"\xff" + payload[at + 1:] if changed else payload

        service = PythonService(self, self.free_port(), change)
        ended = self.run_driver(service, "--connections", 3, "--verify").wait()
        self.assert_failed(ended, 1, f"connection 1: sink: the payload differs at byte {at}")
        ended = self.run_driver(service, "--connections", 3).wait()
        self.assert_in_order(ended, 3)

    def test_a_payload_that_is_cut_short_or_goes_on(self):
        length = len(payload_of(0))
        for change, received in ((lambda p: p[:-10], length - 10), (lambda p: p + b"!", length + 1),
                                 (lambda p: p[:200], 200)):
            service = PythonService(self, self.free_port(), change)
            ended = self.run_driver(service, "--connections", 2).wait()
            self.assert_failed(ended, 2, f"ended after {received} bytes, expected {length}")
            self.assertEqual(ended.number("total_bytes"), 2 * received)

    def test_two_sinks_with_the_same_payload(self):
        service = PythonService(self, self.free_port(), lambda payload: payload_of(0))
        ended = self.run_driver(service, "--connections", 2, "--idle-timeout-millis", 200).wait()
        self.assertEqual(ended.status, 1)
        self.assertEqual(ended.number("failed_connections"), 1)
        self.assertIn("connection 1: nothing came to its sink", ended.errors)
        self.assertIn("tenant 0000 is no connection of this wave without a sink", ended.errors)

    def test_a_service_that_resets_a_client(self):
        class Resetting(PythonService):
            def forward(self, client):
                first = client.recv(16, socket.MSG_WAITALL)
                if first.endswith(b"0002"):
                    return reset(client)
                rest = receive_all(client)
                with self.connect_sink() as sink:
                    sink.sendall(first + rest)
                return None

        service = Resetting(self, self.free_port())
        ended = self.run_driver(service, "--connections", 5, "--iterations", 2,
                                "--tunnel-bytes", 4_000_000).wait()
        self.assert_failed(ended, 1, "connection 2: client: ")
        self.assertEqual(ended.number("total_streams"), 10)
        self.assertEqual(ended["actual_iterations"], "2")

    def test_a_service_that_resets_a_sink(self):
        class Resetting(PythonService):
            def forward(self, client):
                payload = receive_all(client)
                sink = self.connect_sink()
                sink.sendall(payload[:300])
                if payload[12:16] == b"0001":
                    wait_until(lambda: not unsent_bytes(sink), "the sink's kernel to have it")
                    return reset(sink)
                sink.sendall(payload[300:])
                sink.close()
                return None

        service = Resetting(self, self.free_port())
        ended = self.run_driver(service, "--connections", 4, "--idle-timeout-millis", 300).wait()
        self.assert_failed(ended, 1, "connection 1: sink: read: ")

    def test_a_service_that_forwards_nothing(self):
        """The clients end in order, and nothing ever comes to the sinks."""
        class Silent(PythonService):
            def forward(self, client):
                receive_all(client)

        service = Silent(self, self.free_port())
        ended = self.run_driver(service, "--connections", 3, "--iterations", 5,
                                "--idle-timeout-millis", 200).wait()
        self.assert_failed(ended, 6, "nothing came to its sink")
        self.assertEqual(ended["actual_iterations"], "2",
                         "a wave that failed is the last, but for the one that ran with it")

    def test_a_service_that_talks_to_its_clients(self):
        """Nobody reads it, and it costs the clients' bytes nothing."""
        class Talking(PythonService):
            def forward(self, client):
                client.sendall(b"welcome\n" * 100)
                super().forward(client)

        service = Talking(self, self.free_port())
        ended = self.run_driver(service, "--connections", 4, "--tunnel-bytes", 2_000_000,
                                "--verify").wait()
        self.assert_in_order(ended, 4)

    def test_a_stranger_at_the_sinks_is_no_connection(self):
        class Accompanied(PythonService):
            def forward(self, client):
                with self.connect_sink() as stranger:
                    stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    try:
                        receive_all(stranger)
                    except ConnectionError:
                        pass
                super().forward(client)

        service = Accompanied(self, self.free_port())
        ended = self.run_driver(service, "--connections", 2).wait()
        self.assertEqual(ended.status, 0, ended.errors)
        self.assertEqual(ended.number("failed_connections"), 0)
        self.assertEqual(len(ended.error_lines), 2)
        self.assertIn("it does not begin with a route frame", ended.error_lines[0])

    def test_a_stranger_at_the_sinks_who_stays_and_is_silent_holds_nobody_up(self):
        strangers = []

        class Accompanied(PythonService):
            def forward(self, client):
                for greeting in (b"", b"GET /ten"):
                    strangers.append(self.connect_sink())
                    strangers[-1].sendall(greeting)
                super().forward(client)

        service = Accompanied(self, self.free_port())
        ended = self.run_driver(service, "--connections", 1, "--iterations", 2,
                                "--idle-timeout-millis", 600_000).wait()
        self.assertEqual(ended.status, 0, ended.errors)
        self.assertEqual(ended.number("failed_connections"), 0)
        self.assertEqual(ended.number("total_bytes"), len(payload_of(0)) * 2)
        named = [self.text(stranger.getsockname()) for stranger in strangers]
        for stranger in strangers:
            stranger.close()
        self.assertEqual(len(ended.error_lines), len(named), ended.errors)
        for address in named:
            self.assertIn(f"a connection to the sinks, from {address}, has not begun with a route "
                          "frame", ended.errors)

    def test_a_wave_begins_when_the_clients_before_have_sent_all(self):
        """Nothing comes to the sinks before the clients of the next wave do."""
        class Withholding(PythonService):
            def forward(self, client):
                payload = receive_all(client)
                self.payloads.append(payload)
                wait_until(lambda: len(self.payloads) >= 8, "the next wave's clients")
                with self.connect_sink() as sink:
                    sink.sendall(payload)

        service = Withholding(self, self.free_port())
        ended = self.run_driver(service, "--connections", 4, "--iterations", 2, "--verify").wait()
        self.assert_in_order(ended, 8)
        self.assertEqual(ended["actual_iterations"], "2")
        self.assertEqual(sorted(service.payloads), sorted(payload_of(c) for c in range(8)))
        self.assertEqual(ended.number("total_bytes"), 8 * len(payload_of(0)))

    def test_two_waves_run_at_a_time_and_no_more(self):
        release = threading.Event()

        class Withholding(PythonService):
            def forward(self, client):
                payload = receive_all(client)
                self.payloads.append(payload)
                release.wait(PATIENCE_SECONDS)
                with self.connect_sink() as sink:
                    sink.sendall(payload)

        service = Withholding(self, self.free_port(), threads=12)
        driver = self.run_driver(service, "--connections", 2, "--iterations", 6,
                                 "--idle-timeout-millis", 600_000)
        wait_until(lambda: len(service.payloads) == 4, "two waves")
        wait_until(lambda: driver.steps() is not None, "the driver to wait")
        self.assertEqual(len(service.payloads), 4)
        release.set()
        ended = driver.wait()
        self.assert_in_order(ended, 12)
        self.assertEqual(ended["actual_iterations"], "6")

    def test_no_service(self):
        nobody = self.closed_port()
        began = time.monotonic()
        ended = self.driver(nobody, self.free_port(), "--idle-timeout-millis", 600_000).wait()
        self.assert_refused(ended, 1, self.text(nobody), "Connection refused")
        self.assertLess(time.monotonic() - began, PATIENCE_SECONDS)

    def test_a_service_that_goes_away(self):
        """The connections that find it gone have failed; the wave is the last."""
        class Leaving(PythonService):
            def forward(self, client):
                super().forward(client)
                if len(self.payloads) == 3:
                    self.listener.close()

            def stop(self):
                self.threads[0].end()

        service = Leaving(self, self.free_port(), threads=1)
        ended = self.run_driver(service, "--connections", 1, "--iterations", 50,
                                "--idle-timeout-millis", 300).wait()
        self.assertEqual(ended.status, 1, ended.errors)
        self.assertIn(ended.number("total_streams"), (4, 5))
        self.assertEqual(ended.number("failed_connections"), ended.number("total_streams") - 3)

    def test_a_sink_port_that_is_taken(self):
        taken = self.listen().getsockname()
        service = self.listen().getsockname()
        self.assert_refused(self.driver(service, taken).wait(), 1, self.text(taken), "in use")

    def test_too_few_descriptors(self):
        service = self.listen().getsockname()
        ended = self.role("--role", "tcp-driver", "--service-addr", self.text(service),
                          "--sink-addr", self.text(self.free_port()), descriptors=64).wait()
        self.assert_refused(ended, 1, "descriptors", "64")

    def test_a_signal_makes_the_wave_that_runs_the_last(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            service = PythonService(self, self.free_port())
            driver = self.run_driver(service, "--connections", 2, "--duration-seconds", 600)
            wait_until(lambda: len(service.payloads) > 4, "a few waves")
            driver.signal(number)
            ended = driver.wait()
            self.assert_in_order(ended, ended.number("total_streams"))
            self.assertGreater(ended.number("actual_iterations"), 1)
            self.assertEqual(ended.number("total_bytes"),
                             ended.number("total_streams") * len(payload_of(0)))

    def test_a_signal_stops_what_does_not_end(self):
        began = threading.Semaphore(0)

        class Stuck(PythonService):
            def forward(self, client):
                began.release()
                while driver.process.poll() is None:
                    wait_until(lambda: driver.process.poll() is not None, "the driver's end")

        service = Stuck(self, self.free_port())
        driver = self.run_driver(service, "--connections", 2, "--tunnel-bytes", 50_000_000,
                                 "--duration-seconds", 600)
        for _ in range(2):
            self.assertTrue(began.acquire(timeout=PATIENCE_SECONDS))
        driver.signal()
        ended = driver.wait()
        self.assert_failed(ended, 2, "stopped before its end")
        self.assertEqual(ended["actual_iterations"], "1")

    def test_the_progress_line_is_for_terminals(self):
        service = PythonService(self, self.free_port())
        terminal, terminal_end = pty.openpty()
        self.addCleanup(os.close, terminal)
        command = [PROGRAM, "--role", "tcp-driver", "--service-addr", self.text(service.address),
                   "--sink-addr", self.text(service.sink), "--connections", "2",
                   "--duration-seconds", "600"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal_end) as driver:
            os.close(terminal_end)
            shown = b""
            while not re.search(rb"[1-9]\.\d s, wave \d+, \d+ connections ended", shown):
                shown += os.read(terminal, 1000)
            driver.send_signal(signal.SIGTERM)
            output, _ = driver.communicate(timeout=PATIENCE_SECONDS)
        ended = Ended(driver.returncode, output.decode(), "")
        self.assert_in_order(ended, ended.number("total_streams"))
        self.assertTrue(all("=" in line for line in ended.output.splitlines()))


if __name__ == "__main__":
    unittest.main()
