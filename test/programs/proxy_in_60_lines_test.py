"""The program of docs/proxy-in-60-lines.md against TLS clients and servers made of sockets."""

import socket
import ssl
import unittest

from program import BIN, receive_all
from sni_router import SniRouterTest
from tls_peers import exchange, hello_bytes


class Page(SniRouterTest):
    program = "proxy_in_60_lines"

    def proxy(self, *lines):
        port = self.free_port()
        _, routes = self.routes(*lines)
        process = self.peer(port, BIN / self.program, port, routes)
        process.address = ("127.0.0.1", port)
        return process

    def test_a_name_chooses_its_backend(self):
        here, there = self.server(), self.server()
        proxy = self.proxy(f"backend here 127.0.0.1:{here.port}",
                           f"backend there 127.0.0.1:{there.port}",
                           "route a.example here", "route *.example.com there")
        self.assert_passes(proxy, "a.example", size=1_000_000)
        self.assert_passes(proxy, "x.example.com", size=1_000_000)
        self.assertEqual((here.names, there.names), (["a.example"], ["x.example.com"]))
        self.end(proxy)

    def test_a_name_without_a_route_is_cut(self):
        proxy = self.proxy("backend b 127.0.0.1:1", "route a.example b")
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            exchange(self.connect(proxy), "b.example", b"")
        self.end(proxy)

    def test_told_to_end_it_resets_both_sides(self):
        listener = self.listen()
        port = listener.getsockname()[1]
        proxy = self.proxy(f"backend b 127.0.0.1:{port}", "route * b")
        client, upstream = self.begin(proxy, listener)
        self.end(proxy)
        for side in (client, upstream):
            with self.assertRaises(ConnectionResetError):
                receive_all(side)

    def test_a_hello_that_does_not_end_is_limited(self):
        proxy = self.proxy("backend b 127.0.0.1:1", "route * b")
        client = self.connect(proxy)
        hello = hello_bytes("a.example")
        try:
            client.sendall(hello[:9] + b"\0" * 100_000)
            rest = receive_all(client)
        except (ConnectionError, socket.timeout):
            rest = b""
        self.assertEqual(rest, b"")
        self.end(proxy)


if __name__ == "__main__":
    unittest.main()
