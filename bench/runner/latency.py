"""How long a frame takes from a client through the service to a sink."""

import pathlib
import socket
import statistics
import tempfile
import time

from . import figures, harness, labels, measure, results
from .children import Children
from .problems import Failure
from .session import Session

FRAME = b"GET /".ljust(63, b"x") + b"\n"
STALL_SECONDS = 10  # without a byte
COLUMNS = ["run", "contender", "frames", "every_micros", "p50_micros", "p99_micros",
           "max_micros"]


def latency(arguments):
    labels.refuse_overrides(arguments.flags, {"--completion": "it is fire_and_forget here",
                                              "--transport": "frames go over TCP here"})
    labels.refuse_forms(arguments.implementation, arguments.flags)
    out = arguments.out or measure.default_folder("latency")
    results.refuse_old(out)
    executable = harness.program()
    plan = measure.Plan("", arguments.implementation, harness.Shape(
        "fragmented", split=True, flags=tuple(arguments.flags)), arguments.runs)
    measure.check(executable, [plan])
    micros = {each.label: [] for each in arguments.implementation}
    rows = []
    with Session(out) as session:
        for number, contender in plan.turns():
            session.begin(f"round {number} of {contender.label}")
            times = sorted(_through_service(executable, contender, arguments))
            p50, p99 = (times[len(times) * part // 100] / 1000 for part in (50, 99))
            micros[contender.label].append(p50)
            rows.append([number, contender.label, arguments.frames, arguments.every_micros,
                         f"{p50:.3f}", f"{p99:.3f}" if figures.enough(len(times), 10) else "",
                         f"{times[-1] / 1000:.3f}"])
            results.write_table(session.root / "latency.csv", COLUMNS, rows)
            session.finished()
    _tell(micros)
    print(f"results: {session.root}")


def _tell(micros):
    base = list(micros)[-1]
    for name, medians in micros.items():
        added = [one - other for one, other in zip(medians, micros[base], strict=True)]
        print(f"{name}: median {statistics.median(medians):.2f} us "
              f"({min(medians):.2f} to {max(medians):.2f}), over {base} "
              f"{statistics.median(added):+.2f} us ({min(added):+.2f} to {max(added):+.2f})")


def _through_service(executable, contender, arguments):
    with Children() as children, tempfile.TemporaryDirectory() as scratch, \
            socket.create_server(("127.0.0.1", harness.free_port())) as sinks:
        address = "{}:{}".format(*sinks.getsockname())
        service, accepts_at = harness.start_service(
            children, pathlib.Path(scratch), executable,
            ["--implementation", contender.implementation, "--sink-addr", address, "--completion",
             "fire_and_forget", *arguments.flags, *contender.flags])
        host, port = accepts_at.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as client:
            sinks.settimeout(STALL_SECONDS)
            sink, _ = sinks.accept()
            with sink:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setblocking(False)
                sink.setblocking(False)
                times = _times(client, sink, arguments.frames, arguments.every_micros * 1000)
        if children.wait(service.child, harness.END_SECONDS) is not None:
            labels.check_printed(figures.values_of(service.output.read_text()),
                                 {"implementation": contender.implementation}, "service")
        return times


def _times(client, sink, frames, every):
    """Nanoseconds for each frame. One is sent when the one before has arrived, or `every` so many
    nanoseconds; then its time begins when it was due, however late this program was."""
    sent_at, times, received, left = [], [], 0, b""
    due = heard_at = time.perf_counter_ns()
    while len(times) < frames:
        now = time.perf_counter_ns()
        is_time = now >= due if every else len(sent_at) == len(times)
        if len(sent_at) < frames and is_time:
            left += FRAME
            sent_at.append(due if every else now)
            due += every
        try:
            # A full socket takes the rest later; that wait is part of the frames' times.
            left = left[client.send(left):] if left else left
        except BlockingIOError:
            pass
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
