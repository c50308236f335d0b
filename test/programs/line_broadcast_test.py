"""line_broadcast between publishers and subscribers that are made of sockets."""

import selectors
import socket
import time

from arguments import Arguments
from program import PATIENCE_SECONDS, SANITIZED, ProgramTest, receive, receive_all, reset, wait_until

# Fewer where each byte costs more.
SUBSCRIBERS = 100 if SANITIZED else 500


class BroadcastTest(ProgramTest):
    program = "line_broadcast"

    def right(self):
        return ()

    def client(self, server, *topics, small=False):
        """A connection that has subscribed. `small`: its system takes little for it."""
        client = self.socket()
        if small:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.address)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if topics:
            self.do(client, *(f"SUB {topic}" for topic in topics))
        return client

    def do(self, client, *lines):
        """Sends the lines, and waits until the server has taken them."""
        client.sendall("".join(line + "\n" for line in (*lines, "PING")).encode())
        self.assertEqual(receive(client, 5), b"PONG\n")

    def assert_line(self, client, line):
        self.assertEqual(receive(client, len(line)), line)

    def assert_is_reset(self, client):
        with self.assertRaises(ConnectionError):
            while client.recv(1 << 16):
                pass

    def publish_beyond(self, publisher, topic, reader, count):
        """Lines of 1000 bytes and more, more than what is kept for who does not read. Each is sent
        once `reader` has those before."""
        for number in range(0, count, 20):
            lines = b"".join(b"%s %07d %s\n" % (topic, each, b"x" * 1000)
                             for each in range(number, number + 20))
            publisher.sendall(b"".join(b"PUB " + line for line in lines.splitlines(True)))
            self.assert_line(reader, lines)


class CommandLine(Arguments, BroadcastTest):
    def test_limits_are_checked(self):
        self.assert_refused(self.run_program("--lag", "skip"), "--lag: must be drop or end")
        self.assert_refused(self.run_program("--max-line", "1"), "--max-line '1'", "from 128 to")
        self.assert_refused(self.run_program("--max-topics", "0"), "--max-topics '0'", "from 1 to")
        self.assert_refused(self.run_program("--stall-limit", "0"), "--stall-limit '0'")
        self.assert_refused(self.run_program("--max-line", "1024", "--max-pending", "1151"),
                            "--max-pending: must be 128 more than --max-line")
        self.assert_refused(self.run_program("--max-line", "1024", "--topic-bytes", "4095"),
                            "--topic-bytes: must be 4 times --max-line")
        ended = self.end(self.start("--max-line", 1024, "--max-pending", 1152, "--topic-bytes", 4096))
        self.assertEqual(ended["lines_published"], 0)


