"""How long a frame takes from a client through the service to a sink."""

import pathlib
import shlex
import socket
import statistics
import sys
import tempfile
import time

from . import environment, harness, measure, results
from .children import Children
from .problems import Failure

FRAME = b"GET /".ljust(63, b"x") + b"\n"
STALL_SECONDS = 10  # without a byte


def latency(arguments):
    executable = harness.program()
    root = results.new_folder(arguments.out or measure.default_folder("latency"))
    results.write_text(root / "environment.txt", environment.describe(shlex.join(sys.argv)))
    micros = {name: [] for name in arguments.implementation}
    rows = ["run,implementation,frames,every_micros,p50_micros,p99_micros"]
    for run in range(1, arguments.runs + 1):
        for name in arguments.implementation:
            times = sorted(_through_service(executable, name, arguments))
            p50, p99 = (times[len(times) * part // 100] / 1000 for part in (50, 99))
            micros[name].append(p50)
            rows.append(f"{run},{name},{arguments.frames},{arguments.every_micros},"
                        f"{p50:.2f},{p99:.2f}")
    results.write_text(root / "latency.csv", "\n".join(rows) + "\n")
    _tell(micros)
    print(f"results: {root}")


def _tell(micros):
    base = list(micros)[-1]
    for name, medians in micros.items():
        added = [one - other for one, other in zip(medians, micros[base], strict=True)]
        print(f"{name}: median {statistics.median(medians):.2f} us, over {base} "
              f"{statistics.median(added):+.2f} us ({min(added):+.2f} to {max(added):+.2f})")


def _through_service(executable, implementation, arguments):
    with Children() as children, tempfile.TemporaryDirectory() as scratch, \
            socket.create_server(("127.0.0.1", harness.free_port())) as sinks:
        address = "{}:{}".format(*sinks.getsockname())
        service, accepts_at = harness.start_service(
            children, pathlib.Path(scratch), executable,
            ["--implementation", implementation, "--sink-addr", address,
             "--completion", "fire_and_forget", *arguments.flags])
        host, port = accepts_at.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as client:
            sinks.settimeout(STALL_SECONDS)
            sink, _ = sinks.accept()
            with sink:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setblocking(False)
                sink.setblocking(False)
                times = _times(client, sink, arguments.frames, arguments.every_micros * 1000)
        children.wait(service.child, harness.END_SECONDS)
        return times


def _times(client, sink, frames, every):
    """Nanoseconds for each frame. One is sent when the one before has arrived, or `every` so many
    nanoseconds; then its time begins when it was due, however late this program was."""
    sent_at, times, received = [], [], 0
    due = heard_at = time.perf_counter_ns()
    while len(times) < frames:
        now = time.perf_counter_ns()
        is_time = now >= due if every else len(sent_at) == len(times)
        if len(sent_at) < frames and is_time:
            client.send(FRAME)
            sent_at.append(due if every else now)
            due += every
        try:
            came = len(sink.recv(1 << 16))
        except BlockingIOError:
            if now - heard_at > STALL_SECONDS * 1_000_000_000:
                raise Failure("the service stalls") from None
            continue
        if came == 0:
            raise Failure("the service has closed a connection")
        heard_at = time.perf_counter_ns()
        received += came
        while (len(times) + 1) * len(FRAME) <= received:
            times.append(heard_at - sent_at[len(times)])
    return times
