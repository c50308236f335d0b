"""connect_proxy against clients and servers made of sockets, and against what speaks no HTTP."""

import os
import signal
import socket
import time
import unittest

from arguments import Arguments
from program import ProgramTest, receive, receive_all, reset
from tls_peers import is_ended, pattern

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ConnectProxyTest(ProgramTest):
    program = "connect_proxy"

    def right(self):
        return ("--allow-file", self.file("allow", "allow 127.0.0.1 *\n"))

    def proxy(self, *arguments, allow="allow 127.0.0.1 *\nallow localhost *\n", **options):
        return self.start("--allow-file", self.file("allow", allow), *arguments, **options)

    def server(self):
        """A server, and its `HOST:PORT`."""
        server = self.listen()
        return server, f"127.0.0.1:{server.getsockname()[1]}"

    def send(self, proxy, text):
        client = self.connect(proxy)
        client.sendall(text if isinstance(text, bytes) else text.encode())
        return client

    def connect_through(self, proxy, server, place, behind=b""):
        """Both sides of a tunnel."""
        client = self.send(proxy, f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()
                           + behind)
        upstream = self.accept(server)
        self.assertEqual(receive(client, len(ESTABLISHED)), ESTABLISHED)
        return client, upstream

    def assert_answers(self, client, status, text):
        """It is told with this status and text, and the connection ends in order."""
        answer = receive_all(client)
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
        head, body = answer.split(b"\r\n\r\n", 1)
        self.assertIn(b"\r\nContent-Length: %d" % len(body), head)
        self.assertIn(b"\r\nConnection: close", head)
        self.assertIn(text.encode(), body)


class CommandLine(Arguments, ConnectProxyTest):
    def test_wrong_files_are_refused_with_their_line(self):
        self.assert_refused(self.run_program(), "--allow-file: must be given")
        self.assert_refused(self.run_program("--allow-file", self.file("wrong", "# a\nallow a\n")),
                            "wrong:2: must be: allow HOST PORT")


class Connect(ConnectProxyTest):
    def test_bytes_pass_both_ways_and_ends_in_both_orders(self):
        server, place = self.server()
        proxy = self.proxy()
        for client_first in (True, False):
            client, upstream = self.connect_through(proxy, server, place, b"early")
            self.assertEqual(receive(upstream, 5), b"early")
            first, second = (client, upstream) if client_first else (upstream, client)
            first.sendall(b"first")
            first.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(second), b"first")
            second.sendall(b"second")
            second.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(first), b"second")
        ended = self.end(proxy)
        self.assertEqual((ended["requests"], ended["tunnels_in_order"]), (2, 2))

    def test_large_payloads_arrive_whole_both_ways(self):
        server, place = self.server()
        proxy = self.proxy()
        up, down = pattern(20_000_000, 1), pattern(20_000_000, 2)
        client, upstream = self.connect_through(proxy, server, place, up[:1000])

        def send(connection, data):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        senders = [self.thread(send, client, up[1000:]), self.thread(send, upstream, down)]
        received = []
        reader = self.thread(lambda: received.append(receive_all(upstream)))
        self.assertEqual(receive_all(client), down)
        reader.end()
        self.assertEqual(received[0], up)
        for sender in senders:
            sender.end()
        ended = self.end(proxy)
        self.assertEqual((ended["bytes_in"], ended["bytes_out"]), (len(up), len(down)))

    def test_a_name_is_looked_up(self):
        server, place = self.server()
        proxy = self.proxy()
        self.connect_through(proxy, server, place.replace("127.0.0.1", "LOCALHOST"))

    def test_a_head_in_any_pieces(self):
        server, place = self.server()
        proxy = self.proxy()
        client = self.connect(proxy)
        for byte in f"CONNECT {place} HTTP/1.1\r\nHost: x\r\n\r\n".encode():
            client.sendall(bytes([byte]))
        self.accept(server)
        self.assertEqual(receive(client, len(ESTABLISHED)), ESTABLISHED)