class Topics(BroadcastTest):
    def test_a_line_goes_to_all_who_have_its_topic(self):
        server = self.start()
        both, one, none = (self.client(server, *topics) for topics in (("a", "b"), ("a",), ()))
        publisher = self.client(server)
        self.do(publisher, "PUB a first", "PUB a", "PUB c nobody", "PUB a crlf\r")
        self.assert_line(both, b"a first\na\na crlf\r\n")
        self.do(publisher, "PUB b  two  spaces ")
        self.assert_line(both, b"b  two  spaces \n")
        self.assert_line(one, b"a first\na\na crlf\r\n")
        self.do(none)
        ended = self.end(server)
        for client in (both, one, none, publisher):
            self.assertEqual(receive_all(client), b"")
        self.assertEqual((ended["lines_published"], ended["lines_without_subscribers"],
                          ended["lines_missed"], ended["failed_connections"]), (5, 1, 0, 0))
        self.assertEqual(ended["bytes_sent"], 5 * len(b"PONG\n") + 34 + 18)

    def test_a_publisher_hears_itself_if_it_subscribes(self):
        client = self.client(self.start(), "a")
        client.sendall(b"PUB a 1\r\nPUB a 2\r\n")
        self.assert_line(client, b"a 1\r\na 2\r\n")

    def test_lines_come_until_unsub(self):
        server = self.start("--max-topics", 1, "--max-subscriptions", 1)
        client, publisher = self.client(server, "a"), self.client(server)
        self.do(publisher, "PUB a 1")
        self.assert_line(client, b"a 1\n")
        self.do(client, "SUB a", "UNSUB other", "UNSUB a", "UNSUB a")
        self.do(publisher, "PUB a 2")
        self.do(client, "SUB b")  # the topic before is gone
        self.do(publisher, "PUB b 3", "PUB a 4")
        self.assert_line(client, b"b 3\n")
        self.do(client)
        self.assertEqual(self.end(server)["lines_without_subscribers"], 2)

    def test_input_may_be_cut_anywhere(self):
        server = self.start()
        client, publisher = self.client(server, "a"), self.client(server)
        for byte in b"PUB a dripping\nPING\n":
            publisher.sendall(bytes([byte]))
            time.sleep(0.001)
        self.assert_line(publisher, b"PONG\n")
        self.assert_line(client, b"a dripping\n")

    def test_a_fast_publisher_waits_for_subscribers_that_read(self):
        server = self.start("--topic-bytes", 32768, "--topic-lines", 256)
        client, publisher = self.client(server, "a"), self.client(server)
        lines = b"".join(b"a %d\n" % number for number in range(50_000))
        sender = self.thread(publisher.sendall,
                             b"".join(b"PUB " + line for line in lines.splitlines(True)))
        received = receive(client, len(lines))
        sender.end()
        self.assertNotIn(b"missed", received)
        self.assertEqual(received, lines)

    def test_many_subscribers_of_which_some_never_read(self):
        server = self.start("--max-pending", 16384, "--stall-limit", 600, "--end-limit", "0.5")
        stuck = [self.client(server, "a", "much", small=True) for _ in range(SUBSCRIBERS // 10)]
        readers = [self.client(server, "a") for _ in range(SUBSCRIBERS - len(stuck))]
        publisher, rounds = self.client(server), 100
        self.publish_beyond(publisher, b"much", self.client(server, "much"), 8000)
        lines = b"".join(b"a %02d %s\n" % (n, b"x" * 90) for n in range(32))
        publication = b"".join(b"PUB " + line for line in lines.splitlines(True))
        for _ in range(rounds):
            publisher.sendall(publication)
            self.read_all(readers, lines)
        # What the stuck ones keep is bounded, however much was published. Each has at most twice
        # --max-pending, 64 bytes an item and two blocks; the topics are small beside that.
        if not SANITIZED:
            self.assertLess(server.resident_bytes(), 32 * 2**20 + len(stuck) * 250 * 1024)
        ended = self.end(server)
        for client in readers:
            self.assertEqual(receive_all(client), b"")
        for client in stuck:
            self.assert_is_reset(client)
        # None of them held the others up, and none of them got everything.
        to_readers = len(readers) * rounds * len(lines) + 8000 * len(f"much {0:07} {'x' * 1000}\n")
        self.assertLess(ended["bytes_sent"] - to_readers, len(stuck) * 8000 * 1000)
        self.assertEqual((ended["failed_connections"], ended["connections_cut_at_end"]),
                         (0, len(stuck)))

    def read_all(self, clients, expected):
        """Every client gets the bytes, whichever is first."""
        received = {client: bytearray() for client in clients}
        give_up = time.monotonic() + PATIENCE_SECONDS
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client, selectors.EVENT_READ)
            while selector.get_map():
                self.assertLess(time.monotonic(), give_up, "lines do not come")
                for key, _ in selector.select(1):
                    bytes_of = received[key.fileobj]
                    bytes_of += key.fileobj.recv(len(expected) - len(bytes_of))
                    if len(bytes_of) == len(expected):
                        selector.unregister(key.fileobj)
        for client in clients:
            self.assertEqual(received[client], expected)


class Abuse(BroadcastTest):
    def assert_ends(self, client, answer):
        self.assertEqual(receive_all(client), answer)

    def test_what_is_no_line_gets_an_error_behind_the_lines(self):
        server = self.start("--max-line", 200)
        watcher = self.client(server, "a")
        usage = b"ERR not PING, SUB topic, UNSUB topic or PUB topic text\n"
        wrong = ((b"GET / HTTP/1.1\r\n", usage), (b"\n", usage), (b"\x16\x03\x01\x00\n", usage),
                 (b"ping\n", usage), (b"SUB a b\n", b"ERR that cannot be a topic\n"),
                 (b"SUB ERR\n", b"ERR that cannot be a topic\n"),
                 (b"PUB \xff text\n", b"ERR that cannot be a topic\n"),
                 (b"PUB a " + b"x" * 195 + b"\n", b"ERR a line has more than 200 bytes\n"),
                 (b"x" * 1000, b"ERR a line has more than 200 bytes\n"))
        for line, answer in wrong:
            client = self.client(server, "b")
            client.sendall(b"PUB b 1\nPUB a 1\nPING\n" + line + b"PUB a 2\n")
            received = receive_all(client)
            # What it subscribed to before may be left out now, but what was sent is whole.
            self.assertTrue(received.endswith(b"PONG\n" + answer) or
                            received.endswith(b"b 1\n" + answer), received)
            self.assert_line(watcher, b"a 1\n")
        self.do(watcher)
        self.assert_says(server, "a line has more than 200 bytes")
        ended = self.end(server)
        self.assertEqual((ended["failed_connections"], ended["refused_connections"]),
                         (len(wrong), len(wrong)))

    def test_the_longest_line(self):
        server = self.start("--max-line", 200)
        client = self.client(server, "a")
        self.client(server).sendall(b"PUB a " + b"x" * 194 + b"\n")
        self.assert_line(client, b"a " + b"x" * 194 + b"\n")

    def test_too_many_topics(self):
        server = self.start("--max-topics", 3, "--max-subscriptions", 2)
        first = self.client(server, "a", "b")
        first.sendall(b"SUB c\n")
        self.assert_ends(first, b"ERR a connection may have 2 topics\n")
        wait_until(lambda: "may have 2 topics" in server.errors_so_far(), "its topics are free")
        second, third = self.client(server, "c", "d"), self.client(server, "e")
        third.sendall(b"SUB f\n")
        self.assert_ends(third, b"ERR there are 3 topics already\n")
        self.do(self.client(server, "c", "d"), "UNSUB c", "UNSUB d")
        self.do(second)

    def test_the_peer_ends_its_half(self):
        server = self.start()
        client, publisher = self.client(server, "a"), self.client(server)
        publisher.sendall(b"PUB a 1\nPING\n")
        publisher.shutdown(socket.SHUT_WR)
        self.assert_ends(publisher, b"PONG\n")
        self.assert_line(client, b"a 1\n")
        client.sendall(b"PUB a 2\nPUB a 3\nPUB a hal")
        client.shutdown(socket.SHUT_WR)
        self.assertIn(receive_all(client), (b"a 2\na 3\nERR the last line has no end\n",
                                            b"a 2\nERR the last line has no end\n",
                                            b"ERR the last line has no end\n"))
        last = self.client(server, "a")
        last.sendall(b"PUB a 4\nPUB a 5\n")
        last.shutdown(socket.SHUT_WR)
        self.assert_ends(last, b"a 4\na 5\n")
        self.assertEqual(self.end(server)["failed_connections"], 1)

    def test_resets_cost_their_own_connection(self):
        server = self.start()
        reader, publisher = self.client(server, "a"), self.client(server)
        self.do(publisher)
        before = server.descriptors()
        for number in range(20):
            client = self.client(server, "a", "b")
            client.sendall(b"PUB a half a li" if number % 2 else b"")
            self.do(publisher, f"PUB a {number}")
            reset(client)
            self.assert_line(reader, b"a %d\n" % number)
        wait_until(lambda: server.descriptors() == before, "their descriptors are free")
        self.do(publisher, "PUB b nobody")
        ended = self.end(server)
        self.assertEqual((ended["failed_connections"], ended["lines_without_subscribers"]), (20, 1))

    def test_pings_whose_answers_nobody_reads(self):
        server = self.start("--stall-limit", "0.3", "--max-pending", 8320)
        client, other = self.client(server, small=True), self.client(server, "a")
        client.settimeout(10)
        with self.assertRaises(ConnectionError):  # it is reset, and has not been read on before
            while True:
                client.sendall(b"PING\n" * 10_000)
        self.do(other)
        self.assert_says(server, "it takes none of its lines")
        self.assertEqual(self.end(server)["stalled_connections_ended"], 1)

    def test_out_of_descriptors_connections_wait(self):
        server = self.start(descriptors=24)
        clients = []
        while "accepts no connection for now" not in server.errors_so_far():
            clients.append(self.client(server))
            time.sleep(0.01)
            self.assertLess(len(clients), 24)
        self.do(clients[0], "SUB a", "PUB other 1")
        clients[-1].sendall(b"PUB a late\n")
        for client in clients[1:4]:
            client.close()
        self.assert_line(clients[0], b"a late\n")
        self.assertGreater(self.end(server)["accept_pauses"], 0)


class SlowConsumers(BroadcastTest):
    LIMITS = ("--max-pending", 16384, "--stall-limit", 600)

    def test_the_oldest_lines_are_left_out_and_counted(self):
        server = self.start(*self.LIMITS)
        slow, reader = self.client(server, "a", small=True), self.client(server, "a")
        publisher, count = self.client(server), 8000
        self.publish_beyond(publisher, b"a", reader, count)
        lines = []
        with slow.makefile("rb") as file:
            while not lines or not lines[-1].startswith(b"a %07d" % (count - 1)):
                lines.append(file.readline())
        expected, missed = 0, 0
        for line in lines:
            if line.startswith(b"missed "):
                self.assertEqual(line.split()[2:], [b"a"])
                missed += int(line.split()[1])
                expected += int(line.split()[1])
            else:
                self.assertEqual(line, b"a %07d %s\n" % (expected, b"x" * 1000))
                expected += 1
        self.assertEqual(expected, count)
        self.assertGreater(missed, 0)
        self.do(publisher, "PUB a again")
        self.assert_line(slow, b"a again\n")
        self.assertEqual(self.end(server)["lines_missed"], missed)

    def test_or_it_is_ended(self):
        server = self.start("--lag", "end", *self.LIMITS)
        slow, reader = self.client(server, "a", small=True), self.client(server, "a")
        publisher = self.client(server)
        self.publish_beyond(publisher, b"a", reader, 8000)
        self.assert_is_reset(slow)
        self.do(publisher, "PUB a again")
        self.assert_line(reader, b"a again\n")
        self.assert_says(server, "it is too slow for its topics")
        ended = self.end(server)
        self.assertEqual((ended["slow_consumers_ended"], ended["failed_connections"]), (1, 1))

    def test_who_takes_nothing_for_too_long_is_reset(self):
        server = self.start("--max-pending", 16384, "--stall-limit", "0.3")
        slow, reader = self.client(server, "a", small=True), self.client(server, "a")
        self.publish_beyond(self.client(server), b"a", reader, 8000)
        self.assert_says(server, "it takes none of its lines")
        self.assert_is_reset(slow)
        self.assertEqual(self.end(server)["stalled_connections_ended"], 1)


class Ending(BroadcastTest):
    def test_subscribers_get_what_was_published_then_the_end(self):
        server = self.start("--max-pending", 16384, "--topic-bytes", 1 << 23,
                            "--end-limit", 600)
        clients = [self.client(server, "a", "b", small=True) for _ in range(2)]
        publisher = self.client(server)
        text, count = "x" * 1000, 8000  # more than systems take for who does not read
        self.do(publisher, *(f"PUB {'ab'[n % 2]} {n} {text}" for n in range(count)))
        server.signal()
        self.assert_says(server, "told to end")
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            received = receive_all(client).decode().splitlines()
            for topic, rest in (("a", 0), ("b", 1)):
                self.assertEqual([line for line in received if line.startswith(topic)],
                                 [f"{topic} {n} {text}" for n in range(rest, count, 2)])
            self.assertEqual(len(received), count)
            client.close()
        publisher.close()
        ended = server.wait()
        self.assertEqual((ended.status, ended["lines_missed"], ended["failed_connections"]),
                         (0, 0, 0), ended.errors)

    def test_who_never_reads_is_reset_behind_a_limit(self):
        server = self.start("--max-pending", 16384, "--end-limit", "0.3", "--stall-limit", 600)
        stuck, reader = self.client(server, "a", small=True), self.client(server, "a")
        self.publish_beyond(self.client(server), b"a", reader, 8000)
        begin = time.monotonic()
        server.signal()
        self.assertEqual(receive_all(reader), b"")
        reader.close()
        self.assertEqual(server.wait()["connections_cut_at_end"], 1)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assert_is_reset(stuck)

    def test_connections_may_go_on_for_a_while(self):
        server = self.start("--drain", 600)
        client = self.client(server, "a")
        server.signal()
        self.assert_says(server, "told to end: 1 connections are open")
        self.do(client, "PUB b 1")
        client.close()
        ended = server.wait()
        self.assertEqual((ended.status, ended["cancelled_connections"]), (0, 0))
