"""The service and the driver together, as a benchmark runs them."""

import itertools
import unittest

from harness import IMPLEMENTATIONS, SANITIZED, FlowTest

# Sanitized roles take long, and what the other contenders do is seen in harness_tests there.
CONTENDERS = ("handoff", "splice") if SANITIZED else (*IMPLEMENTATIONS, "handoff_coroutine")


class Roles(FlowTest):
    def run_both(self, *arguments):
        sink = self.free_port()
        service = self.service(sink, *arguments)
        driver = self.driver(service.address, sink, *arguments).wait()
        return service.wait(), driver

    def test_every_implementation(self):
        for implementation, scenario, completion in itertools.product(
                CONTENDERS, ("fragmented", "coalesced"), ("ticket", "fire_and_forget")):
            with self.subTest(implementation=implementation, scenario=scenario,
                              completion=completion):
                service, driver = self.run_both(
                    "--implementation", implementation, "--scenario", scenario, "--completion",
                    completion, "--connections", 12, "--iterations", 3, "--tunnel-bytes", 50_000,
                    "--verify")
                for ended in (service, driver):
                    self.assert_in_order(ended, 36)
                    self.assertEqual(ended.number("total_bytes"), 36 * (64 * 64 + 7 + 50_000))
                    self.assertEqual(ended.number("bytes_per_connection"), 64 * 64 + 7 + 50_000)
                    self.assertEqual(ended["implementation"], implementation)
                    self.assertEqual(ended["scenario"], scenario)
                    self.assertEqual(ended["completion"], completion)
                    self.assertEqual(ended["cpu_usage_measured"], "true")
                    self.assertGreater(float(ended["total_seconds"]), 0)

    def test_sizes_around_the_limits(self):
        for arguments in (("--frame-len", 2_000_000, "--route-frames", 2),
                          ("--frame-len", 16, "--route-frames", 3000, "--tunnel-bytes", 1),
                          ("--read-reserve", 1, "--route-frames", 3, "--tunnel-bytes", 500),
                          ("--input-fragment", 1, "--route-frames", 3, "--tunnel-bytes", 500),
                          ("--input-fragment", 300_000, "--frame-len", 2100),
                          ("--input-fragment", 3_000_000, "--frame-len", 200_000,
                           "--tunnel-bytes", 5_000_000)):
            with self.subTest(arguments=arguments):
                for ended in self.run_both("--connections", 3, "--verify", *arguments):
                    self.assert_in_order(ended, 3)

    def test_ipv6(self):
        self.host = "::1"
        for ended in self.run_both("--connections", 4, "--verify"):
            self.assert_in_order(ended, 4)

    def test_more_connections_than_are_set_up_at_a_time(self):
        for ended in self.run_both("--connections", 400, "--iterations", 2, "--route-frames", 1,
                                   "--tunnel-bytes", 100, "--input-fragment", 1000):
            self.assert_in_order(ended, 800)

    def test_the_memory_is_their_own(self):
        """Not that of who starts them, of which they begin as a copy."""
        ballast = bytearray(b"x") * (300 << 20)
        for ended in self.run_both("--connections", 1):
            self.assertLess(ended.number("max_rss_bytes"), len(ballast))

    def test_each_tells_how_many_threads_ran(self):
        """The service does not know how many connections will come; the driver does."""
        sink = self.free_port()
        service = self.service(sink, "--worker-threads", 3)
        driver = self.driver(service.address, sink, "--worker-threads", 8, "--connections", 2)
        self.assertEqual(driver.wait()["worker_threads_running"], "2")
        self.assertEqual(service.wait()["worker_threads_running"], "3")

    def test_both_print_the_same_keys(self):
        service, driver = self.run_both("--connections", 1)
        self.assertEqual(*([line.split("=")[0] for line in ended.output.splitlines()]
                           for ended in (service, driver)))


class Arguments(FlowTest):
    def test_every_wrong_one_is_one_line(self):
        for role in ("tcp-service", "tcp-driver"):
            for flag, value in (("--service-addr", "localhost:1"), ("--service-addr", "127.0.0.1"),
                                ("--service-addr", "127.0.0.1:65536"), ("--service-addr", "::1:1"),
                                ("--service-addr", "[::1%lo]:1"),
                                ("--service-addr", "[fe80::1%no_such_interface]:1"),
                                ("--sink-addr", "127.0.0.1:0"), ("--sink-addr", "[127.0.0.1]:1"),
                                ("--sink-addr", ""), ("--ready-file", ""),
                                ("--idle-timeout-millis", "0"), ("--idle-timeout-millis", "-1"),
                                ("--idle-timeout-millis", "1.5"), ("--transport", "duplex"),
                                ("--transport", "cached"),
                                ("--worker-threads", "0"), ("--connections", "1e3")):
                ended = self.role("--role", role, flag, value).wait()
                self.assert_refused(ended, 2, flag, value)
        ended = self.role("--role", "tcp-driver", "--service-addr", "127.0.0.1:0").wait()
        self.assert_refused(ended, 2, "--service-addr", "127.0.0.1:0")


if __name__ == "__main__":
    unittest.main()
