"""sni_router against TLS clients and servers made of sockets."""

import signal
import socket
import ssl
import struct
import time
import unittest

from arguments import Arguments
from program import receive, receive_all, wait_until
from sni_router import SniRouterTest
from tls_peers import alert_of, digest, exchange, hello_bytes, is_ended, pattern

INTERNAL_ERROR = 80
UNRECOGNIZED_NAME = 112
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class CommandLine(Arguments, SniRouterTest):
    def right(self):
        return self.routes("backend b 127.0.0.1:1", "route * b")

    def test_wrong_routes_are_refused_with_their_line(self):
        self.assert_refused(self.run_program(), "--routes: must be given")
        self.assert_refused(self.run_program("--routes", "/no/such"), "/no/such: cannot be opened")
        self.assert_refused(self.run_program(*self.routes("backend b 127.0.0.1:1", "route * c")),
                            "routes:2: no line before has this backend")


class Routing(SniRouterTest):
    def test_names_and_protocols_choose_the_backend(self):
        plain, http2, below = self.server(), self.server(protocols=["h2"]), self.server()
        router = self.router(f"backend plain 127.0.0.1:{plain.port}",
                             f"backend http2 127.0.0.1:{http2.port}",
                             f"backend below 127.0.0.1:{below.port}",
                             "route a.example plain", "route a.example alpn=h2 http2",
                             "route *.example.com below")
        for version in VERSIONS:
            self.assert_passes(router, "a.example", version=version)
            self.assert_passes(router, "A.Example", version=version, protocols=["h2", "http/1.1"])
            self.assert_passes(router, "x.example.com", version=version)
        self.assertEqual(plain.names, ["a.example"] * 2)
        self.assertEqual([name.lower() for name in http2.names], ["a.example"] * 2)
        self.assertEqual(below.names, ["x.example.com"] * 2)
        ended = self.end(router)
        self.assertEqual((ended["routed"], ended["refused"]), (6, 0))

    def test_large_payloads_arrive_whole_both_ways(self):
        server = self.server()
        router = self.router(f"backend b 127.0.0.1:{server.port}", "route * b")
        for version in VERSIONS:
            self.assert_passes(router, size=20_000_000, version=version)
        ended = self.end(router)
        self.assertGreater(ended["bytes_in"], 40_000_000)
        self.assertGreater(ended["bytes_out"], 40_000_000)

    def test_a_name_without_a_route_is_told(self):
        router = self.router("backend b 127.0.0.1:1", "route a.example b")
        with self.assertRaisesRegex(ssl.SSLError, "UNRECOGNIZED_NAME"):
            exchange(self.connect(router), "b.example", b"")
        self.assert_says(router, "b.example: no route")
        client = self.connect(router)
        client.sendall(hello_bytes(None))
        self.assertEqual(alert_of(receive_all(client)), UNRECOGNIZED_NAME)
        self.assert_says(router, "no server name: no route")

    def test_the_hello_is_replayed_as_it_came(self):
        router, server = self.raw_router()
        hello = hello_bytes("a.example")
        client = self.connect(router)
        client.sendall(hello + b"more")
        upstream = self.accept(server)
        self.assertEqual(receive(upstream, len(hello) + 4), hello + b"more")

    def test_a_hello_in_small_records_and_segments(self):
        hello = hello_bytes("a.example")
        body = hello[5:]
        records = b"".join(hello[:3] + struct.pack(">H", len(body[i:i + 10])) + body[i:i + 10]
                           for i in range(0, len(body), 10))
        router, server = self.raw_router()
        client = self.connect(router)
        for i in range(0, len(records), 100):
            client.sendall(records[i:i + 100])
            time.sleep(0.005)
        upstream = self.accept(server)
        self.assertEqual(receive(upstream, len(records)), records)

    def test_ends_pass_in_both_orders(self):
        for client_first in (True, False):
            router, server = self.raw_router()
            client, upstream = self.begin(router, server)
            first, second = (client, upstream) if client_first else (upstream, client)
            first.sendall(b"first")
            first.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(second), b"first")
            second.sendall(b"second")
            second.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(first), b"second")
            self.assertEqual(self.end(router)["tunnels_in_order"], 1)


