#!/usr/bin/env python3
"""Compares the programs that speak the Redis protocol with what stands beside them.

    redis.py --programs DIR [--hiredis PROGRAM] [--rounds N]

resp_router takes turns with nutcracker, under redis-benchmark with 1, 16 and 64 requests in
flight, in front of three servers. pipeline_client takes turns with hiredis, which 8 threads pipeline by
hand. Ratios are of one round, the two runs of which follow each other; medians of the ratios are
printed. More throughput is better; less CPU time is.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")  # of a CPU second, in /proc


def free_port():
    """Below those that the kernel gives to sockets by itself."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(20000, 32768)))
                return probe.getsockname()[1]
            except OSError:
                pass


def find(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise SystemExit(f"redis.py: {name} is not installed")
    return found


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Processes:
    """What runs until the end of a `with`."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bytes_handoff_peers_")
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait()
        self.folder.cleanup()

    def start(self, port, *command):
        """A process, once it accepts on `port`."""
        process = subprocess.Popen([str(word) for word in command], cwd=self.folder.name,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)
        for _ in range(1000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.01)
        raise SystemExit(f"redis.py: {command[0]} does not accept")

    def redis(self):
        port = free_port()
        self.start(port, find("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no")
        return port


def compare(title, rounds, first, second):
    """Prints medians of both and of their ratios. Each gives figures by name."""
    ratios, figures = {}, {}
    for number in range(rounds):
        order = (first, second) if number % 2 == 0 else (second, first)
        results = {run: run() for run in order}
        for name, value in results[first].items():
            ratios.setdefault(name, []).append(value / results[second][name])
            figures.setdefault(name, []).append((value, results[second][name]))
    for name, each in ratios.items():
        ours, theirs = (statistics.median(column) for column in zip(*figures[name]))
        print(f"{title} {name}: {ours:.3g} against {theirs:.3g}, ratio "
              f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})", flush=True)


def benchmark(port, process, pipeline, requests):
    """redis-benchmark, SET then GET of keys all over."""
    before = cpu_seconds(process)
    lines = subprocess.run([find("redis-benchmark"), "-p", str(port), "-P", str(pipeline), "-n",
                            str(requests), "-r", "100000", "-t", "set,get", "-q", "--csv"],
                           capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    rates = [float(line.split(",")[1].strip('"')) for line in lines]
    used = cpu_seconds(process) - before
    return {"requests/s": len(rates) / sum(1 / rate for rate in rates),
            "us CPU/request": used * 1e6 / (requests * len(rates))}


def compare_routers(programs, rounds):
    with Processes() as processes:
        ports = sorted(processes.redis() for _ in range(3))
        router_port, nutcracker_port = free_port(), free_port()
        config = pathlib.Path(processes.folder.name, "nutcracker.yml")
        config.write_text(f"x:\n  listen: 127.0.0.1:{nutcracker_port}\n  hash: fnv1a_32\n"
                          "  distribution: modula\n  redis: true\n  servers:\n" +
                          "".join(f"   - 127.0.0.1:{port}:1\n" for port in ports))
        nutcracker = processes.start(nutcracker_port, find("nutcracker"), "-c", config, "-s",
                                     free_port(), "-o", "nutcracker.log")
        router = processes.start(router_port, programs / "resp_router", "--listen",
                                 f"127.0.0.1:{router_port}", "--servers",
                                 ",".join(f"127.0.0.1:{port}" for port in ports))
        time.sleep(0.5)  # until its servers are up
        for pipeline, requests in ((1, 30_000), (16, 200_000), (64, 400_000)):
            compare(f"resp_router and nutcracker, P={pipeline},", rounds,
                    lambda: benchmark(router_port, router, pipeline, requests),
                    lambda: benchmark(nutcracker_port, nutcracker, pipeline, requests))


def replies_per_second(*command):
    process = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                             check=True)
    return {"replies/s": float(re.search(r"replies_per_second=(\d+)", process.stdout)[1])}


def compare_clients(programs, hiredis, rounds):
    with Processes() as processes:
        port = processes.redis()
        for window in (16, 256):
            requests = 100_000 if window == 16 else 1_000_000
            compare(f"pipeline_client and hiredis, 8 threads, window {window},", rounds,
                    lambda: replies_per_second(
                        programs / "pipeline_client", "--server", f"127.0.0.1:{port}", "--threads",
                        8, "--window", window, "--requests", requests, "--request-limit", 60,
                        "--server-limit", 60),
                    lambda: replies_per_second(hiredis, port, 8, window, requests, 16))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True,
                        help="the folder of the built programs")
    parser.add_argument("--hiredis", type=pathlib.Path, help="the built hiredis_pipeline")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended then, too
    compare_routers(arguments.programs.resolve(), arguments.rounds)
    if arguments.hiredis is not None:
        compare_clients(arguments.programs.resolve(), arguments.hiredis.resolve(), arguments.rounds)


if __name__ == "__main__":
    main()
