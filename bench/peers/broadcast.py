"""line_broadcast beside the publish and subscribe of Redis, and beside what it does without the
library.

One client for all. It publishes so many lines of 100 bytes at once, and goes on when every
subscriber has all of them. Its own speed does not count: the processor time is the server's, and
the kernel says when bytes have come.
"""

import contextlib
import selectors
import socket
import struct
import time

from runner import idle as settled
from runner.problems import Failure

from . import idle
from .ground import built, installed
from .part import Part, of_run

TEXT = b"x" * 100
SUBSCRIBERS = 1000
DELIVERIES = {1: 100_000, 16: 480_000, 64: 960_000}  # of a run, by the lines published at once
WAIT_SECONDS = 20

_SO_TIMESTAMPNS = 35  # of Linux; the socket module has no name for it
_TIMESPEC = struct.Struct("qq")


class Lines:
    """What line_broadcast is told, and tells."""

    subscribe, ready = b"SUB a\nPING\n", b"PONG\n"
    publication, delivery = b"PUB a " + TEXT + b"\n", b"a " + TEXT + b"\n"
    answer = b""

    @staticmethod
    def start(ground, port):
        ground.measure(port, built("line_broadcast"), "--listen", f"127.0.0.1:{port}")


class LinesByHand(Lines):
    @staticmethod
    def start(ground, port):
        ground.measure(port, built("broadcast_by_hand"), port)


class Resp:
    """The same for Redis."""

    subscribe = b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"
    ready = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    publication = b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$100\r\n" + TEXT + b"\r\n"
    delivery = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100\r\n" + TEXT + b"\r\n"
    answer = b":%d\r\n" % SUBSCRIBERS

    @staticmethod
    def start(ground, port):
        ground.measure(port, installed("redis-server"), ground.config("redis.conf", listen=port))


PROTOCOLS = {"line_broadcast": Lines, "broadcast_by_hand": LinesByHand, "redis": Resp}


def _connect(stack, port):
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    client.settimeout(WAIT_SECONDS)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _take_from_all(selector, clients, count):
    """Drops so many bytes of each. Returns when the last one of each has come: see `_take_stamped`."""
    missing, came = dict.fromkeys(clients, count), []
    for client in clients:
        selector.register(client, selectors.EVENT_READ)
    while missing:
        for key, _ in selector.select():
            client = key.fileobj
            taken, nanos = _take_stamped(client, missing[client])
            missing[client] -= taken
            if not missing[client]:
                del missing[client]
                selector.unregister(client)
                came.append(nanos)
    return came


def _take_stamped(client, most):
    """Drops what there is. Returns how much that was, and when the kernel got the last byte, in
    nanoseconds of `time.time_ns`."""
    piece, stamps, _, _ = client.recvmsg(min(most, 1 << 16), socket.CMSG_SPACE(_TIMESPEC.size))
    if not piece:
        raise Failure("what is measured has ended a connection")
    if not stamps:
        raise Failure("the kernel does not say when bytes have come")
    seconds, nanos = _TIMESPEC.unpack(stamps[0][2])
    return len(piece), seconds * 1_000_000_000 + nanos


def _percentiles(nanos):
    """Of the times from a publication until a subscriber has all of it."""
    nanos.sort()
    return {f"latency_{name}_micros": nanos[len(nanos) * part // 100] / 1000
            for name, part in (("p50", 50), ("p95", 95), ("p99", 99))}


def _deliver(burst):
    def run(ground, label):
        protocol, port = PROTOCOLS[label], ground.port()
        protocol.start(ground, port)
        settled.allow_descriptors(SUBSCRIBERS + 100)
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            clients = [_connect(stack, port) for _ in range(SUBSCRIBERS)]
            for client in clients:
                client.sendall(protocol.subscribe)
                idle.take(client, len(protocol.ready))
                client.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            publisher = _connect(stack, port)
            bursts = DELIVERIES[burst] // (SUBSCRIBERS * burst)
            took = []
            before, began = ground.cpu_seconds(), time.perf_counter()
            for _ in range(bursts):
                published = time.time_ns()
                publisher.sendall(protocol.publication * burst)
                came = _take_from_all(selector, clients, burst * len(protocol.delivery))
                took.extend(nanos - published for nanos in came)
                idle.take(publisher, burst * len(protocol.answer))
            return {"connections": SUBSCRIBERS, **of_run(
                ground, before, bursts * SUBSCRIBERS * burst, time.perf_counter() - began,
                **_percentiles(took))}

    return run


def _idle(ground, label):
    protocol, port = PROTOCOLS[label], ground.port()
    protocol.start(ground, port)
    return idle.bytes_of_connection(ground, port, protocol.subscribe, protocol.ready)


PARTS = (
    *(Part(f"line_broadcast-burst-{burst}", tuple(PROTOCOLS), _deliver(burst), "deliveries",
           f"lines of 100 bytes, {burst} published at once", needs=("redis-server",))
      for burst in DELIVERIES),
    Part("line_broadcast-idle", ("line_broadcast", "redis"), _idle, "connections",
         "idle subscribers of one topic", needs=("redis-server",)),
)
