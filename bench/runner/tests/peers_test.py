"""`bench peers`, with scripts in the place of the programs and their peers."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import unittest
from unittest import mock

from peers import idle, suite
from peers.ground import Ground

from .. import children, results
from ..problems import Failure
from .bench_process import BenchTest, table_of

# A server that takes some milliseconds of its processor for each byte "x", and keeps so many
# bytes for each connection that says something else. Or it prints what it is.
SERVER = """
import os, socket, sys, time
name, words = sys.argv[0].rpartition("/")[2], sys.argv[1:]
if words[0] in ("-v", "-V"):
    sys.exit(f"{name} of a test, --with-stream")
with open("@FOLDER@/pids", "a") as pids:
    print(os.getpid(), file=pids)
work, kept = @COSTS@[name]
if "--listen" in words:
    text = words[words.index("--listen") + 1]
else:
    text = open(words[-1] if name == "redis-server" else words[
        words.index("-f" if name == "haproxy" else "-c") + 1]).read()
mark = {"nginx": "listen 127.0.0.1:", "redis-server": "port "}.get(name, "127.0.0.1:")
port = text.partition(mark)[2].split()[0]
server = socket.create_server(("127.0.0.1", int(port)), backlog=100)
all_of_it = []
while True:
    client = server.accept()[0]
    said = client.recv(1 << 16)
    if said == b"x":
        end = time.process_time() + work / 1000
        while time.process_time() < end:
            pass
    elif b"GET" in said:
        client.sendall(b"$-1\\r\\n" * said.count(b"GET"))
    elif said:
        all_of_it.append((client, bytearray(os.urandom(kept))))
        client.sendall(b"+PONG\\r\\n" if b"\\r\\n$4" in said else b"PONG\\n" if b"SUB" == said[:3]
                       else b"*3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:1\\r\\n")
        continue
    client.close()
"""
# Makes the server at a port work, and says that it was so much.
CLIENT = """
import os, socket, sys, time
name, words = sys.argv[0].rpartition("/")[2], sys.argv[1:]
with open("@FOLDER@/" + name, "a") as calls:
    print(*words, file=calls)
calls = sum(1 for _ in open("@FOLDER@/" + name))
@THEN@
def work(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"x")
        client.recv(1)
if name == "proxy_load":
    work(int(words[1]))
    print("connections=4\\ntotal_streams=2000\\ntotal_seconds=2.0\\ntotal_bytes=8000000")
    print("latency_p50_micros=5\\nlatency_p95_micros=6\\nlatency_p99_micros=7")
elif name == "redis-benchmark":
    work(int(words[1]))
    print('a header\\n"SET","1000.00","1","1","2.5","3","4","5"')
    print('"GET","4000.00","1","1","2","3","4.5","5"')
else:
    end = time.process_time() + (0.02 if name == "pipeline_client" else 0.04)
    while time.process_time() < end:
        pass
    rate = 3000 if name == "pipeline_client" else 1000 * int(words[1])
    print(f"latency_p50_micros={calls}.5\\nlatency_p99_micros=9\\nreplies_per_second={rate}")
