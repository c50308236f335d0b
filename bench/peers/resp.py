"""resp_router beside nutcracker, in front of three servers; pipeline_client beside hiredis, and beside
what it does without the library."""

import re
import socket
import time

from runner.problems import Failure

from . import idle
from .ground import START_SECONDS, built, installed
from .part import Part, of_run

SERVERS = 3
REQUESTS = {1: 20_000, 16: 150_000, 64: 250_000}  # of a run, by how many are in flight
REPLIES = {16: 400_000, 256: 1_200_000}  # by the window of each thread
THREADS = 8
VALUE_BYTES = 16


def start_redis(ground):
    port = ground.port()
    ground.serve(port, installed("redis-server"), ground.config("redis.conf", listen=port))
    return port


def start_resp_router(ground, listen, servers):
    ground.measure(listen, built("resp_router"), "--listen", f"127.0.0.1:{listen}", "--servers",
                   ",".join(f"127.0.0.1:{port}" for port in servers))


def start_nutcracker(ground, listen, servers):
    config = ground.config("nutcracker.yml", listen=listen, servers="".join(
        f"   - 127.0.0.1:{port}:1\n" for port in servers))
    ground.measure(listen, installed("nutcracker"), "-c", config, "-o", ground.folder / "log", "-s",
                   ground.port())


STARTS = {"resp_router": start_resp_router, "nutcracker": start_nutcracker}


def _start(ground, label):
    servers = sorted(start_redis(ground) for _ in range(SERVERS))
    listen = ground.port()
    STARTS[label](ground, listen, servers)
    _wait_for_servers(listen)
    return listen


def _wait_for_servers(listen):
    """Until each answers: these keys are all over them."""
    requests = b"".join(b"*2\r\n$3\r\nGET\r\n$5\r\nkey%02d\r\n" % i for i in range(100))
    none = b"$-1\r\n" * 100
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        with socket.create_connection(("127.0.0.1", listen)) as client:
            client.settimeout(START_SECONDS)
            client.sendall(requests)
            replies = b""
            while replies.count(b"\n") < 100 and (piece := client.recv(1 << 16)):
                replies += piece
        if replies == none:
            return
        time.sleep(0.02)
    raise Failure("what is measured does not reach its servers")


def _benchmark(in_flight):
    """SET, then GET, of keys all over the servers. A percentile is that of the slower of the two."""
    def run(ground, label):
        listen = _start(ground, label)
        before = ground.cpu_seconds()
        said = ground.run_client(
            installed("redis-benchmark"), "-p", listen, "-P", in_flight, "-n", REQUESTS[in_flight],
            "-r", 100_000, "-t", "set,get", "-q", "--csv")
        rows = [[float(cell.strip('"')) for cell in line.split(",")[1:]]
                for line in said.splitlines()[1:]]
        seconds = sum(REQUESTS[in_flight] / rate for rate, *_ in rows)
        return {**of_run(ground, before, REQUESTS[in_flight] * len(rows), seconds),
                **{f"latency_{name}_micros": max(row[column] for row in rows) * 1000
                   for name, column in (("p50", 3), ("p95", 4), ("p99", 5))}}

    return run


def _idle(ground, label):
    return idle.bytes_of_connection(ground, _start(ground, label), b"*1\r\n$4\r\nPING\r\n",
                                    b"+PONG\r\n")


def _replies(window):
    """Requests of ECHO, all different. Each contender has as many in flight."""
    def run(ground, label):
        port = start_redis(ground)
        if label == "pipeline_client":
            command = (built("pipeline_client"), "--server", f"127.0.0.1:{port}", "--threads",
                       THREADS, "--window", window, "--requests", REPLIES[window], "--value-bytes",
                       VALUE_BYTES, "--request-limit", 60, "--server-limit", 60)
        elif label == "pipeline_by_hand":
            command = (built(label), port, THREADS, window, REPLIES[window], VALUE_BYTES)
        else:
            threads = int(label.partition(":connections=")[2] or 1)
            command = (built("hiredis_pipeline"), port, threads, window * THREADS // threads,
                       REPLIES[window], VALUE_BYTES)
        said, cpu, memory = ground.measure_client(*command)
        rate = int(re.search(r"replies_per_second=(\d+)", said)[1])
        return {"total_streams": REPLIES[window], "total_seconds": REPLIES[window] / rate,
                "cpu_total_seconds": cpu, "max_rss_bytes": memory,
                **dict(re.findall(r"(latency_\w+)=(\S+)", said))}

    return run


_ROUTERS = tuple(STARTS)
_CLIENTS = ("pipeline_client", "pipeline_by_hand", f"hiredis:connections={THREADS}", "hiredis")
PARTS = (
    *(Part(f"resp_router-pipeline-{in_flight}", _ROUTERS, _benchmark(in_flight), "requests",
           f"redis-benchmark, SET and GET, 50 clients with {in_flight} in flight each", apart=False,
           needs=("redis-server", "redis-benchmark")) for in_flight in REQUESTS),
    Part("resp_router-idle", _ROUTERS, _idle, "connections", "idle clients, each behind a PING",
         apart=False, needs=("redis-server", "redis-benchmark")),
    *(Part(f"pipeline_client-window-{window}", _CLIENTS, _replies(window), "replies",
           f"ECHO, {THREADS * window:,} in flight; pipeline_client and pipeline_by_hand have "
           f"{THREADS} threads on one connection", apart=False, needs=("redis-server",)) for window in REPLIES),
)
