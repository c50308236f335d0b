#!/usr/bin/env python3
"""Compares line_broadcast with the publish and subscribe of Redis.

    broadcast.py --programs DIR [--subscribers N] [--rounds N]

One client for both: it publishes so many lines of 100 bytes at once, and goes on when every
subscriber has all of them. Printed are deliveries per CPU second of the server, and the medians of
the ratios of rounds, whose two runs follow each other. The client's own speed does not count.
"""

import argparse
import pathlib
import selectors
import socket
import statistics

from redis import Processes, cpu_seconds, find, free_port

TEXT = b"x" * 100
DELIVERIES = 300_000  # of a run, at least


class Lines:
    """What line_broadcast is told, and tells."""

    subscribe, ready = b"SUB a\nPING\n", b"PONG\n"
    publication, delivery = b"PUB a " + TEXT + b"\n", b"a " + TEXT + b"\n"
    answer = b""


class Resp:
    """The same for Redis."""

    subscribe = b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"
    ready = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    publication = b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$100\r\n" + TEXT + b"\r\n"
    delivery = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100\r\n" + TEXT + b"\r\n"
    answer = b":%d\r\n"


def take(client, count):
    """Drops so many bytes."""
    while count:
        piece = client.recv(min(count, 1 << 16))
        if not piece:
            raise SystemExit("broadcast.py: the server has ended a connection")
        count -= len(piece)


def deliver(process, port, protocol, subscribers, burst):
    """Deliveries per CPU second."""
    def connect():
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    with selectors.DefaultSelector() as selector:
        clients = [connect() for _ in range(subscribers)]
        for client in clients:
            client.sendall(protocol.subscribe)
            take(client, len(protocol.ready))
        publisher = connect()
        answer = len(protocol.answer % subscribers if protocol.answer else b"")
        rounds = -(-DELIVERIES // (subscribers * burst))
        before = cpu_seconds(process)
        for _ in range(rounds):
            publisher.sendall(protocol.publication * burst)
            missing = dict.fromkeys(clients, burst * len(protocol.delivery))
            for client in clients:
                selector.register(client, selectors.EVENT_READ)
            while missing:
                for key, _ in selector.select():
                    client = key.fileobj
                    missing[client] -= len(client.recv(missing[client]))
                    if not missing[client]:
                        del missing[client]
                        selector.unregister(client)
            take(publisher, burst * answer)
        used = cpu_seconds(process) - before
        for client in (*clients, publisher):
            client.close()
    return rounds * subscribers * burst / used


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Processes() as processes:
        ours, theirs = free_port(), free_port()
        broadcast = processes.start(ours, options.programs / "line_broadcast", "--listen",
                                    f"127.0.0.1:{ours}")
        redis = processes.start(theirs, find("redis-server"), "--port", theirs, "--save", "",
                                "--dir", processes.folder.name)
        for burst in (1, 16, 64):
            ratios = []
            for _ in range(options.rounds):
                a = deliver(broadcast, ours, Lines, options.subscribers, burst)
                b = deliver(redis, theirs, Resp, options.subscribers, burst)
                ratios.append(a / b)
                print(f"{burst} at once: line_broadcast {a:.0f}, redis {b:.0f} a CPU second",
                      flush=True)
            print(f"{burst} at once: ratio {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


if __name__ == "__main__":
    main()
