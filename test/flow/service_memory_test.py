"""What connections cost whose sinks never read: many of them, by the slope over their number."""

import os
import resource
import selectors
import time
import unittest

from harness import (IMPLEMENTATIONS, MARKER, PATIENCE_SECONDS, SANITIZED, FlowTest,
                     wait_until)

KIB = 1024
MIB = 1024 * 1024
# Of the test beside its connections.
OTHER_DESCRIPTORS = 200


@unittest.skipIf(SANITIZED, "a sanitizer has memory of its own")
class StuckSinks(FlowTest):
    CONNECTIONS = int(os.environ.get("BYTES_HANDOFF_TEST_COUNT", 200))
    FRAMES = (b"f" * 63 + b"\n") * 1024
    SMALL_FRAMES = b"frame7.\n" * 8 * 1024
    BUDGET = 32 * KIB  # the service's default: twice its read reserve
    BLOCK = 64 * KIB
    ITSELF = 4 * KIB  # of an idle one
    A_CONNECTION = BUDGET + BLOCK + ITSELF
    CONSTANT = 32 * MIB
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

    def flood(self, service, clients, start, piece):
        """Until nobody is stuck any less: the service does nothing but look at its clock."""
        with selectors.DefaultSelector() as ready:
            offsets = dict.fromkeys(clients, 0)
            for client in clients:
                client.sendall(start)
                client.setblocking(False)
                ready.register(client, selectors.EVENT_WRITE)
            give_up = time.monotonic() + PATIENCE_SECONDS
            steps = None
            while True:
                self.assertLess(time.monotonic(), give_up, "the clients are never stuck")
                for key, _ in (events := ready.select(self.QUIET_SECONDS)):
                    client = key.fileobj
                    try:
                        sent = client.send(piece[offsets[client]:])
                    except BlockingIOError:  # readiness is no promise
                        continue
                    offsets[client] = (offsets[client] + sent) % len(piece)
                before, steps = steps, service.steps()
                if not events and None not in (before, steps) and steps - before < self.FEW_STEPS:
                    return

    def open_stuck(self, service, sinks, count, start, piece):
        pairs = []
        for _ in range(count):
            client = self.connect(service.address)
            pairs.append((client, self.accept(sinks)))
        self.flood(service, [client for client, _ in pairs], start, piece)
        return pairs

    def close(self, service, pairs):
        """The service has ended as many more when this returns."""
        ended = service.errors_so_far().count("connection ") + len(pairs)
        for pair in pairs:
            for each in pair:
                each.close()
        wait_until(lambda: service.errors_so_far().count("connection ") == ended,
                   "the connections to end")

    def check(self, bound, start, piece, *arguments, crowds=2):
        count = self.connections()
        sinks = self.listen(receive_buffer=4 * KIB)
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
        self.flood(service, [client for client, _ in pairs], b"", piece)
        self.assertLessEqual(service.resident_bytes(), full + MIB, "it is stuck and grows")
        self.close(service, pairs)
        for _ in range(crowds):  # nor from one crowd to the next
            pairs = self.open_stuck(service, sinks, count // 4, start, piece)
            self.close(service, pairs)
        self.assertLessEqual(service.resident_bytes(), full + 4 * MIB)
        service.signal()
        self.assertEqual(service.wait().status, 1)

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


if __name__ == "__main__":
    unittest.main()