class Absolute(ConnectProxyTest):
    def test_a_request_is_sent_on_in_origin_form(self):
        server, place = self.server()
        proxy = self.proxy()
        client = self.send(proxy, f"POST http://{place}/p?q HTTP/1.1\r\nHost: other\r\n"
                                  "Proxy-Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbody")
        expected = (f"POST /p?q HTTP/1.1\r\nHost: {place}\r\nContent-Length: 4\r\n"
                    "Via: 1.1 connect_proxy\r\nConnection: close\r\n\r\nbody").encode()
        upstream = self.accept(server)
        self.assertEqual(receive(upstream, len(expected)), expected)
        upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        upstream.close()
        self.assertEqual(receive_all(client), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def test_a_client_that_ends_behind_its_request_is_answered(self):
        server, place = self.server()
        client = self.send(self.proxy(), f"GET http://{place}/ HTTP/1.0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        upstream = self.accept(server)
        self.assertTrue(receive_all(upstream).startswith(b"GET / HTTP/1.0\r\n"))
        upstream.sendall(b"late answer")
        upstream.close()
        self.assertEqual(receive_all(client), b"late answer")


class Refusals(ConnectProxyTest):
    def test_what_is_not_allowed(self):
        proxy = self.proxy(allow="allow 127.0.0.1 8000-8010\nallow *.example 80\n")
        for target in ("127.0.0.1:7999", "localhost:8000", "example:80", "a.example:81"):
            client = self.send(proxy, f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            host, port = target.split(":")
            self.assert_answers(client, 403, f"{host} port {port} is not allowed")
        client = self.send(proxy, "GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assert_answers(client, 403, "127.0.0.1 port 80 is not allowed")
        ended = self.end(proxy)
        self.assertEqual((ended["requests"], ended["refused_requests"]), (5, 5))

    def test_what_is_no_request(self):
        proxy = self.proxy("--max-head", 300)
        cases = [
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "no HTTP request has"),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "the target is neither"),
            (b"CONNECT a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "the target is neither"),
            (b"GET http://127.0.0.1/ HTTP/1.1\n\n", 400, "CR and LF"),
            (b"\r\n\r\n", 400, "the first line is not"),
            (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "one Host field"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "neither HTTP/1.0 nor HTTP/1.1"),
            (b"GET http://127.0.0.1/ HTTP/1.1\r\nX: " + b"x" * 300, 431, "too long"),
            (b"x" * 1000, 431, "too long"),
            (os.urandom(50).replace(b"\0", b"\1") + b"\0", 400, ""),
        ]
        for sent, status, text in cases:
            self.assert_answers(self.send(proxy, sent), status, text)
        self.assertEqual(self.end(proxy)["refused_requests"], len(cases))

    def test_an_answer_arrives_before_input_that_nobody_reads(self):
        """And input that comes behind it causes no reset, which would destroy an answer on its way."""
        proxy = self.proxy("--max-head", 300)
        client = self.send(proxy, b"\0" + b"x" * 1_000_000)
        self.assert_answers(client, 400, "no HTTP request has")
        for _ in range(5):
            client.sendall(b"more")
            time.sleep(0.02)

    def test_a_server_that_refuses(self):
        proxy = self.proxy()
        client = self.send(proxy, f"CONNECT 127.0.0.1:{self.closed_port()} HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assert_answers(client, 502, "cannot be reached: Connection refused")

    def test_a_name_that_nobody_has(self):
        proxy = self.proxy("--connect-deadline", 20, allow="allow *.invalid *\n")
        client = self.send(proxy, "CONNECT no.invalid:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = receive_all(client)  # 504 where the look-up takes too long
        self.assertRegex(answer, b"^HTTP/1.1 50[24] .*(?s:.*)no.invalid port 80 cannot be reached")

    def test_a_server_that_does_not_answer(self):
        silent = self.socket()
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(4):  # so that its queue is full
            filler = self.socket()
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        proxy = self.proxy("--connect-deadline", 0.3)
        client = self.send(proxy, f"CONNECT 127.0.0.1:{silent.getsockname()[1]} HTTP/1.1\r\n"
                                  "Host: x\r\n\r\n")
        self.assert_answers(client, 504, "cannot be reached: Connection timed out")

    def test_a_head_that_drips(self):
        proxy = self.proxy("--head-deadline", 0.4)
        client = self.connect(proxy)
        for byte in b"CONNECT 127.0":
            client.sendall(bytes([byte]))
            time.sleep(0.02)
        self.assert_answers(client, 408, "did not come in time")
        self.assertEqual(receive_all(self.connect(proxy)), b"")  # nothing was asked

    def test_a_head_that_ends_inside(self):
        proxy = self.proxy()
        client = self.send(proxy, b"CONNECT 127")
        client.shutdown(socket.SHUT_WR)
        self.assertTrue(is_ended(client))
        self.assert_says(proxy, "the request's head is cut")

    def test_garbage_does_not_reach_the_log_as_it_is(self):
        proxy = self.proxy(allow="allow 127.0.0.1 1\n")
        for _ in range(20):
            self.assertTrue(is_ended(self.send(proxy, b"CONNECT \xff\xfe\x9b:1 HTTP/1.1\r\n\r\n")))
        errors = self.end(proxy).errors
        self.assertTrue(errors.isascii(), errors)


class Cuts(ConnectProxyTest):
    def test_resets_of_either_side(self):
        server, place = self.server()
        proxy = self.proxy()
        reset(self.connect(proxy))
        reset(self.send(proxy, b"CONNECT"))
        for is_client in (True, False):
            client, upstream = self.connect_through(proxy, server, place)
            first, second = (client, upstream) if is_client else (upstream, client)
            reset(first)
            with self.assertRaises(ConnectionResetError):
                receive_all(second)
        self.connect_through(proxy, server, place)
        self.assert_says(proxy, "has cut its bytes: Connection reset by peer")

    def test_a_tunnel_where_nothing_moves(self):
        server, place = self.server()
        proxy = self.proxy("--idle-deadline", 0.3)
        client, _ = self.connect_through(proxy, server, place)
        with self.assertRaises(ConnectionResetError):
            receive_all(client)
        self.assert_says(proxy, "127.0.0.1: nothing has moved for too long")

    def test_a_signal_lets_a_tunnel_end(self):
        server, place = self.server()
        proxy = self.proxy("--drain", 60)
        client, upstream = self.connect_through(proxy, server, place)
        proxy.signal(signal.SIGTERM)
        self.assert_says(proxy, "told to end: 1 connections are open")
        upstream.sendall(b"last")
        upstream.close()
        self.assertEqual(receive_all(client), b"last")
        client.close()
        self.assertEqual(proxy.wait()["tunnels_in_order"], 1)

    def test_a_client_that_does_not_read_costs_little_memory(self):
        server, place = self.server()
        proxy = self.proxy()
        client, upstream = self.connect_through(proxy, server, place)
        before = proxy.resident_bytes()
        upstream.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while True:
                upstream.sendall(bytes(1_000_000))
        self.assertLess(proxy.resident_bytes() - before, 2_000_000)
        reset(client)


if __name__ == "__main__":
    unittest.main()