class ProxyHeaders(SniRouterTest):
    LINE = b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n"
    BINARY = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 8]) +
              struct.pack(">HH", 1234, 443))

    def test_headers_are_stripped_or_passed_on(self):
        for header in (self.LINE, self.BINARY):
            for option in ("", " send-proxy"):
                server = self.listen()
                port = server.getsockname()[1]
                router = self.router(f"backend b 127.0.0.1:{port}{option}", "route * b",
                                     arguments=["--accept-proxy"])
                hello = hello_bytes("a.example")
                client = self.connect(router)
                for i in range(0, len(header)):  # in the smallest pieces
                    client.sendall(header[i:i + 1])
                client.sendall(hello)
                expected = (header if option else b"") + hello
                self.assertEqual(receive(self.accept(server), len(expected)), expected)

    def test_a_line_is_made_for_a_backend_that_wants_one(self):
        server = self.server(proxy_line=True)
        router = self.router(f"backend b 127.0.0.1:{server.port} send-proxy", "route * b")
        client = self.connect(router)
        port = client.getsockname()[1]
        data = pattern(1000)
        self.assertEqual(exchange(client, "a.example", data)[1], digest(data))
        line = f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {router.address[1]}\r\n"
        self.assertEqual(server.proxied, [line.encode()])

    def test_a_header_that_is_missing_or_wrong(self):
        router, _ = self.raw_router("--accept-proxy")
        for start in (hello_bytes("a.example"), b"PROXY TCP4 x y 1 2\r\n",
                      b"\r\n\r\n\0\r\nQUIT\n\x31"+ b"\x11\0\x0c"):
            client = self.connect(router)
            client.sendall(start)
            self.assertTrue(is_ended(client))
        self.assert_says(router, "it does not begin with a PROXY header")
        self.assertEqual(self.end(router)["refused"], 3)

    def test_a_header_where_none_is_expected(self):
        router, _ = self.raw_router()
        client = self.connect(router)
        client.sendall(self.LINE + hello_bytes("a.example"))
        self.assertTrue(is_ended(client))
        self.assert_says(router, "it does not begin as TLS does")


class Health(SniRouterTest):
    def test_a_server_that_refuses_is_left_out_for_a_while(self):
        server = self.server()
        router = self.router(f"backend b 127.0.0.1:{self.closed_port()} 127.0.0.1:{server.port}",
                             "route * b", arguments=["--leave-out", 1000])
        for _ in range(4):
            self.assert_passes(router)
        self.assert_says(router, "is left out for a while: Connection refused")
        ended = self.end(router)
        self.assertEqual((ended["routed"], ended["failed_connects"]), (4, 1))

    def test_a_server_that_is_back_is_taken_back(self):
        first, second = self.server(), self.server()
        port = self.free_port()
        router = self.router(f"backend b 127.0.0.1:{port} 127.0.0.1:{second.port}", "route * b",
                             arguments=["--leave-out", 0.2])
        self.assert_passes(router)
        first.listener.close()
        back = self.socket()
        back.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        back.bind(("127.0.0.1", port))
        back.listen()
        time.sleep(0.25)  # what is left out
        clients = []
        for _ in range(2):
            clients.append(self.connect(router))
            clients[-1].sendall(hello_bytes("a.example"))
        self.accept(back)

    def test_a_server_that_connects_is_left_out_no_longer(self):
        port = self.free_port()
        router = self.router(f"backend b 127.0.0.1:{port} 127.0.0.1:{self.closed_port()}",
                             "route * b", arguments=["--leave-out", 1000])
        client = self.connect(router)
        client.sendall(hello_bytes("a.example"))
        self.assertEqual(alert_of(receive_all(client)), INTERNAL_ERROR)  # both are left out
        back = self.socket()
        back.bind(("127.0.0.1", port))
        back.listen()
        for _ in range(4):
            self.begin(router, back)
        # Two at first, and the second once more, when both were left out.
        self.assertEqual(self.end(router)["failed_connects"], 3)

    def test_no_server_is_told_with_an_alert(self):
        router = self.router(f"backend b 127.0.0.1:{self.closed_port()}", "route * b")
        for _ in range(2):  # it is left out, and tried again since there is no other
            client = self.connect(router)
            client.sendall(hello_bytes("a.example"))
            self.assertEqual(alert_of(receive_all(client)), INTERNAL_ERROR)
        self.assert_says(router, "b: no server takes the connection")
        self.assertEqual(self.end(router)["failed_connects"], 2)

    def test_a_server_that_does_not_answer_is_given_up(self):
        silent = self.socket()
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        fillers = []
        for _ in range(4):  # so that its queue is full
            filler = self.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        server = self.server()
        router = self.router(f"backend b 127.0.0.1:{port} 127.0.0.1:{server.port}", "route * b",
                             arguments=["--connect-deadline", 0.2])
        self.assert_passes(router)
        self.assert_says(router, "is left out for a while: Connection timed out")

    def test_a_server_that_is_killed_in_the_middle_resets_the_client(self):
        """Not an end in order: the client must see that it is cut."""
        port = self.free_port()
        script = ("import socket, sys, time\n"
                  "s = socket.socket()\n"
                  f"s.bind(('127.0.0.1', {port})); s.listen()\n"
                  "c, _ = s.accept(); c.recv(10)\n"
                  "while True: c.sendall(bytes(100000))\n")
        victim = self.process("python3", "-c", script)
        def listens():
            with open("/proc/net/tcp", encoding="ascii") as table:
                return f":{port:04X} 00000000:0000 0A" in table.read()
        wait_until(listens, "the victim listens")
        router = self.router(f"backend b 127.0.0.1:{port}", "route * b")
        client = self.connect(router)
        client.sendall(hello_bytes("a.example"))
        self.assertEqual(len(receive(client, 1_000_000)), 1_000_000)
        client.sendall(b"unread input makes the kernel reset")
        victim.signal(signal.SIGKILL)
        with self.assertRaises(ConnectionResetError):
            receive_all(client)
        self.assert_says(router, "the server ")
        self.assertEqual(self.end(router)["tunnels_cut"], 1)


