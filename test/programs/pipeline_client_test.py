"""pipeline_client against servers that are made of sockets, and real ones that come and go."""

import contextlib
import os
import signal
import socket
import time
import unittest

from program import BIN, PATIENCE_SECONDS, ProgramTest, needs, wait_until
from resp import Ended, RedisMixin, Resp


def echo(request):
    """The reply to an `ECHO`: its argument, as it came."""
    return request.split(b"ECHO\r\n", 1)[1]


class ClientTest(RedisMixin, ProgramTest):
    program = "pipeline_client"

    def client(self, port, *arguments):
        return self.process(BIN / self.program, "--server", f"127.0.0.1:{port}", *arguments)

    def serve(self, listener):
        return Resp(self.accept(listener))


class CommandLine(ClientTest):
    def test_help_is_on_standard_output(self):
        ended = self.run_program("--help")
        self.assertEqual((ended.status, ended.errors), (0, ""))
        self.assertIn("usage: pipeline_client [flags]", ended.output)

    def test_wrong_arguments_are_refused_in_one_line(self):
        for flag, wrong, rule in (("--threads", "0", "must be a whole number"),
                                  ("--window", "x", "must be a whole number"),
                                  ("--server", "localhost:1", "must be a numeric IPv4:PORT"),
                                  ("--request-limit", "0", "must be seconds"),
                                  ("--value-bytes", "15", "from 16 to 1000000")):
            self.assert_refused(self.run_program(flag, wrong), f"{flag} '{wrong}': ", rule)

    def test_a_request_must_fit_the_queue(self):
        self.assert_refused(self.run_program("--value-bytes", "5000", "--max-unwritten", "5000"),
                            "--max-unwritten: must be 64 more than --value-bytes")


class Replies(ClientTest):
    """One server that answers by hand."""

    def setUp(self):
        super().setUp()
        self.listener = self.listen()
        self.port = self.listener.getsockname()[1]

    def answer(self, server, count):
        for _ in range(count):
            server.connection.sendall(echo(server.read()))

    def test_each_thread_gets_its_own_replies(self):
        client = self.client(self.port, "--threads", 4, "--window", 8, "--requests", 203)
        self.answer(self.serve(self.listener), 203)
        ended = client.wait()
        self.assertEqual((ended.status, ended["matched_replies"], ended["requests"]), (0, 203, 203))

    def test_what_is_beyond_the_limits_is_refused_until_there_is_room(self):
        client = self.client(self.port, "--threads", 1, "--window", 20, "--requests", 20,
                             "--max-in-flight", 4, "--max-waiting", 2, "--request-limit", 60)
        server = self.serve(self.listener)
        first = [server.read() for _ in range(4)]
        server.connection.settimeout(0.1)
        with self.assertRaises(socket.timeout):
            server.read()
        server.connection.settimeout(PATIENCE_SECONDS)
        server.connection.sendall(b"".join(echo(request) for request in first))
        self.answer(server, 16)
        ended = client.wait()
        self.assertEqual((ended.status, ended["matched_replies"]), (0, 20))
        self.assertGreaterEqual(ended["refused_requests"], 14)

    def test_latency_lasts_until_the_thread_has_seen_the_reply(self):
        client = self.client(self.port, "--threads", 1, "--window", 2, "--requests", 8)
        server = self.serve(self.listener)
        for _ in range(8):
            request = server.read()
            time.sleep(0.02)
            server.connection.sendall(echo(request))
        ended = client.wait()
        self.assertGreaterEqual(ended["latency_p50_micros"], 20_000)
        self.assertLessEqual(ended["latency_p50_micros"], ended["latency_p99_micros"])

    def test_a_wrong_reply_is_seen(self):
        client = self.client(self.port, "--threads", 1, "--requests", 3)
        server = self.serve(self.listener)
        first, second = server.read(), server.read()
        server.connection.sendall(echo(second) + echo(first))
        self.answer(server, 1)
        ended = client.wait()
        self.assertEqual((ended.status, ended["matched_replies"], ended["wrong_replies"]), (1, 1, 2))

    def test_what_is_unwritten_is_sent_again_and_what_was_written_is_lost(self):
        """16 MB of requests are more than the sockets take. The server answers 3 and ends."""
        client = self.client(self.port, "--threads", 2, "--window", 40, "--requests", 80,
                             "--value-bytes", 200000, "--max-unwritten", 1 << 30,
                             "--request-limit", 60, "--server-limit", 60)
        server = self.serve(self.listener)
        self.answer(server, 3)
        server.read()
        server.read()
        tasks = f"/proc/{client.process.pid}/task"
        wait_until(lambda: len(os.listdir(tasks)) <= 2, "its threads have sent everything")
        server.connection.shutdown(socket.SHUT_WR)
        again = self.serve(self.listener)
        server.connection.close()
        answered = 0
        with contextlib.suppress(Ended, ConnectionResetError):
            while True:  # the first is a whole one, whatever the end has cut
                self.answer(again, 1)
                answered += 1
        ended = client.wait()
        self.assertEqual(ended["matched_replies"], 3 + answered)
        self.assertEqual(ended["lost_requests"], 77 - answered)
        self.assertEqual(ended["replayed_requests"], answered)
        self.assertEqual((ended["wrong_replies"], ended["connections"]), (0, 2))
        self.assertGreaterEqual(ended["lost_requests"], 2)  # that were read, and not answered
        self.assertGreater(answered, 20)
        self.assertIn("the server ended the connection", ended.errors)

    def test_a_request_that_takes_too_long_fails_alone(self):
        client = self.client(self.port, "--threads", 1, "--window", 4, "--requests", 12,
                             "--request-limit", "0.4", "--server-limit", 60)
        server = self.serve(self.listener)
        late = [server.read() for _ in range(4)]
        late.append(server.read())  # there was room for it again: the first ones are late
        server.connection.sendall(b"".join(echo(request) for request in late))
        self.answer(server, 7)
        ended = client.wait()
        self.assertEqual((ended.status, ended["late_requests"], ended["matched_replies"],
                          ended["wrong_replies"], ended["connections"]), (1, 4, 8, 0, 1))

    def test_a_silent_server_is_connected_anew(self):
        client = self.client(self.port, "--threads", 1, "--window", 4, "--requests", 1000000,
                             "--request-limit", "0.2", "--server-limit", "0.6")
        self.serve(self.listener).read()
        again = self.serve(self.listener)
        self.assertIn(b"ECHO", again.read())
        ended = self.end(client)
        self.assertEqual((ended["connections"], ended["matched_replies"]), (2, 0))
        self.assertGreaterEqual(ended["late_requests"], 4)

    def test_garbage_ends_the_connection(self):
        client = self.client(self.port, "--threads", 1, "--requests", 1, "--request-limit", 60)
        server = self.serve(self.listener)
        server.read()
        server.connection.sendall(b"HTTP/1.1 400 \r\n")
        ended = client.wait()
        self.assertIn("a reply begins with", ended.errors)
        self.assertEqual((ended.status, ended["lost_requests"]), (1, 1))

    def test_a_reply_that_nobody_waits_for_ends_the_connection(self):
        client = self.client(self.port, "--threads", 1, "--requests", 2, "--window", 1)
        server = self.serve(self.listener)
        server.connection.sendall(echo(server.read()) + b"+OK\r\n" * 2)
        self.assert_says(client, "a reply that nobody waits for")

    def test_signals_end_it_in_order(self):
        client = self.client(self.port, "--threads", 2, "--window", 10, "--requests", 1000000,
                             "--request-limit", 60)
        server = self.serve(self.listener)
        self.answer(server, 500)
        unanswered = [server.read() for _ in range(5)]
        client.signal(signal.SIGINT)
        self.assert_says(client, "told to end")
        server.connection.sendall(b"".join(echo(request) for request in unanswered))
        with contextlib.suppress(Ended, ConnectionResetError):
            while True:
                self.answer(server, 1)
        ended = client.wait()
        self.assertEqual(ended.status, 0)
        self.assertEqual(ended["matched_replies"], ended["requests"])

    def test_a_second_signal_ends_it_at_once(self):
        client = self.client(self.port, "--threads", 1, "--window", 10, "--request-limit", 60,
                             "--server-limit", 60)
        self.serve(self.listener).read()
        client.signal()
        self.assert_says(client, "told to end")
        client.signal()
        self.assertEqual(client.wait().status, -signal.SIGTERM)


