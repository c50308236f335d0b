"""Single frames, timed through a service."""

import signal
import unittest

from .bench_process import BenchTest, table_of

# A service for one connection, which holds up what it forwards by so many seconds.
RELAY = """
import socket
with socket.create_server(("127.0.0.1", 0)) as clients:
    ready("127.0.0.1:%d" % clients.getsockname()[1])
    client, _ = clients.accept()
host, port = flag("--sink-addr").split(":")
sink = socket.create_connection((host, int(port)))
"""


class Latency(BenchTest):
    def test_contenders_take_turns_and_the_difference_is_told(self):
        harness = self.harness(RELAY + """
while data := client.recv(65536):
    time.sleep(0.005 if flag("--implementation") == "slow" else 0)
    sink.sendall(data)
lines()
""")
        status, output, errors = self.bench(
            "latency", "--implementation", "slow,fast", "--frames", 20, "--runs", 2, "--out",
            self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        rows = table_of((self.out / "latency.csv").read_text())
        self.assertEqual([(row["run"], row["contender"], row["frames"]) for row in rows],
                         [("1", "slow", "20"), ("1", "fast", "20"), ("2", "slow", "20"),
                          ("2", "fast", "20")])
        for slow in rows[::2]:
            self.assertGreaterEqual(float(slow["p50_micros"]), 5000)
            self.assertEqual(slow["p99_micros"], "", "of 20 frames")
            self.assertGreaterEqual(float(slow["max_micros"]), float(slow["p50_micros"]))
        self.assertIn("fast: median", output)
        self.assertIn("over fast +0.00 us (+0.00 to +0.00)", output)

    def test_frames_are_sent_at_their_time_whether_or_not_others_have_arrived(self):
        harness = self.harness(RELAY + """
data = b""
while len(data) < 10 * 64:
    data += client.recv(65536)
sink.sendall(data)
client.recv(1)
lines()
""")
        status, _, errors = self.bench(
            "latency", "--implementation", "a", "--frames", 10, "--every-micros", 2000, "--runs",
            1, "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        row, = table_of((self.out / "latency.csv").read_text())
        self.assertGreaterEqual(float(row["p50_micros"]), 4 * 2000 * 0.9, "four came after it")

    def test_frames_that_the_socket_does_not_take_are_late_and_whole(self):
        # Nothing is read until more is due than two sockets hold.
        harness = self.harness(RELAY + """
time.sleep(1)
count = 0
while count < 80000 * 64:
    count += len(data := client.recv(65536))
    sink.sendall(data)
lines()
""")
        status, _, errors = self.bench(
            "latency", "--implementation", "a", "--frames", 80000, "--every-micros", 1, "--runs",
            1, "--out", self.out, harness=harness)
        self.assertEqual((status, errors), (0, []))
        row, = table_of((self.out / "latency.csv").read_text())
        self.assertGreaterEqual(float(row["p50_micros"]), 500_000)
        self.assertNotEqual(row["p99_micros"], "")

    def test_a_service_that_closes_the_connection_is_one_line(self):
        harness = self.harness(RELAY + "client.recv(1)")
        self.assert_refused(1, "closed a connection", of=self.bench(
            "latency", "--implementation", "a", "--out", self.out, harness=harness))
        self.assert_gone("tcp-service")

    def test_finished_runs_are_kept_and_shown(self):
        harness = self.harness(RELAY + """
if flag("--implementation") == "b":
    note("second")
    hang()
while data := client.recv(65536):
    sink.sendall(data)
lines()
""")
        status, errors = self.interrupt_at(
            "second", signal.SIGINT, "latency", "--implementation", "a,b", "--frames", 20, "--out",
            self.out, harness=harness)
        self.assertEqual((status, len(errors)), (130, 1))
        self.assertIn("round 1 of b", errors[0])
        row, = table_of((self.out / "latency.csv").read_text())
        self.assertEqual(row["contender"], "a")
        self.assertEqual(self.bench("report", self.out)[0], 0)


if __name__ == "__main__":
    unittest.main()
