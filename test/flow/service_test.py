"""What of the service does not depend on how the bytes are moved."""

import os
import pathlib
import shutil
import subprocess
import time
import unittest

from harness import MARKER, PATIENCE_SECONDS, FlowTest, receive, receive_all, wait_until


class Service(FlowTest):
    def test_waves_that_are_further_apart_than_their_length(self):
        """Connections come one after the other, each before the timeout, for longer than that."""
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--idle-timeout-millis", 1000)
        began = time.monotonic()
        count = 0
        while time.monotonic() - began < 2.5:
            client = self.connect(service.address)
            client.sendall(b"frame\n")
            client.close()
            self.assertEqual(receive_all(self.accept(sinks)), b"frame\n")
            count += 1
        self.assert_in_order(service.wait(), count)

    def test_the_idle_wait_is_no_part_of_the_time(self):
        idle_seconds = 1.0
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--idle-timeout-millis", 1000)
        began = time.monotonic()
        client = self.connect(service.address)
        client.sendall(b"frame\n")
        client.close()
        self.assertEqual(receive_all(self.accept(sinks)), b"frame\n")
        ended = service.wait()
        elapsed = time.monotonic() - began
        self.assert_in_order(ended, 1)
        self.assertGreaterEqual(elapsed, idle_seconds)
        self.assertLessEqual(float(ended["total_seconds"]), elapsed - idle_seconds)

    def test_it_waits_for_the_first_connection(self):
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--idle-timeout-millis", 1)
        with self.assertRaises(subprocess.TimeoutExpired):
            service.process.wait(0.3)
        client = self.connect(service.address)
        client.close()
        self.assertEqual(receive_all(self.accept(sinks)), b"")
        self.assert_in_order(service.wait(), 1)

    def test_a_signal_before_the_first_connection(self):
        service = self.service(self.closed_port())
        service.signal()
        ended = service.wait()
        self.assert_in_order(ended, 0)
        self.assertEqual(ended["total_seconds"], "0.000000")
        self.assertEqual(ended["cpu_total_seconds"], "0.000000")

    def test_ipv6(self):
        self.host = "::1"
        sinks = self.listen()
        service = self.service(sinks.getsockname()[:2])
        self.assertRegex(service.ready.read_text(), r"^\[::1\]:[1-9][0-9]*\n$")
        client = self.connect(service.address)
        client.sendall(b"six\n")
        client.close()
        self.assertEqual(receive_all(self.accept(sinks)), b"six\n")
        self.assert_in_order(service.wait(), 1)

    def test_the_ready_file_is_whole_and_alone(self):
        service = self.service(self.closed_port())
        self.assertEqual(service.ready.read_text(), f"127.0.0.1:{service.address[1]}\n")
        self.assertEqual([p for p in os.listdir(self.folder) if "ready" in p],
                         [service.ready.name])
        service.signal()
        service.wait()

    def test_out_of_descriptors_accepting_pauses(self):
        """More clients at the same time than there are descriptors for; each gets its turn."""
        for implementation in ("handoff", "splice"):  # the one with the usual two, and with more
            with self.subTest(implementation):
                self.check_shortage(implementation)

    def check_shortage(self, implementation):
        clients = 40
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--implementation", implementation,
                               descriptors=32)
        opened = [self.connect(service.address) for _ in range(clients)]
        wait_until(lambda: "accepting pauses" in service.errors_so_far(), "the shortage")
        for number, client in enumerate(opened):
            client.sendall(b"%02d\n" % number)
        served = set()
        for _ in range(clients):
            sink = self.accept(sinks)
            number = int(receive(sink, 3))
            served.add(number)
            opened[number].close()
            sink.close()
        self.assertEqual(served, set(range(clients)))
        ended = service.wait()
        self.assertEqual(ended.status, 0, ended.errors)
        self.assertEqual(ended.number("failed_connections"), 0)
        self.assertEqual(ended.number("total_streams"), clients)
        self.assertEqual(len(ended.error_lines), 1, ended.errors)

    def test_a_memory_budget_has_everything_back_at_the_end(self):
        bound = 1 << 20
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--memory-budget", bound)
        sent = b"frame\n" + MARKER + b"x" * 300_000
        opened = [self.connect(service.address) for _ in range(8)]
        peers = [self.thread(self.send_and_close, client, sent) for client in opened]
        peers += [self.thread(self.check_all, self.accept(sinks), sent) for _ in opened]
        for peer in peers:
            peer.end()
        ended = service.wait()
        self.assert_in_order(ended, len(opened))
        self.assertEqual(ended.number("memory_budget"), bound)
        for key in ("charged_bytes", "floor_bytes", "waiters", "waiting_bytes", "shed_queues",
                    "shed_bytes"):
            self.assertEqual(ended.number("memory_" + key), 0, key)

    @staticmethod
    def send_and_close(client, sent):
        client.sendall(sent)
        client.close()

    def check_all(self, sink, sent):
        self.assertEqual(receive_all(sink), sent)

    def test_a_connection_that_finds_no_floor_fails(self):
        sinks = self.listen()
        service = self.service(sinks.getsockname(), "--memory-budget", 4096)
        opened = []
        for number in range(2):
            opened.append(self.connect(service.address))
            opened[-1].sendall(b"%d\n" % number)
        ends = [self.accept(sinks) for _ in opened]
        self.assertEqual({receive(end, 2) for end in ends}, {b"0\n", b"1\n"})
        third = self.connect(service.address)
        self.assertEqual(receive_all(self.accept(sinks)), b"")
        for each in (*opened, third):
            each.close()
        ended = service.wait()
        self.assert_failed(ended, 1, "the memory budget is exhausted")
        self.assertEqual(ended.number("memory_charged_bytes"), 0)

    def test_a_port_that_is_taken(self):
        taken = self.listen().getsockname()
        ended = self.role("--role", "tcp-service", "--service-addr", self.text(taken)).wait()
        self.assert_refused(ended, 1, self.text(taken), "in use")

    def test_a_ready_file_that_cannot_be_written(self):
        path = pathlib.Path(self.folder, "missing", "ready")
        ended = self.role("--role", "tcp-service", "--service-addr", "127.0.0.1:0",
                          "--ready-file", path).wait()
        self.assert_refused(ended, 1, str(path), "No such file")

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_netcat_as_the_client(self):
        sinks = self.listen()
        service = self.service(sinks.getsockname())
        client = subprocess.Popen(["nc", "-N", *map(str, service.address)], stdin=subprocess.PIPE)
        payload = b"frame\n" + MARKER + os.urandom(100_000)
        client.communicate(payload, timeout=PATIENCE_SECONDS)
        self.assertEqual(receive_all(self.accept(sinks)), payload)
        self.assert_in_order(service.wait(), 1)

if __name__ == "__main__":
    unittest.main()
