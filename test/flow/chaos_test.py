"""Random rounds in which peers die, reset, stop or end early, and system calls fail."""

import random
import signal
import sys
import unittest

import lossy_link
from chaos import SEED, ChaosTest, Injection, Transfer, rounds_or, stop
from harness import IMPLEMENTATIONS, SANITIZED

MIB = 1024 * 1024


class Chaos(ChaosTest):
    """Every round has bystanders, who must not notice."""

    ACTIONS = ("kill_client", "kill_sink", "reset_client", "reset_sink", "late_sink",
               "half_closed_sink", "stop_client", "stop_sink", "stop_service",
               "fail_system_calls")
    GROWTH_LIMIT = 16 * MIB

    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.next_number = 0
        self.counts = dict.fromkeys(self.ACTIONS, 0)
        self.injected = 0
        self.injection = ""

    def transfer(self, **what):
        self.next_number += 1
        return Transfer(self.next_number, self.rng, **what)

    def test_rounds(self):
        rounds = rounds_or(30)
        can_inject = Injection.is_possible()
        services = {name: self.begin(name, "--completion", self.completion(name))
                    for name in IMPLEMENTATIONS}
        for number in range(rounds):
            name = self.rng.choice(("handoff",) * 4 + IMPLEMENTATIONS)
            action = self.ACTIONS[number % len(self.ACTIONS)]
            if action == "fail_system_calls" and not can_inject:
                continue
            try:
                self.run_round(services[name], action)
                self.check_memory(services[name], number, rounds)
            except Exception as error:
                raise AssertionError(f"BYTES_HANDOFF_TEST_SEED={SEED}: round {number}, {name}, "
                                     f"{action} {self.injection}") from error
            self.counts[action] += 1
        for service in services.values():
            self.finish(service)
        if not can_inject:
            skipped = rounds // len(self.ACTIONS)
            print(f"SKIPPED: {skipped} rounds, strace may not inject errors here", file=sys.stderr)
        print(f"seed {SEED}: {self.counts}, {self.injected} system calls failed", file=sys.stderr)
        if rounds >= len(self.ACTIONS):
            for action, count in self.counts.items():
                self.assertTrue(count or (action == "fail_system_calls" and not can_inject), action)

    def completion(self, implementation):
        """Without tickets the queue of asio_queue has no bound, and its memory none either."""
        either = self.rng.choice(("ticket", "fire_and_forget"))
        return "ticket" if implementation == "asio_queue" else either

    def check_memory(self, service, number, rounds):
        if SANITIZED:
            return
        resident = service.resident_bytes()
        if number < rounds // 3:
            service.warm_bytes = max(service.warm_bytes, resident)
        elif service.warm_bytes:
            self.assertLess(resident, service.warm_bytes + self.GROWTH_LIMIT)

    def run_round(self, service, action):
        self.injection = ""
        if action == "fail_system_calls":
            return self.fail_system_calls(service)
        if action == "stop_service":
            transfers = [self.transfer() for _ in range(5)]
            self.run_transfers(service, transfers, lambda: self.stop_and_continue(service))
            return self.check(transfers)
        side, what = {"kill_client": ("client", "killed"), "kill_sink": ("sink", "killed"),
                      "reset_client": ("client", "reset"), "reset_sink": ("sink", "reset"),
                      "late_sink": ("sink", "late"), "stop_client": ("client", "stopped"),
                      "stop_sink": ("sink", "stopped"),
                      "half_closed_sink": ("sink", "half_closed")}[action]
        transfers = [self.transfer(**{side: what}), self.transfer(**{side: what})]
        transfers += [self.transfer() for _ in range(3)]
        self.rng.shuffle(transfers)
        service.harmed += sum(each.harmed for each in transfers)
        self.run_transfers(service, transfers)
        return self.check(transfers)

    @staticmethod
    def stop_and_continue(service):
        stop(service.process)
        service.process.send_signal(signal.SIGCONT)

    def fail_system_calls(self, service):
        injection = Injection(self.folder, service.process.pid, self.rng)
        transfers = [self.transfer() for _ in range(5)]
        try:
            self.run_transfers(service, transfers)
        finally:
            injected = injection.end()
        self.injected += injected
        may_fail = 0 if injection.harmless else injected
        service.harmed += may_fail
        self.injection = injection.what
        self.check(transfers, may_fail)


class LossyLinkTest(ChaosTest):
    """Both sides of the service are reached over a link that loses a packet in twenty."""

    LOSS = 0.05

    def setUp(self):
        super().setUp()
        self.host = lossy_link.NEAR

    def sink_address(self, listener):
        return (lossy_link.FAR, listener.getsockname()[1])

    def test_everything_arrives(self):
        if not lossy_link.is_possible():
            print("SKIPPED: no network namespace with a tunnel device here", file=sys.stderr)
            self.skipTest("no network namespace")
        rng = random.Random(SEED)
        link = lossy_link.LossyLink(random.Random(SEED), self.LOSS)
        self.addCleanup(link.close)
        number = 100
        for implementation in IMPLEMENTATIONS:
            service = self.begin(implementation)
            service.address = (lossy_link.FAR, service.address[1])
            for _ in range(rounds_or(3) // 3):
                transfers = [Transfer(number + i, rng) for i in range(6)]
                number += len(transfers)
                with self.subTest(seed=SEED, implementation=implementation):
                    self.run_transfers(service, transfers)
                    self.check(transfers)
            self.finish(service)
        print(f"seed {SEED}: {link.passed} packets passed, {link.lost} were lost", file=sys.stderr)
        self.assertGreater(link.lost, 0)


if __name__ == "__main__":
    unittest.main()
