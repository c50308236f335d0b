"""nginx as a peer of the service: its `stream` module forwards from a client to a sink."""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import figures, harness, labels
from .children import Children, cpu_seconds, family, peak_bytes
from .problems import Failure, WrongArgument

START_SECONDS = 10
CONFIGURATION = """{module}
daemon off;
master_process on;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 16384; }}
stream {{ server {{ listen {address} backlog=4096; proxy_pass {sink}; proxy_half_close {half_close}; }} }}
"""


def program():
    """Its executable, or None."""
    return os.environ.get("BYTES_HANDOFF_NGINX") or shutil.which("nginx") \
        or shutil.which("nginx", path="/usr/sbin")


def missing():
    """Why it cannot run here, as a line; None where it can."""
    if program() is None:
        return "nginx is not installed (Debian: nginx, libnginx-mod-stream)"
    try:
        built = _built(program())
    except Failure as problem:
        return str(problem)
    if "--with-stream" not in built:
        return "nginx is built without its stream module"
    if "--with-stream=dynamic" in built and not _module().exists():
        return f"nginx has no stream module at {_module()} (Debian: libnginx-mod-stream)"
    return None


@functools.cache
def _built(executable):
    try:
        return subprocess.run([executable, "-V"], capture_output=True, text=True).stderr
    except OSError as error:
        raise Failure(f"{executable}: {error.strerror}") from error


def module_line():
    """Of a configuration: what loads the stream module, where it is not built in."""
    return f"load_module {_module()};" if "--with-stream=dynamic" in _built(program()) else ""


def _module():
    return pathlib.Path(program()).resolve().parents[1] / "lib/nginx/modules/ngx_stream_module.so"


def check(shape):
    """Raises where nginx cannot run in this shape, or here."""
    if not shape.split:
        raise WrongArgument("nginx needs --split")
    if why := missing():
        raise Failure(why)


def run(executable, contender, shape):
    """One run of the driver with nginx in the place of the service."""
    with Children() as children, tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        port = harness.free_port()
        sink, address = (f"127.0.0.1:{one}" for one in (port, harness.free_port(port)))
        asked = labels.given((*shape.flags, *contender.flags))
        workers = asked.get("--worker-threads", len(os.sched_getaffinity(0)))
        server = _start(children, scratch, address, sink, workers, contender, shape)
        before = cpu_seconds(server.pid)
        # A driver looks at no implementation: it only prints the name.
        lines = harness.drive(children, scratch, executable, address, [
            "--implementation", "raw_copy", "--scenario", shape.scenario, *shape.flags,
            *contender.flags, "--sink-addr", sink], shape)
        spent = cpu_seconds(server.pid) - before
        memory = peak_bytes(server.pid)
    driver = figures.values_of(lines)
    labels.check_printed(driver, {**labels.asked_of(contender, shape),
                                  "implementation": "raw_copy"}, "driver")
    lines = re.sub(r"^implementation=.*$", f"implementation={contender.implementation}", lines,
                   flags=re.MULTILINE)
    service = {"role": "tcp-service", "transport": "tcp", "implementation": contender.implementation,
               "scenario": shape.scenario, "worker_threads": workers,
               **{key: driver[key] for key in ("total_streams", "total_bytes", "total_seconds")},
               "cpu_total_seconds": f"{spent:.9f}", "max_rss_bytes": memory,
               "failed_connections": driver["failed_connections"]}
    return harness.Outcome(lines, "".join(f"{key}={text}\n" for key, text in service.items()))


def _start(children, scratch, address, sink, workers, contender, shape):
    configuration = scratch / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(
        module=module_line(), workers=workers, folder=scratch,
        address=address, sink=sink,
        half_close="on" if contender.implementation == "nginx_half_close" else "off"))
    errors = scratch / "start.err"
    with errors.open("wb") as err:
        server = children.start([*shape.wrapper, program(), "-p", str(scratch), "-e",
                                 str(scratch / "error.log"), "-c", str(configuration)],
                                shape.service_cpus, stdout=subprocess.DEVNULL, stderr=err)
    give_up = time.monotonic() + START_SECONDS
    # The master writes the file before it starts its workers.
    while not (scratch / "pid").exists() or len(family(server.pid)) <= int(workers):
        if children.wait(server, 0.01) is not None:
            said = (errors.read_text().strip().splitlines() or ["it ended"])[-1]
            raise Failure(f"nginx has not started: {said}")
        if time.monotonic() > give_up:
            raise Failure(f"nginx does not start within {START_SECONDS} seconds")
    return server
