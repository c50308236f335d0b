"""resp_router between clients and servers that are made of sockets."""

import contextlib
import signal
import socket
import threading
import unittest

from arguments import Arguments
from program import receive_all, reset, wait_until
from resp import Resp, command
from resp_router_case import PONG, RouterTest


class CommandLine(Arguments, RouterTest):
    def test_servers_are_needed_and_have_ports(self):
        self.assert_refused(self.run_program(), "--servers: must be given")
        for wrong in ("", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:1,", "localhost:1"):
            self.assert_refused(self.run_program("--servers", wrong),
                                f"--servers '{wrong}': each must be a numeric IPv4:PORT")

    def test_limits_are_checked(self):
        self.assert_refused(self.run_program(*self.right(), "--max-frame", "1"),
                            "--max-frame '1': must be a whole number", "from 65536")
        self.assert_refused(self.run_program(*self.right(), "--server-limit", "0"),
                            "--server-limit '0': must be seconds")


class Requests(RouterTest):
    """One server that answers by hand."""

    def setUp(self):
        super().setUp()
        self.listener = self.listen()
        self.port = self.listener.getsockname()[1]

    def test_replies_come_in_the_order_of_the_requests(self):
        router = self.router([self.port])
        server = self.serve(self.listener)
        client = self.client(router)
        self.until_answered(client, server)
        client.connection.sendall(command("GET", "a") + b"PING\r\n" + command("MULTI") +
                                  command("GET", "b") + command("ECHO", "x"))
        self.assertEqual(server.read(), command("GET", "a"))
        self.assertEqual(server.read(), command("GET", "b"))
        server.connection.sendall(b"$1\r\n1\r\n*1\r\n$-1\r\n")
        self.assertEqual([client.read() for _ in range(5)],
                         [b"$1\r\n1\r\n", PONG,
                          b"-ERR unknown command 'MULTI', or one that cannot be routed\r\n",
                          b"*1\r\n$-1\r\n", b"$1\r\nx\r\n"])
        ended = self.end(router)
        self.assertEqual((ended["requests"], ended["refused_requests"]),
                         (6 + self.failed_requests, 1))

    def until_answered(self, client, server):
        """One request and its reply; the server may not have been up before."""
        while True:
            client.send("GET", "first")
            server.connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                self.assertEqual(server.read(), command("GET", "first"))
                server.connection.settimeout(60)
                server.connection.sendall(b"$-1\r\n")
                self.assertEqual(client.read(), b"$-1\r\n")
                return
            self.assertIn(b"is down", client.read())
            self.failed_requests += 1

    def test_inline_requests_are_sent_on_as_arrays(self):
        router = self.router([self.port])
        server = self.serve(self.listener)
        client = self.client(router)
        self.until_answered(client, server)
        client.connection.sendall(b"\r\n  set k \"a b\\x00\"\n*0\r\n*-1\r\n")
        self.assertEqual(server.read(), command("set", "k", b"a b\0"))
        server.connection.sendall(b"+OK\r\n")
        self.assertEqual(client.read(), b"+OK\r\n")

    def test_what_is_no_request_gets_an_error_behind_the_replies(self):
        router = self.router([self.port], "--max-frame", 65536)
        server = self.serve(self.listener)
        self.until_answered(self.client(router), server)
        for wrong, problem in ((b"*1\r\n:1\r\n", b"expected '$'"),
                               (b"*1\r\n$-5\r\n", b"invalid bulk length"),
                               (b"*1\r\n$1\r\nabc", b"a bulk is longer than its length"),
                               (b"*999999999\r\n", b"invalid multibulk length"),
                               (b"*1\r\n$70000\r\n", b"the limit of a request or reply"),
                               (b"x" * 70000, b"too big inline request"),
                               (b"GET 'a\r\n", b"unbalanced quotes")):
            client = self.client(router)
            client.connection.sendall(command("GET", "a") + wrong)
            self.assertEqual(server.read(), command("GET", "a"))
            server.connection.sendall(b":1\r\n")
            self.assertEqual(client.read(), b":1\r\n")
            line = client.read()
            self.assertTrue(line.startswith(b"-ERR Protocol error: "), line)
            self.assertIn(problem, line)
            self.assertTrue(client.is_at_end())
            client.connection.close()
        self.assert_says(router, "unbalanced quotes")
        self.assertEqual(self.end(router)["failed_connections"], 7)

    def test_a_request_that_drips_ends_its_connection_only(self):
        router = self.router([self.port], "--client-limit", "0.3")
        server = self.serve(self.listener)
        idle = self.client(router)
        self.until_answered(idle, server)
        drips = self.client(router)
        request = command("SET", "k", "x" * 1000)

        def drip():
            for byte in request:
                try:
                    drips.connection.sendall(bytes([byte]))
                except OSError:
                    return
                if stop.wait(0.01):
                    return

        stop = threading.Event()
        self.addCleanup(stop.set)
        dripping = self.thread(drip)
        self.assert_says(router, "its request did not end in time")
        dripping.end()
        self.until_answered(idle, server)  # which was silent for as long

    def test_resets_at_each_stage_cost_nobody_else_anything(self):
        router = self.router([self.port])
        server = self.serve(self.listener)
        other = self.client(router)
        self.until_answered(other, server)
        before = router.descriptors()
        for sent in (b"", b"*", command("GET", "k")[:-3], command("GET", "k"),
                     command("GET", "k") * 20):
            client = self.connect(router)
            client.sendall(sent)
            for _ in range(sent.count(command("GET", "k"))):
                self.assertEqual(server.read(), command("GET", "k"))
            reset(client)
            server.connection.sendall(b":1\r\n" * sent.count(command("GET", "k")))
            self.until_answered(other, server)
        wait_until(lambda: router.descriptors() == before, "descriptors come back")

    def test_a_client_that_ends_its_half_gets_its_replies(self):
        router = self.router([self.port])
        server = self.serve(self.listener)
        self.until_answered(self.client(router), server)
        client = self.connect(router)
        client.sendall(command("GET", "a") * 10)
        client.shutdown(socket.SHUT_WR)
        for _ in range(10):
            server.read()
        server.connection.sendall(b":1\r\n" * 10)
        self.assertEqual(receive_all(client), b":1\r\n" * 10)

    def test_a_client_that_reads_no_replies_is_cut_off(self):
        router = self.router([self.port], "--max-unread", 65536)
        server = self.serve(self.listener)
        other = self.client(router)
        self.until_answered(other, server)
        client = self.connect(router)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(command("GET", "k") * 1000)
        for _ in range(1000):
            server.read()
        large = b"$60000\r\n" + b"x" * 60000 + b"\r\n"
        server.connection.sendall(large * 1000)
        self.assert_says(router, "it does not read its replies: write refused")
        self.until_answered(other, server)

    def test_nothing_that_was_sent_is_lost_at_the_end(self):
        router = self.router([self.port])
        server = self.serve(self.listener)
        client = self.client(router)
        self.until_answered(client, server)
        client.connection.sendall(command("GET", "a") * 100)
        for _ in range(100):
            server.read()
        router.signal()
        self.assert_says(router, "told to end: 1 connections are open")
        server.connection.sendall(b":7\r\n" * 100)
        self.assertEqual([client.read() for _ in range(100)], [b":7\r\n"] * 100)
        self.assertTrue(client.is_at_end())
        client.connection.close()
        ended = router.wait()
        self.assertEqual((ended.status, ended["failed_requests"], ended["requests"]),
                         (0, self.failed_requests, 101 + self.failed_requests))

    def test_a_second_signal_ends_it_at_once(self):
        router = self.router([self.port], "--client-limit", 60)
        server = self.serve(self.listener)
        client = self.client(router)
        self.until_answered(client, server)
        client.send("GET", "a")
        server.read()
        router.signal()
        self.assert_says(router, "told to end")
        self.assertTrue(router.is_running())
        router.signal()
        self.assertEqual(router.wait().status, -signal.SIGTERM)

    def test_out_of_descriptors_clients_wait(self):
        router = self.router([self.port], descriptors=24)
        server = self.serve(self.listener)
        clients = [self.connect(router) for _ in range(40)]
        self.assert_says(router, "accepts no connection for now")
        served = 0
        for client in clients:
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(7), PONG)
            client.close()
            served += 1
        self.assertEqual(served, 40)
        self.until_answered(self.client(router), server)


