"""What a connection costs the service while nothing happens on it: resident memory."""

import contextlib
import pathlib
import resource
import socket
import tempfile
import time

from . import figures, harness, labels, results
from .children import Children, resident_bytes
from .problems import Failure

PAIRS = 400
WAIT_SECONDS = 20
COLUMNS = ["run", "contender", "pairs", "bytes_per_pair"]


def measure(executable, session, name, contenders, runs):
    """`idle.csv` in a folder of the session."""
    folder = results.new_folder(session.root / name)
    rows = []
    for number in range(1, runs + 1):
        for contender in contenders:
            session.begin(f"round {number} of {contender.label}, {name}")
            cost = _bytes_per_pair(executable, contender)
            rows.append([number, contender.label, PAIRS, f"{cost:.1f}"])
            results.write_table(folder / "idle.csv", COLUMNS, rows)
            session.finished()


def _bytes_per_pair(executable, contender):
    allow_descriptors(2 * PAIRS + 100)
    with Children() as children, tempfile.TemporaryDirectory() as scratch, \
            contextlib.ExitStack() as sockets:
        sinks = sockets.enter_context(
            socket.create_server(("127.0.0.1", harness.free_port()), backlog=PAIRS))
        sinks.settimeout(WAIT_SECONDS)
        service, accepts_at = harness.start_service(children, pathlib.Path(scratch), executable, [
            "--implementation", contender.implementation, "--worker-threads", "1", "--sink-addr",
            "{}:{}".format(*sinks.getsockname()), *contender.flags])
        host, port = accepts_at.rsplit(":", 1)

        def connect():
            sockets.enter_context(socket.create_connection((host, int(port))))
            try:
                sockets.enter_context(sinks.accept()[0])
            except TimeoutError:
                raise Failure("the service does not connect to its sink") from None

        connect()  # what the first one alone costs is no part
        before = settled_bytes(service.child.pid)
        for _ in range(PAIRS):
            connect()
        gained = settled_bytes(service.child.pid) - before
        sockets.close()
        if children.wait(service.child, harness.IDLE_MILLIS / 1000 + WAIT_SECONDS) is None:
            raise Failure("the service does not end")
        labels.check_printed(figures.values_of(service.output.read_text()), {
            "implementation": contender.implementation, "total_streams": PAIRS + 1}, "service")
        return gained / PAIRS


def settled_bytes(process):
    """Resident memory, once it has not changed for a while."""
    last, since = None, time.monotonic()
    give_up = since + WAIT_SECONDS
    while time.monotonic() - since < 0.2:
        if time.monotonic() > give_up:
            raise Failure("the service's memory does not settle")
        now = resident_bytes(process)
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.01)
    return last


def allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
