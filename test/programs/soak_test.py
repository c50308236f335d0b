"""Programs under mixed load for a time: their memory stays flat, and of a connection nothing is left
once it has ended. BYTES_HANDOFF_SOAK_SECONDS says for how long, each; without it, a second."""

import contextlib
import os
import random
import socket
import time

import connect_proxy_test
import line_broadcast_test
import sni_router
from program import SANITIZED, receive, receive_all, reset, wait_until
from tls_peers import pattern

SECONDS = float(os.environ.get("BYTES_HANDOFF_SOAK_SECONDS", "1"))
SEED = int(os.environ.get("BYTES_HANDOFF_TEST_SEED", random.randrange(1 << 32)))
STEPS = 40  # between two looks
MOST_HELD = 16  # connections that nobody reads
GROWTH = 2 << 20  # bytes that the second half of the looks may be above the first
POOLED = 2 * 32  # descriptors of pipes that wait for the next relay
DATA = pattern(1 << 18)
GARBAGE = b"\x00 garbage \xff\r\n\r\n"


class Soak:
    """Makes steps, lets all connections end, and looks at the process: again and again."""

    steps = ()  # names of functions

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.held = []

    def soak(self, process):
        looks, most_descriptors = [], process.descriptors() + POOLED
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or len(looks) < 8:
            for _ in range(STEPS):
                getattr(self, self.random.choice(self.steps))(process)
            self.let_go(0)
            wait_until(lambda: process.descriptors() <= most_descriptors,
                       "the end of what has no peer any more")
            looks.append(process.resident_bytes())
        first, second = looks[: len(looks) // 2], looks[len(looks) // 2 :]
        print(f"\n{self.program}: {len(looks) * STEPS} steps; most KiB between them, first half "
              f"{max(first) // 1024}, second half {max(second) // 1024}; "
              f"BYTES_HANDOFF_TEST_SEED={SEED}", flush=True)
        if not SANITIZED:  # those keep what has been freed
            self.assertLess(max(second), max(first) + GROWTH)
        self.end(process)

    def hold(self, *connections):
        self.held += connections
        self.let_go(MOST_HELD)

    def let_go(self, left):
        while len(self.held) > left:
            reset(self.held.pop(0))

    def leaves_at_once(self, process):
        reset(self.connect(process))

    def sends_garbage(self, process):
        with self.connect(process) as client:
            client.sendall(GARBAGE)
            receive_all(client)


class ProxySoak(Soak):
    """`pair(process)` gives both sides of a tunnel."""

    steps = ("leaves_at_once", "sends_garbage", "passes", "resets_one_side", "is_not_read")

    def sides(self, process):
        sides = list(self.pair(process))
        self.random.shuffle(sides)
        return sides

    def passes(self, process):
        first, second = self.sides(process)
        for sender, receiver in ((first, second), (second, first)):
            data = DATA[: self.random.choice((1, 100, 5000, len(DATA)))]
            sending = self.thread(self.send_and_end, sender, data)
            self.assertEqual(receive_all(receiver), data)
            sending.end()
        first.close()
        second.close()

    @staticmethod
    def send_and_end(sender, data):
        sender.sendall(data)
        sender.shutdown(socket.SHUT_WR)

    def resets_one_side(self, process):
        first, second = self.sides(process)
        first.sendall(DATA[:1000])
        reset(first)
        with contextlib.suppress(ConnectionError):
            receive_all(second)
        second.close()

    def is_not_read(self, process):
        first, second = self.sides(process)
        first.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(32):
                first.send(DATA)
        self.hold(first, second)


class ConnectProxy(ProxySoak, connect_proxy_test.ConnectProxyTest):
    def pair(self, process):
        return self.connect_through(process, self.upstream, self.place)

    def test_memory_stays_flat(self):
        self.upstream, self.place = self.server()
        self.soak(self.proxy())


class SniRouter(ProxySoak, sni_router.SniRouterTest):
    def pair(self, process):
        return self.begin(process, self.upstream)

    def test_memory_stays_flat(self):
        process, self.upstream = self.raw_router()
        self.soak(process)


class LineBroadcast(Soak, line_broadcast_test.BroadcastTest):
    steps = ("leaves_at_once", "sends_garbage", "gets_lines", "is_not_read")

    def gets_lines(self, process):
        lines = b"".join(b"a %d %s\n" % (number, b"x" * self.random.randrange(500))
                         for number in range(self.random.randrange(1, 100)))
        with self.client(process, "a", "b") as reader, self.client(process) as publisher:
            publisher.sendall(b"".join(b"PUB " + line for line in lines.splitlines(True)))
            self.assert_line(reader, lines)

    def is_not_read(self, process):
        self.hold(self.client(process, "a", "c", small=True))
        with self.client(process, "c") as reader, self.client(process) as publisher:
            self.publish_beyond(publisher, b"c", reader, 200)

    def test_memory_stays_flat(self):
        self.soak(self.start("--max-pending", 16384))