"""
PROGRAMS = ("sni_router", "connect_proxy", "resp_router", "line_broadcast")
CLIENTS = ("proxy_load", "pipeline_client", "pipeline_by_hand", "hiredis_pipeline")


class PeersTest(BenchTest):
    def setUp(self):
        super().setUp()
        self.work = {"sni_router": 10, "haproxy": 30, "nginx": 20, "resp_router": 10,
                     "nutcracker": 40}
        self.kept = {"line_broadcast": 1 << 15, "redis-server": 1 << 16}
        self.programs = self.folder / "programs"
        self.peers = self.folder / "peers"

    def scripts(self, peers, then=""):
        """Puts all programs, and these peers, where they are looked for."""
        costs = {name: (self.work.get(name, 0), self.kept.get(name, 0))
                 for name in (*PROGRAMS, *peers)}
        for folder, names in ((self.programs, (*PROGRAMS, *CLIENTS)), (self.peers, peers)):
            folder.mkdir(exist_ok=True)
            for name in names:
                is_client = name in CLIENTS or name == "redis-benchmark"
                text = (CLIENT if is_client else SERVER).replace("@FOLDER@", str(self.folder))
                text = text.replace("@COSTS@", repr(costs)).replace("@THEN@", then)
                path = folder / name
                path.write_text(f"#!{sys.executable} -ISB\n{text}")
                path.chmod(0o755)

    def environment(self):
        return {"BYTES_HANDOFF_PROGRAMS": str(self.programs),
                "BYTES_HANDOFF_PEERS": str(self.peers),
                "BYTES_HANDOFF_NGINX": str(self.peers / "nginx")}

    def compare(self, only, rounds=1):
        return self.bench("peers", "--only", only, "--rounds", rounds, "--out", self.out,
                          **self.environment())

    def rows(self):
        return {(row["folder"], row["base"], row["what"].split(": ")[-1]): row
                for row in table_of((self.out / "targets.csv").read_text())
                if row["contender"] in row["folder"]}

    def assert_all_ended(self):
        for process in (self.folder / "pids").read_text().split():
            self.assertFalse(pathlib.Path(f"/proc/{process}").exists(), process)


class Peers(PeersTest):
    def test_processor_time_of_what_is_measured_is_compared_with_each_peer(self):
        self.scripts(("nginx",))
        status, output, errors = self.compare("sni_router-short", rounds=2)
        self.assertEqual((status, errors), (0, []))
        rows = self.rows()
        row = rows["sni_router-short", "nginx", "CPU per connection"]
        self.assertAlmostEqual(float(row["median"]), 0.5, delta=0.15)
        self.assertEqual((row["verdict"], row["runs"]), ("too few runs", "2"))
        self.assertIn("sni_router / nginx, short connections: CPU per connection: ", output)
        self.assertEqual(rows["sni_router-short", "nginx", "how many a second"]["median"], "1.0000")
        run, = (run for run in table_of((self.out / "sni_router-short/runs.csv").read_text())
                if (run["contender"], run["run"]) == ("nginx", "2"))
        self.assertEqual((run["latency_p99_micros"], run["streams_per_sec"]), ("7", "1000.0"))
        self.assertAlmostEqual(float(run["cpu_micros_per_stream"]), 10, delta=3)
        self.assertGreater(int(run["max_rss_bytes"]), 1_000_000)
        self.assertIn("nginx=nginx of a test", (self.out / "environment.txt").read_text())
        self.assertTrue((self.out / "report.html").exists())
        self.assert_all_ended()

    def test_a_peer_that_is_not_there_is_one_line_and_is_left_out(self):
        self.scripts(("haproxy",))
        status, output, errors = self.compare("sni_router-short,connect_proxy-short")
        self.assertEqual((status, errors), (0, []))
        self.assertIn("tinyproxy is not installed (Debian: tinyproxy-bin): connect_proxy is not "
                      "compared with it\n", output)
        for missing in ("nginx", "forward_by_hand is not built", "forward_by_calls is not built"):
            self.assertRegex(output, rf"(?m)^[^\n]*{missing}[^\n]*: sni_router is not compared with it$")
        self.assertEqual({row["contender"] for row in table_of(
            (self.out / "sni_router-short/runs.csv").read_text())}, {"sni_router", "haproxy"})
        self.assertAlmostEqual(float(self.rows()[
            "sni_router-short", "haproxy", "CPU per connection"]["median"]), 1 / 3, delta=0.15)
        self.assertFalse((self.out / "connect_proxy-short").exists())
        self.assertEqual(self.rows()["sni_router-short", "nginx", "CPU per connection"]["verdict"],
                         "not measured")

    def test_without_any_peer_nothing_is_run(self):
        self.scripts(())
        status, output, errors = self.compare("resp_router,line_broadcast")
        self.assertEqual((status, errors), (1, ["bench: no peer is there to compare with"]))
        self.assertIn("redis-server is not installed (Debian: redis-server): resp_router, "
                      "line_broadcast", output)
        self.assertFalse(self.out.exists())

    def test_memory_of_idle_connections(self):
        self.scripts(("redis-server",))
        with mock.patch.object(idle, "CONNECTIONS", 100):
            self.assertEqual(self.compare("line_broadcast-idle")[0], 0)
        runs = {row["contender"]: float(row["idle_bytes_per_connection"]) for row in table_of(
            (self.out / "line_broadcast-idle/runs.csv").read_text())}
        for name, kept in (("line_broadcast", 1 << 15), ("redis", 1 << 16)):
            self.assertAlmostEqual(runs[name] / kept, 1, delta=0.15)
        self.assert_all_ended()

    def test_redis_requests_are_those_that_the_benchmark_tells(self):
        self.scripts(("redis-server", "redis-benchmark", "nutcracker"))
        status, _, errors = self.compare("resp_router-pipeline-16")
        self.assertEqual((status, errors), (0, []))
        row = self.rows()["resp_router-pipeline-16", "nutcracker", "CPU per request"]
        self.assertAlmostEqual(float(row["median"]), 0.25, delta=0.15)
        run, _ = table_of((self.out / "resp_router-pipeline-16/runs.csv").read_text())
        # As many at 1,000 a second as at 4,000; the worse of two percentiles.
        self.assertAlmostEqual(float(run["streams_per_sec"]), 1600)
        self.assertEqual((run["latency_p50_micros"], run["latency_p99_micros"]),
                         ("2500.0", "4500.0"))
        self.assertIn(" -P 16 ", (self.folder / "redis-benchmark").read_text())

    def test_clients_have_equally_much_in_flight(self):
        self.scripts(("redis-server",))
        status, _, errors = self.compare("pipeline_client-window-16")
        self.assertEqual((status, errors), (0, []))
        called = {tuple(line.split()[1:3]) for line in
                  (self.folder / "hiredis_pipeline").read_text().splitlines()}
        self.assertEqual(called, {("1", "128"), ("8", "16")})
        self.assertIn("--threads 8 --window 16 ", (self.folder / "pipeline_client").read_text())
        by_hand = (self.folder / "pipeline_by_hand").read_text().split()
        self.assertEqual(by_hand[1:3], ["8", "16"])
        row = self.rows()["pipeline_client-window-16", "hiredis", "requests a second"]
        self.assertEqual(row["median"], "3.0000")
        runs = {row["contender"]: row for row in table_of(
            (self.out / "pipeline_client-window-16/runs.csv").read_text())}
        self.assertLess(float(runs["pipeline_client"]["cpu_total_seconds"]),
                        float(runs["hiredis"]["cpu_total_seconds"]))
        self.assertEqual({each: (run["latency_p50_micros"], run["latency_p99_micros"])
                          for each, run in runs.items()},
                         {"pipeline_client": ("1.5", "9"), "pipeline_by_hand": ("1.5", "9"),
                          "hiredis:connections=8": ("1.5", "9"), "hiredis": ("2.5", "9")})

    def test_wrong_arguments_are_one_line(self):
        for words, part in ((("--only", "nginx"), "'nginx' must be one of sni_router, "),
                            (("--rounds", "0"), "'0' must be a whole number, at least 1"),
                            (("--only", "sni_router,sni_router"), "names something twice"),
                            (("--service-cpus", min(os.sched_getaffinity(0))), "must both be"),
                            (("--", "--connections", "1"), "takes nothing behind `--`")):
            self.assert_refused(2, part, of=self.bench("peers", *words, **self.environment()))
        self.out.mkdir()
        self.assert_refused(1, "File exists", of=self.compare("sni_router"))


class Ends(PeersTest):
    def test_a_signal_keeps_the_finished_rounds_and_ends_all(self):
        self.scripts(("nginx",), then="""if calls == 3:
    open("@FOLDER@/third", "w").close()
    time.sleep(60)""".replace("@FOLDER@", str(self.folder)))
        status, errors = self.interrupt_at(
            "third", signal.SIGTERM, "peers", "--only", "sni_router-short", "--rounds", 2, "--out",
            self.out, **self.environment())
        self.assertEqual((status, errors), (130, [
            "bench: interrupted in round 2 of sni_router, sni_router-short; what was finished is in "
            f"{self.out}"]))
        runs = table_of((self.out / "sni_router-short/runs.csv").read_text())
        self.assertEqual([(row["run"], row["contender"]) for row in runs],
                         [("1", "sni_router"), ("1", "nginx")])
        row = self.rows()["sni_router-short", "nginx", "CPU per connection"]
        self.assertEqual(row["runs"], "1")
        self.assert_all_ended()

    def test_what_does_not_start_or_fails_is_one_line_with_its_last_word(self):
        self.scripts(("nginx",), then='sys.exit("boom")')
        self.assert_refused(1, "proxy_load failed: boom in round 1 of sni_router", of=self.compare(
            "sni_router-short"))
        self.out = self.folder / "again"
        (self.programs / "sni_router").write_text("#!/bin/sh\necho no such route >&2; exit 1")
        self.assert_refused(
            1, "sni_router has not started: no such route in round 1 of sni_router, "
            "sni_router-short; nothing was finished", of=self.compare("sni_router-short"))
        self.assertFalse(self.out.exists())
        self.assert_all_ended()

    def test_a_server_that_dies_is_told_rather_than_its_client(self):
        self.scripts(("nginx",), then='os.kill(int(open("@FOLDER@/pids").read().split()[-1]), 9)\n'
                     'time.sleep(0.1)'.replace("@FOLDER@", str(self.folder)))
        self.assert_refused(1, "sni_router has ended: status -9", of=self.compare(
            "sni_router-short"))


class Figures(unittest.TestCase):
    def test_threads_that_have_ended_count(self):
        child = subprocess.Popen([sys.executable, "-ISBc", """
