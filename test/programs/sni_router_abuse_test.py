"""sni_router against clients and servers that do wrong."""

import os
import socket
import time
import unittest

from program import receive, receive_all, reset
from sni_router import SniRouterTest
from tls_peers import alert_of, hello_bytes, is_ended

DECODE_ERROR = 50


class Abuse(SniRouterTest):
    def assert_closed(self, router, sent, line, alert=None):
        client = self.connect(router)
        client.sendall(sent)
        try:
            answer = receive_all(client)
        except ConnectionResetError:
            answer = None
        if alert is not None:
            self.assertEqual(alert_of(answer), alert)
        self.assert_says(router, line)

    def test_what_is_no_hello(self):
        router, _ = self.raw_router("--max-hello", 2000)
        hello = hello_bytes("a.example")
        cases = [
            (b"GET / HTTP/1.1\r\n\r\n", "it does not begin as TLS does", None),
            (b"\x80\x2e\x01\x03\x01", "it does not begin as TLS does", None),
            (os.urandom(100).replace(b"\x16", b"x"), "it does not begin as TLS does", None),
            (b"\x16\x03\x01\xff\xff", "a record is longer than TLS allows", 22),
            (b"\x16\x03\x01\x00\x04\x02\0\0\0", "does not begin with a ClientHello", 10),
            (b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", "the ClientHello is too long", DECODE_ERROR),
            (b"\x16\x03\x01\x00\x00", "the ClientHello is malformed", DECODE_ERROR),
            (hello[:60] + bytes(len(hello) - 60), "the ClientHello is malformed", DECODE_ERROR),
        ]
        for sent, line, alert in cases:
            self.assert_closed(router, sent, line, alert)
        self.assertEqual(self.end(router)["refused"], len(cases))

    def test_a_hello_that_ends_inside(self):
        router, _ = self.raw_router()
        client = self.connect(router)
        client.sendall(hello_bytes("a.example")[:100])
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(alert_of(receive_all(client)), DECODE_ERROR)
        self.assert_says(router, "it has ended inside of its ClientHello")

    def test_a_hello_that_drips(self):
        router, _ = self.raw_router("--hello-deadline", 0.5)
        hello = hello_bytes("a.example")
        client = self.connect(router)
        began = time.monotonic()
        try:
            for byte in hello:
                client.sendall(bytes([byte]))
                time.sleep(0.05)
        except (ConnectionResetError, BrokenPipeError):
            pass
        self.assertTrue(is_ended(client))
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assert_says(router, "no ClientHello has come in time, only ")

    def test_a_client_that_says_nothing(self):
        router, _ = self.raw_router("--hello-deadline", 0.2)
        self.assertEqual(receive_all(self.connect(router)), b"")
        self.assert_says(router, "no ClientHello has come in time, only 0 bytes")

    def test_resets_at_each_stage(self):
        router, server = self.raw_router()
        hello = hello_bytes("a.example")
        reset(self.connect(router))
        client = self.connect(router)
        client.sendall(hello[:50])
        time.sleep(0.05)
        reset(client)
        client, upstream = self.begin(router, server)
        reset(client)
        with self.assertRaises(ConnectionResetError):
            receive_all(upstream)
        client, upstream = self.begin(router, server)
        reset(upstream)
        with self.assertRaises(ConnectionResetError):
            receive_all(client)
        self.assert_passes_still(router, server)
        self.assertEqual(self.end(router)["tunnels_cut"], 2)

    def assert_passes_still(self, router, server):
        client, upstream = self.begin(router, server)
        upstream.sendall(b"ok")
        upstream.close()
        self.assertEqual(receive_all(client), b"ok")

    def test_a_tunnel_where_nothing_moves(self):
        router, server = self.raw_router("--idle-deadline", 0.5)
        client, upstream = self.begin(router, server)
        for _ in range(10):  # it moves, for longer than the deadline
            upstream.sendall(b"x")
            self.assertEqual(receive(client, 1), b"x")
            time.sleep(0.1)
        with self.assertRaises(ConnectionResetError):
            receive_all(client)
        self.assert_says(router, "nothing has moved for too long")
        self.assertEqual(self.end(router)["tunnels_idle"], 1)

    def test_a_half_closed_tunnel_where_nothing_moves(self):
        router, server = self.raw_router("--half-close-deadline", 0.3)
        client, upstream = self.begin(router, server)
        client.shutdown(socket.SHUT_WR)
        with self.assertRaises(ConnectionResetError):
            receive_all(client)
        upstream.close()

    def test_a_log_that_many_fill_stays_small(self):
        router, _ = self.raw_router()
        began = time.monotonic()
        for _ in range(300):
            client = self.connect(router)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            is_ended(client)
        ended = self.end(router)
        self.assertEqual(ended["refused"], 300)
        lines = len(ended.errors.splitlines())
        self.assertLessEqual(lines, 50 * (time.monotonic() - began + 2) + 10)
        self.assertEqual(300 + 1, lines - ended.errors.count("left out")
                         + ended["log_lines_left_out"])


if __name__ == "__main__":
    unittest.main()