class Servers(RouterTest):
    """What a server does wrong costs its own requests."""

    def check(self, wrong, reason):
        listener = self.listen()
        router = self.router([listener.getsockname()[1]], "--server-limit", "0.5")
        server = self.serve(listener)
        client = self.client(router)
        wait_until(lambda: self.is_sent(client, server), "the server is up")
        wrong(server)
        line = client.read()
        self.assertTrue(line.startswith(b"-ERR server 127.0.0.1:"), line)
        self.assertIn(reason, line.decode())
        self.assert_says(router, reason)
        again = self.serve(listener)  # the connection is made anew
        wait_until(lambda: self.is_sent(client, again), "the server is up again")
        again.connection.sendall(b"+OK\r\n")
        self.assertEqual(client.read(), b"+OK\r\n")
        self.assertEqual(self.end(router)["server_failures"], 1)

    @staticmethod
    def is_sent(client, server):
        """Whether a request has come to the server, which is to answer it."""
        client.send("GET", "k")
        server.connection.settimeout(0.05)
        try:
            server.read()
            return True
        except TimeoutError:
            client.read()
            return False
        finally:
            server.connection.settimeout(60)

    def test_it_ends(self):
        self.check(lambda server: server.connection.close(), "ended the connection")

    def test_it_resets(self):
        self.check(lambda server: reset(server.connection), "reset")

    def test_it_ends_inside_of_a_reply(self):
        def half(server):
            server.connection.sendall(b"$5\r\nab")
            server.connection.close()
        self.check(half, "frame")

    def test_it_sends_no_reply(self):
        self.check(lambda server: server.connection.sendall(b"HTTP/1.1 400 \r\n"),
                  "a reply begins with")

    def test_it_is_silent(self):
        self.check(lambda server: None, "sent no reply in time")

    def test_it_drips(self):
        self.check(lambda server: server.connection.sendall(b"$100000\r\nabc"),
                  "sent no reply in time")

    def test_its_reply_is_too_long(self):
        self.check(lambda server: server.connection.sendall(b"$99999999999\r\n"),
                  "the limit of a request or reply")

    def test_a_reply_that_nobody_waits_for(self):
        listener = self.listen()
        router = self.router([listener.getsockname()[1]])
        self.serve(listener).connection.sendall(b"+OK\r\n")
        self.assert_says(router, "sent a reply that nobody waits for")

    def test_it_does_not_serve_yet(self):
        listener = self.listen()
        router = self.router([listener.getsockname()[1]])
        loading = Resp(self.accept(listener))
        loading.read()
        loading.connection.sendall(b"-LOADING Redis is loading\r\n")
        self.assert_says(router, "PING is not answered PONG")
        self.assertIn(b"is down", self.client(router).ask("GET", "k"))
        self.serve(listener)

    def test_nobody_listens(self):
        router = self.router([self.closed_port()])
        self.assert_says(router, "cannot connect: Connection refused")
        self.assertIn(b"is down", self.client(router).ask("GET", "k"))
        self.end(router)


if __name__ == "__main__":
    unittest.main()