class Limits(SniRouterTest):
    def test_more_connections_than_allowed_wait(self):
        router, server = self.raw_router("--max-connections", 2)
        clients = [self.connect(router) for _ in range(3)]
        for client in clients:
            client.sendall(hello_bytes("a.example"))
        upstreams = [self.accept(server) for _ in range(2)]
        server.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            server.accept()
        server.settimeout(60)
        self.assert_says(router, "accepts no connection for now")
        for side in (clients[0], upstreams[0], clients[1], upstreams[1]):
            side.close()
        self.assertGreater(len(receive(self.accept(server), 10)), 0)
        self.assertEqual(self.end(router)["connections"], 3)

    def test_who_is_answered_counts_until_it_has_gone(self):
        """Otherwise refused clients that stay would take descriptors without a limit."""
        router, server = self.raw_router("--max-connections", 1)
        refused = self.connect(router)
        refused.sendall(b"\x16\x03\x01\x00\x00")
        self.assertIsNotNone(alert_of(receive_all(refused)))
        client = self.connect(router)
        client.sendall(hello_bytes("a.example"))
        self.assert_says(router, "accepts no connection for now")
        self.assertGreater(len(receive(self.accept(server), 10)), 0)  # some seconds later
        refused.close()

    def test_connections_wait_while_descriptors_are_short(self):
        router, server = self.raw_router(descriptors=20)
        clients = [self.connect(router) for _ in range(10)]
        hello = hello_bytes("a.example")
        for client in clients:
            client.sendall(hello)
        self.assert_says(router, "accepts no connection for now: Too many open files")

        def use(client):  # whichever comes first goes, and makes room
            self.assertEqual(receive_all(client), b"served")
            client.close()

        users = [self.thread(use, client) for client in clients]
        for _ in clients:
            upstream = self.accept(server)
            receive(upstream, len(hello))
            upstream.sendall(b"served")
            upstream.close()
        for user in users:
            user.end()
        self.assertGreater(self.end(router)["accept_pauses"], 0)


class Ending(SniRouterTest):
    def test_open_tunnels_may_end_by_themselves(self):
        router, server = self.raw_router("--drain", 60)
        client, upstream = self.begin(router, server)
        router.signal()
        self.assert_says(router, "told to end: 1 connections are open")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(router)
        upstream.sendall(b"last")
        upstream.close()
        self.assertEqual(receive_all(client), b"last")
        client.close()
        ended = router.wait()
        self.assertEqual((ended.status, ended["tunnels_in_order"]), (0, 1))

    def test_behind_the_drain_what_was_read_is_passed_on_before_the_reset(self):
        router, server = self.raw_router("--drain", 0.3)
        client, upstream = self.begin(router, server)
        sent = 0
        upstream.setblocking(False)
        give_up = time.monotonic() + 0.5
        while time.monotonic() < give_up:  # all buffers on the way are full
            try:
                sent += upstream.send(bytes(100_000))
            except BlockingIOError:
                time.sleep(0.01)
        router.signal()
        self.assert_says(router, "told to end")
        received = 0
        with self.assertRaises(ConnectionResetError):
            while piece := client.recv(1 << 16):
                received += len(piece)
        ended = router.wait()
        self.assertEqual((ended.status, ended["tunnels_told_to_end"]), (0, 1))
        self.assertGreaterEqual(received, ended["bytes_out"])
        self.assertLessEqual(received, sent)

    def test_a_connection_that_has_not_begun_ends_with_the_drain(self):
        router, _ = self.raw_router("--drain", 0.2)
        client = self.connect(router)
        client.sendall(b"\x16")
        wait_until(lambda: router.descriptors() > 10, "the connection is open")
        router.signal()
        self.assertTrue(is_ended(client))
        self.assertEqual(router.wait().status, 0)

    def test_a_second_signal_ends_at_once(self):
        router, server = self.raw_router("--drain", 60)
        self.begin(router, server)
        router.signal(signal.SIGINT)
        self.assert_says(router, "told to end")
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait().status, -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