@needs("redis-server")
class Redis(ClientTest):
    def test_a_server_that_is_killed_and_started_again(self):
        server = self.redis()
        client = self.client(server.port, "--threads", 8, "--window", 64, "--requests", 100000000,
                             "--request-limit", 60, "--max-waiting", 100)
        for _ in range(4):
            probe = Resp(self.connect_to(server.port))
            wait_until(lambda probe=probe: b"cmdstat_echo" in probe.ask("INFO", "commandstats"),
                       "requests")
            probe.connection.close()
            server.signal(signal.SIGKILL)
            server.wait()
            server = self.redis(server.port)
        probe = Resp(self.connect_to(server.port))
        wait_until(lambda: b"cmdstat_echo" in probe.ask("INFO", "commandstats"), "requests")
        ended = self.end(client)
        self.assertEqual(ended["wrong_replies"], 0)
        self.assertEqual(ended["connections"], 5)
        # Each request is told once: a reply, or that it is lost.
        self.assertEqual(ended["requests"], ended["matched_replies"] + ended["lost_requests"])
        self.assertLessEqual(ended["lost_requests"], 4 * 8 * 64)

    def test_without_a_server_requests_wait_up_to_a_limit(self):
        port = self.free_port()
        client = self.client(port, "--threads", 4, "--window", 100, "--requests", 4000,
                             "--max-waiting", 10, "--request-limit", 60)
        self.assert_says(client, "cannot connect: Connection refused")
        self.redis(port)
        ended = client.wait()
        self.assertEqual((ended.status, ended["matched_replies"]), (0, 4000))
        self.assertGreater(ended["refused_requests"], 0)
        self.assertGreater(ended["failures"], 0)

    def test_requests_that_never_find_a_server_are_late(self):
        ended = self.run_program("--server", f"127.0.0.1:{self.closed_port()}", "--threads", 2,
                                 "--window", 5, "--requests", 10, "--request-limit", "0.2")
        self.assertEqual((ended.status, ended["late_requests"], ended["matched_replies"]),
                         (1, 10, 0))


if __name__ == "__main__":
    unittest.main()
