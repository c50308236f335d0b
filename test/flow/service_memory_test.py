"""What connections cost whose sinks never read: many of them, by the slope over their number."""

import itertools
import os
import random
import resource
import selectors
import socket
import struct
import time
import unittest

from chaos import SEED
from harness import (IMPLEMENTATIONS, MARKER, PATIENCE_SECONDS, SANITIZED, FlowTest,
                     wait_until)

KIB = 1024
MIB = 1024 * 1024
# Of the test beside its connections.
OTHER_DESCRIPTORS = 200
LONG = "BYTES_HANDOFF_TEST_COUNT" in os.environ


class Stuck(FlowTest):
    CONNECTIONS = int(os.environ.get("BYTES_HANDOFF_TEST_COUNT", 200))
    BUDGET = 32 * KIB  # the service's default: twice its read reserve
    BLOCK = 64 * KIB
    ITSELF = 4 * KIB  # of an idle one
    A_CONNECTION = BUDGET + BLOCK + ITSELF
    CONSTANT = 32 * MIB
    A_SEND = 64 * KIB
    # Little fits into the sockets, so that it is soon stuck: what is measured is behind them.
    A_SOCKET = {"send_buffer": 64 * KIB}
    A_SINK = {"receive_buffer": 4 * KIB, "segment": 536}
    A_MOMENT_SECONDS = 0.02
    QUIET_SECONDS = 0.25
    FEW_STEPS = 10

    def connections(self):
        """As many as the descriptors are for: two here and two in the service for each."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(self.CONNECTIONS, (hard - OTHER_DESCRIPTORS) // 2)
        if count < self.CONNECTIONS:
            print(f"only {count} connections: {hard} descriptors may be open")
        return count

    def flood(self, service, pairs, start, piece, most=None, taken=0):
        """Until nobody is stuck any less: the service does nothing but look at its clock. Each
        client sends `most` bytes at most, and each sink takes `taken`."""
        with selectors.DefaultSelector() as ready:
            sent = {client: 0 for client, _ in pairs}
            received = {sink: 0 for _, sink in pairs}
            for client, sink in pairs:
                client.sendall(start)
                client.setblocking(False)
                ready.register(client, selectors.EVENT_WRITE)
                if taken:
                    ready.register(sink, selectors.EVENT_READ)
            give_up = time.monotonic() + PATIENCE_SECONDS
            steps = None  # of the service, where it was quiet for a moment
            while True:
                self.assertLess(time.monotonic(), give_up, "the clients are never stuck")
                patience = self.A_MOMENT_SECONDS if steps is None else self.QUIET_SECONDS
                for key, _ in (events := ready.select(patience)):
                    peer = key.fileobj
                    if peer in sent:
                        begin = sent[peer] % len(piece)
                        end = begin + self.A_SEND
                        if most is not None:
                            end = min(end, begin + most - sent[peer])
                        try:
                            sent[peer] += peer.send(piece[begin:end])
                        except BlockingIOError:  # readiness is no promise
                            continue
                        is_done = sent[peer] == most
                    else:
                        received[peer] += len(peer.recv(min(self.A_SEND, taken - received[peer])))
                        is_done = received[peer] == taken
                    if is_done:
                        ready.unregister(peer)
                before, steps = steps, None if events else service.steps()
                if None not in (before, steps) and steps - before < self.FEW_STEPS:
                    return

    def open_stuck(self, service, sinks, count, start, piece, **limits):
        pairs = []
        for _ in range(count):
            client = self.connect(service.address, **self.A_SOCKET)
            pairs.append((client, self.accept(sinks)))
        self.flood(service, pairs, start, piece, **limits)
        return pairs

    def close(self, service, pairs):
        """The service has ended as many more when this returns: by resets, which it must report."""
        ended = service.errors_so_far().count("connection ") + len(pairs)
        for pair in pairs:
            for each in pair:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
        wait_until(lambda: service.errors_so_far().count("connection ") == ended,
                   "the connections to end")


@unittest.skipIf(SANITIZED, "a sanitizer has memory of its own")
class StuckSinks(Stuck):
    FRAMES = (b"f" * 63 + b"\n") * 1024
    SMALL_FRAMES = b"frame7.\n" * 8 * 1024

    def check(self, bound, start, piece, *arguments, crowds=2):
        count = self.connections()
        sinks = self.listen(**self.A_SINK)
        service = self.service(sinks.getsockname(), "--idle-timeout-millis", 600_000, *arguments)
        base = service.resident_bytes()
        pairs = self.open_stuck(service, sinks, count // 4, start, piece)
        quarter = service.resident_bytes()
        pairs += self.open_stuck(service, sinks, count - count // 4, start, piece)
        full = service.resident_bytes()
        slope = (full - quarter) / (count - count // 4)
        print(f"{' '.join(arguments)}: {count} connections, {slope / KIB:.1f} KiB each, "
              f"{(full - base) / MIB:.1f} MiB in all")
        self.assertLessEqual(slope, bound)
        self.assertLessEqual(full - base, count * bound + self.CONSTANT)
        full = self.settled(service, pairs, piece)
        self.close(service, pairs)
        for _ in range(crowds):  # nor from one crowd to the next
            pairs = self.open_stuck(service, sinks, count // 4, start, piece)
            self.close(service, pairs)
        self.assertLessEqual(service.resident_bytes(), full + 4 * MIB)
        service.signal()
        self.assertEqual(service.wait().status, 1)

    def settled(self, service, pairs, piece):
        """Its memory, once one more flood adds next to nothing: on a busy machine it may have been
        taken for stuck before it was."""
        for _ in range(4):
            before = service.resident_bytes()
            self.flood(service, pairs, b"", piece)
            if (after := service.resident_bytes()) <= before + MIB:
                return after
        self.fail("it is stuck and grows")

    def test_frames_fire_and_forget(self):
        self.check(self.A_CONNECTION, b"", self.FRAMES, "--completion", "fire_and_forget")

    def test_small_frames_with_tickets(self):
        self.check(self.A_CONNECTION, b"", self.SMALL_FRAMES, "--completion", "ticket")

    def test_a_tunnel(self):
        for implementation in IMPLEMENTATIONS:
            if implementation == "asio_queue":  # its queue has no bound
                continue
            with self.subTest(implementation):
                # The vectors of the others are used in part: the next crowd's use other parts.
                self.check(self.A_CONNECTION, MARKER, bytes(64 * KIB),
                           "--completion", "fire_and_forget", "--implementation", implementation,
                           crowds=2 if implementation == "handoff" else 0)


@unittest.skipIf(SANITIZED, "a sanitizer has memory of its own")
class StuckFrames(Stuck):
    """Frames of one size, and where in a frame the stream is stuck: the sink takes nothing and the
    first frame is in front of it; half of a frame, or a whole one, and stops; or it would take all,
    and the client has not sent the newline."""

    SIZES = (63, 4 * KIB, 60_000, 64 * KIB, 200_000, MIB)
    PLACES = ("before", "inside", "behind", "unfinished")
    POOL = (8 + 2 * 2) * MIB  # what the library's pool keeps for all of them, of one size of block

    def check(self, size, place, budget, *arguments):
        count = self.connections()
        sinks = self.listen(**self.A_SINK)
        service = self.service(sinks.getsockname(), "--idle-timeout-millis", 600_000,
                               "--completion", "fire_and_forget", "--frame-len", size, *arguments)
        frame = b"f" * size + b"\n"
        piece = frame * max(1, self.A_SEND // len(frame))
        limits = {"before": {}, "inside": {"taken": len(frame) // 2},
                  "behind": {"taken": len(frame)}, "unfinished": {"most": size}}[place]
        pairs = self.open_stuck(service, sinks, count // 4, b"", piece, **limits)
        quarter = service.resident_bytes()
        pairs += self.open_stuck(service, sinks, count - count // 4, b"", piece, **limits)
        added = count - count // 4
        slope = (service.resident_bytes() - quarter) / added
        bound = self.of_queue(budget) + self.of_buffer(len(frame)) + self.ITSELF + self.POOL / added
        print(f"{size} bytes, {place}, a budget of {budget}: {count} connections, "
              f"{slope / KIB:.1f} KiB each of {bound / KIB:.1f}")
        self.assertLessEqual(slope, bound)
        self.close(service, pairs)
        service.signal()
        service.wait()

    def of_queue(self, budget):
        """With a budget of several blocks it may keep twice what is pending."""
        return budget if budget <= self.BLOCK else 2 * budget

    def of_buffer(self, frame):
        """One that has grown if a frame and the room of one more read do not fit a block: see
        docs/sizing.md."""
        reserve = self.BUDGET // 2
        grown = frame + max(frame // 2, reserve) if frame + reserve > self.BLOCK else 1
        return self.BLOCK + (1 << (grown - 1).bit_length())

    def test_sizes_and_places(self):
        points = list(itertools.product(self.SIZES, self.PLACES))
        if not LONG:  # the largest, and one more
            points = [(MIB, "unfinished"), random.Random(SEED).choice(points)]
        for size, place in points:
            with self.subTest(f"BYTES_HANDOFF_TEST_SEED={SEED}", size=size, place=place):
                self.check(size, place, self.BUDGET)

    def test_a_budget_of_many_blocks(self):
        """The proxy reads on while much is pending. Frames of about half a block are the worst: of
        each block the half that is not complete would be moved to the next."""
        for size in (34_000, 200_000) if LONG else (34_000,):
            with self.subTest(size=size):
                self.check(size, "before", MIB, "--read-block", self.BLOCK,
                           "--write-pending-bytes", MIB)


if __name__ == "__main__":
    unittest.main()
