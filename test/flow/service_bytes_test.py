"""Bytes between clients and sinks that are written in another language, by every implementation."""

import os
import signal
import socket
import subprocess
import unittest

from harness import (MARKER, SANITIZED, UNPARSED, FlowTest, receive, receive_all, reset, send_until_blocked,
                     unsent_bytes, wait_until)

KIB = 1024
MIB = 1024 * 1024
UNFINISHED_LIMIT = 1048576


class EveryImplementation:
    """Runs each test once for an implementation."""

    implementation = None
    forwards_a_cut_frame = True  # what is behind the last newline at the end

    def start(self, sink, *arguments, **keywords):
        return self.service(sink, "--implementation", self.implementation, *arguments, **keywords)

    def open(self, service, sinks):
        """A client and its sink."""
        client = self.connect(service.address)
        return client, self.accept(sinks)

    def finish(self, client, sink, payload=b"bystander\n" + MARKER + b"unharmed"):
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_all(sink), payload)
        sink.close()
        client.close()

    # ---- Bytes

    def test_everything_arrives_as_it_is(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        payloads = [b"", b"\n", b"frame\n", b"no newline", b"TUNA\nTUNNELS\nTUNNE\n",
                    MARKER, MARKER + MARKER, b"TUNNEL", b"a\nTUNNEL\r\n" + MARKER + bytes(range(256)),
                    b"f" * 100_000 + b"\n" + MARKER + os.urandom(MIB)]
        if not self.forwards_a_cut_frame:
            payloads = [each for each in payloads if each.endswith(b"\n") or MARKER in each or not each]
        for payload in payloads:
            client, sink = self.open(service, sinks)
            sender = self.thread(self.send_and_end, client, payload)
            self.assertEqual(receive_all(sink), payload)
            sink.close()
            sender.end()
        ended = service.wait()
        self.assert_in_order(ended, len(payloads))
        self.assertEqual(ended.number("total_bytes"), sum(map(len, payloads)))
        self.assertEqual(ended.number("bytes_per_connection"),
                         sum(map(len, payloads)) // len(payloads))
        self.assertEqual(ended["role"], "tcp-service")
        self.assertEqual(ended["transport"], "tcp")
        self.assertEqual(ended["actual_iterations"], "1")
        for key in ("p50", "p95", "p99", "p999", "max"):
            self.assertEqual(ended[f"latency_{key}_micros"], "0")

    @staticmethod
    def send_and_end(client, payload):
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)

    def test_the_marker_cut_at_every_byte(self):
        """The first part is forwarded as far as it is routed before the second is sent."""
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        payload = b"TUNA\n" + MARKER + b"opaque"
        cuts = range(5, len(payload))
        for cut in cuts:
            client, sink = self.open(service, sinks)
            client.sendall(payload[:cut])
            routed = cut if self.implementation in UNPARSED or cut >= 12 else 5
            self.assertEqual(receive(sink, routed), payload[:routed])
            client.sendall(payload[cut:])
            self.assertEqual(receive(sink, len(payload) - routed), payload[routed:])
            client.close()
            self.assertEqual(receive_all(sink), b"")
            sink.close()
        self.assert_in_order(service.wait(), len(cuts))

    def test_a_frame_that_only_begins_like_the_marker_does_not_wait(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        client, sink = self.open(service, sinks)
        for frame in (b"TUNNELS\n", b"T\n", b"TUNNE\n", b"TUNNEL\r\n"):
            client.sendall(frame)
            self.assertEqual(receive(sink, len(frame)), frame)
        client.close()
        self.assertEqual(receive_all(sink), b"")
        sink.close()
        self.assert_in_order(service.wait(), 1)

    def test_a_client_that_drips_a_byte_at_a_time(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        client, sink = self.open(service, sinks)
        payload = b"x" * 1500 + b"\n" + MARKER + b"y" * 1500
        for i in range(len(payload)):
            client.send(payload[i:i + 1])
        client.close()
        self.assertEqual(receive_all(sink), payload)
        sink.close()
        self.assert_in_order(service.wait(), 1)

    def test_what_a_sink_sends_reaches_nobody_and_costs_it_nothing(self):
        """It talks, and reads so late that its client has long ended."""
        sinks = self.listen(receive_buffer=4 * KIB)
        service = self.start(sinks.getsockname())
        client, sink = self.open(service, sinks)
        sink.sendall(b"nobody reads this\n" * 1000)
        client.sendall(MARKER)
        sent = send_until_blocked(client, b"tail" * KIB)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(sink, len(MARKER)), MARKER)
        sink.sendall(b"nor this\n")
        tail = receive_all(sink)
        self.assertEqual(len(tail), sent)
        self.assertEqual(sink.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
        self.assertEqual(receive_all(client), b"")
        sink.close()
        ended = service.wait()
        self.assert_in_order(ended, 1)
        self.assertEqual(ended.number("total_bytes"), sent + len(MARKER))

    def test_the_tail_survives_when_only_the_kernel_still_has_it(self):
        """All is in the sockets' buffers when the client ends, and the sink has talked."""
        sinks = self.listen(receive_buffer=4 * KIB)
        service = self.start(sinks.getsockname())
        client, sink = self.open(service, sinks)
        payload = MARKER + b"t" * (60 * KIB)
        sink.sendall(b"unread")
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        # The service closes its side of the client when it has nothing more to forward, at the
        # earliest.
        wait_until(lambda: not unsent_bytes(client), "the service to take everything")
        self.assertEqual(receive_all(sink), payload)
        sink.close()
        self.assert_in_order(service.wait(), 1)

    # ---- Clients

    def test_a_client_that_ends_late(self):
        """Its bytes are not held back until then; neither does the idle timeout end it."""
        sinks = self.listen()
        service = self.start(sinks.getsockname(), "--idle-timeout-millis", 20)
        client, sink = self.open(service, sinks)
        payload = b"frame\n" + MARKER + b"tunnel"
        client.sendall(payload)
        self.assertEqual(receive(sink, len(payload)), payload)
        with self.assertRaises(subprocess.TimeoutExpired):
            service.process.wait(0.3)
        self.finish(client, sink, b"and more")
        self.assert_in_order(service.wait(), 1)

    def assert_cut(self, sink):
        """Nothing more comes, since the input was cut; the library says so to the sink."""
        if self.implementation.startswith("handoff"):
            with self.assertRaises(ConnectionResetError):
                receive_all(sink)
        else:
            self.assertEqual(receive_all(sink), b"")

    def test_a_client_that_resets(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        bystander = self.open(service, sinks)
        client, sink = self.open(service, sinks)
        client.sendall(b"frame\n")
        self.assertEqual(receive(sink, 6), b"frame\n")
        reset(client)
        self.assert_cut(sink)
        self.finish(*bystander)
        ended = service.wait()
        self.assert_failed(ended, 1, "reset by peer")
        self.assertEqual(ended.number("total_streams"), 2)
        self.assertEqual(ended.number("total_bytes"), 6 + 25)

    def test_a_client_that_never_sends_a_newline(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        bystander = self.open(service, sinks)
        client, sink = self.open(service, sinks)
        endless = b"f" * (UNFINISHED_LIMIT + 256 * KIB)
        if self.implementation in UNPARSED:  # looks for no newline
            sender = self.thread(client.sendall, endless)
            self.assertEqual(receive(sink, len(endless)), endless)
            sender.end()
            client.close()
        else:
            with self.assertRaises(ConnectionError):
                while True:
                    client.sendall(endless)
        if self.implementation in UNPARSED:
            self.assertEqual(receive_all(sink), b"")
        else:
            self.assert_cut(sink)
        self.finish(*bystander)
        ended = service.wait()
        if self.implementation in UNPARSED:
            self.assert_in_order(ended, 2)
        else:
            self.assert_failed(ended, 1, str(UNFINISHED_LIMIT))

    # ---- Sinks

    def test_a_sink_that_refuses(self):
        service = self.start(self.closed_port())
        for _ in range(3):
            client = self.connect(service.address)
            try:
                self.assertEqual(receive_all(client), b"")
            except ConnectionError:
                pass
        ended = service.wait()
        self.assert_failed(ended, 3, "connect to the sink: Connection refused")
        self.assertEqual(ended.number("total_streams"), 3)
        self.assertEqual(ended.number("total_bytes"), 0)

    def test_a_sink_that_resets(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        bystander = self.open(service, sinks)
        client, sink = self.open(service, sinks)
        client.sendall(b"frame\n")
        self.assertEqual(receive(sink, 6), b"frame\n")
        reset(sink)
        with self.assertRaises(ConnectionError):
            while True:
                client.sendall(b"more\n" * 1000)
        self.finish(*bystander)
        self.assert_failed(service.wait(), 1, "write: ")

    def test_a_sink_that_reads_late(self):
        sinks = self.listen(receive_buffer=4 * KIB)
        service = self.start(sinks.getsockname())
        bystander = self.open(service, sinks)
        client, sink = self.open(service, sinks)
        client.sendall(MARKER)
        sent = send_until_blocked(client, b"late" * KIB)
        self.finish(*bystander)  # nobody else is held up
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(len(receive_all(sink)), sent + len(MARKER))
        self.assert_in_order(service.wait(), 2)

    def test_a_sink_that_closes_at_the_expected_count(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        payload = b"frame\n" + MARKER + b"tunnel"
        for _ in range(5):
            client, sink = self.open(service, sinks)
            client.sendall(payload)
            self.assertEqual(receive(sink, len(payload)), payload)
            sink.close()
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(client), b"")
        self.assert_in_order(service.wait(), 5)

    def test_a_sink_that_stays_open_does_not_hold_up_the_end(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        client, sink = self.open(service, sinks)
        client.sendall(b"frame\n")
        client.close()
        self.assertEqual(receive_all(sink), b"frame\n")
        self.assert_in_order(service.wait(), 1)

    # ---- Signals

    def test_a_signal_lets_what_is_open_end(self):
        sinks = self.listen()
        for number in (signal.SIGINT, signal.SIGTERM):
            service = self.start(sinks.getsockname(), "--idle-timeout-millis", 600_000)
            client, sink = self.open(service, sinks)
            client.sendall(b"frame\n")
            service.signal(number)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(sink), b"frame\n")
            sink.close()
            self.assert_in_order(service.wait(), 1)

    def test_a_signal_stops_what_does_not_end(self):
        sinks = self.listen(receive_buffer=4 * KIB)
        service = self.start(sinks.getsockname(), "--idle-timeout-millis", 600_000)
        quiet, quiet_sink = self.open(service, sinks)
        quiet.sendall(b"frame\n")
        self.assertEqual(receive(quiet_sink, 6), b"frame\n")
        stuck, _ = self.open(service, sinks)
        stuck.sendall(MARKER)
        send_until_blocked(stuck, bytes(64 * KIB))
        unread, _ = self.open(service, sinks)  # it has ended when the kernel has all
        unread.sendall(MARKER + bytes(60 * KIB))
        unread.close()
        service.signal()
        ended = service.wait()
        self.assert_failed(ended, 2, "stopped before its end")
        self.assertGreater(ended.number("total_bytes"), 6)


class Handoff(EveryImplementation, FlowTest):
    implementation = "handoff"

    @unittest.skipIf(SANITIZED, "a sanitizer has memory of its own")
    def test_an_idle_connection_holds_no_block(self):
        connections = 200
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        pairs = [self.open(service, sinks) for _ in range(8)]
        before = service.resident_bytes()
        pairs += [self.open(service, sinks) for _ in range(connections)]
        growth = (service.resident_bytes() - before) / connections
        self.assertLess(growth, 4 * KIB)
        for pair in pairs:
            self.finish(*pair)
        self.assert_in_order(service.wait(), len(pairs))


class HandoffCoroutine(EveryImplementation, FlowTest):
    implementation = "handoff_coroutine"
    forwards_a_cut_frame = False

    def test_an_input_that_is_cut_inside_of_a_frame_resets_the_sink(self):
        sinks = self.listen()
        service = self.start(sinks.getsockname())
        bystander = self.open(service, sinks)
        client, sink = self.open(service, sinks)
        self.send_and_end(client, b"frame\nTUNNE")
        self.assertEqual(receive(sink, 6), b"frame\n")
        self.assert_cut(sink)
        self.finish(*bystander)
        self.assert_failed(service.wait(), 1, "inside of a frame")


class ManualVec(EveryImplementation, FlowTest):
    implementation = "manual_vec"


class AsioQueue(EveryImplementation, FlowTest):
    implementation = "asio_queue"


class RawCopy(EveryImplementation, FlowTest):
    implementation = "raw_copy"


class Splice(EveryImplementation, FlowTest):
    implementation = "splice"


if __name__ == "__main__":
    unittest.main()