import threading, time
def work():
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        pass
thread = threading.Thread(target=work)
thread.start()
thread.join()
print("done", flush=True)
time.sleep(60)"""], stdout=subprocess.PIPE)
        try:
            child.stdout.readline()
            self.assertGreater(children.cpu_seconds(child.pid), 0.1)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()

    def test_ports_differ(self):
        with Ground() as ground:
            self.assertEqual(len({ground.port() for _ in range(20)}), 20)

    def test_where_clients_may_run_is_given_back(self):
        before = os.sched_getaffinity(0)
        with Ground(client_cpus={min(before)}):
            self.assertEqual(os.sched_getaffinity(0), {min(before)})
        self.assertEqual(os.sched_getaffinity(0), before)

    def test_what_is_measured_runs_apart(self):
        one = min(os.sched_getaffinity(0))
        with Ground(program_cpus={one}) as ground:
            said, *_ = ground.measure_client(
                sys.executable, "-ISBc", "import os; print(os.sched_getaffinity(0))")
            self.assertEqual(said, f"{{{one}}}\n")
            ground.measure(port := ground.port(), sys.executable, "-ISBc", f"""
import os, socket, sys
server = socket.create_server(("127.0.0.1", {port}))
while True:
    server.accept()[0].sendall(repr(os.sched_getaffinity(0)).encode())""")
            with socket.create_connection(("127.0.0.1", port)) as client:
                self.assertEqual(client.recv(100).decode(), f"{{{one}}}")
            with self.assertRaisesRegex(Failure, "sh failed: no"):
                ground.measure_client("sh", "-c", "echo no >&2; exit 3")

    def test_every_row_is_of_what_is_run(self):
        parts = {part.name: part for part in suite.PARTS}
        self.assertEqual(len(parts), len(suite.PARTS))
        for row in suite.ROWS:
            self.assertIn(row.base, parts[row.folder].contenders[1:], row)
            self.assertIn(row.contender, (parts[row.folder].program, "forward_by_calls"), row)
            self.assertIn(row.contender, parts[row.folder].contenders, row)
            less_is_better = {**results.COMPARED, "streams_per_cpu_second": False}
            self.assertEqual(row.more_is_better, not less_is_better[row.metric], row)
        self.assertEqual({row.folder for row in suite.ROWS}, set(parts))


if __name__ == "__main__":
    unittest.main()
