"""Runs the roles of the stream harness against peers written with Python's sockets."""

import fcntl
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ["BYTES_HANDOFF_HARNESS"]
SANITIZED = os.environ.get("BYTES_HANDOFF_SANITIZE", "") != ""
IMPLEMENTATIONS = ("handoff", "manual_vec", "raw_copy", "asio_queue", "splice")
UNPARSED = ("raw_copy", "splice")  # forward what comes, frames or not
MARKER = b"TUNNEL\n"
SIOCOUTQ = 0x5411  # of Linux

# The longest that a test waits for what must come; never reached by one that passes.
PATIENCE_SECONDS = 60


def wait_until(condition, what):
    """Looks until the condition holds; for what announces itself in no other way."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"it takes too long: {what}")
        time.sleep(0.005)


class Ended:
    """What a role that has ended printed, and how it ended."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors
        self.error_lines = errors.splitlines()

    def __getitem__(self, key):
        return dict(line.split("=", 1) for line in self.output.splitlines())[key]

    def number(self, key):
        return int(self[key])


class Role:
    """A running role. Its output goes to files, so that it cannot block."""

    def __init__(self, folder, arguments, descriptors=None):
        def limit():
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.out = tempfile.TemporaryFile(dir=folder)
        self.err = tempfile.TemporaryFile(dir=folder)
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, preexec_fn=limit)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def errors_so_far(self):
        return os.pread(self.err.fileno(), 1 << 20, 0).decode()

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def steps(self):
        """How often its threads have been switched to; None while one of them runs."""
        switches = 0
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            status = dict(line.split(":", 1) for line in
                          (thread / "status").read_text().splitlines())
            if not status["State"].lstrip().startswith("S"):
                return None
            switches += int(status["voluntary_ctxt_switches"])
            switches += int(status["nonvoluntary_ctxt_switches"])
        return switches

    def wait(self):
        status = self.process.wait(PATIENCE_SECONDS)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode())
        return Ended(status, *texts)

    def discard(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.err.close()


def reset(connection):
    """Closes so that the peer is reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def receive(connection, count):
    """Exactly `count` bytes, or what came before the end."""
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            break
        received += piece
    return bytes(received)


def receive_all(connection):
    received = bytearray()
    while piece := connection.recv(1 << 16):
        received += piece
    return bytes(received)


def send_until_blocked(connection, piece):
    """Fills all buffers on the way. The number of bytes that went in."""
    connection.settimeout(0.25)
    sent = 0
    try:
        while True:
            sent += connection.send(piece)
    except TimeoutError:
        connection.settimeout(PATIENCE_SECONDS)
        return sent


def unsent_bytes(connection):
    """What the peer's kernel has not acknowledged yet."""
    return struct.unpack("i", fcntl.ioctl(connection, SIOCOUTQ, bytes(4)))[0]


class FlowTest(unittest.TestCase):
    """Every socket, thread and process that a test opens ends with it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bytes_handoff_flow_")
        self.addCleanup(shutil.rmtree, self.folder)
        self.host = "127.0.0.1"

    def text(self, address):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{host}:{address[1]}"

    def family(self):
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def socket(self):
        made = socket.socket(self.family(), socket.SOCK_STREAM)
        made.settimeout(PATIENCE_SECONDS)
        self.addCleanup(made.close)
        return made

    def listen(self, receive_buffer=None, segment=None):
        listener = self.socket()
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment is not None:  # the peers' send buffers grow by whole ones
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        listener.bind((self.host, 0))
        listener.listen(128)
        return listener

    def closed_port(self):
        """A port where nobody listens, and that nobody else gets meanwhile."""
        holder = self.socket()
        holder.bind((self.host, 0))
        return holder.getsockname()

    def accept(self, listener):
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def connect(self, address, send_buffer=None):
        client = self.socket()
        if send_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        client.connect(address)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def thread(self, function, *arguments):
        """Runs a peer beside the test. What it raises is a failure of the test."""
        def run():
            try:
                function(*arguments)
            except Exception as error:  # pylint: disable=broad-except
                raised.append(error)

        def join():
            started.join(PATIENCE_SECONDS)
            self.assertFalse(started.is_alive(), "a peer does not end")
            self.assertEqual(raised, [])

        raised = []
        started = threading.Thread(target=run, daemon=True)
        started.start()
        started.end = join
        return started

    def role(self, *arguments, descriptors=None):
        role = Role(self.folder, arguments, descriptors)
        self.addCleanup(role.discard)
        return role

    def service(self, sink, *arguments, descriptors=None):
        """A service that accepts, and where."""
        ready = pathlib.Path(self.folder, f"ready-{len(os.listdir(self.folder))}")
        service = self.role("--role", "tcp-service", "--service-addr", self.text((self.host, 0)),
                            "--sink-addr", self.text(sink), "--ready-file", ready,
                            "--worker-threads", 2, "--idle-timeout-millis", 300, *arguments,
                            descriptors=descriptors)
        wait_until(lambda: ready.exists() or service.process.poll() is not None, "the ready file")
        host, port = ready.read_text().strip().rsplit(":", 1)
        self.assertEqual(host, self.text((self.host, 0)).rsplit(":", 1)[0])
        service.address = (self.host, int(port))
        service.ready = ready
        return service

    def driver(self, service, sink, *arguments):
        return self.role("--role", "tcp-driver", "--service-addr", self.text(service),
                         "--sink-addr", self.text(sink), "--worker-threads", 2, *arguments)

    def free_port(self):
        """An address that a role is told to listen at. Below the ports that the kernel gives to
        sockets by itself, so that nobody gets it before the role does."""
        while True:
            probe = self.socket()
            try:
                probe.bind((self.host, random.randrange(20000, 32768)))
                return probe.getsockname()[:2]
            except OSError:
                pass
            finally:
                probe.close()

    def assert_in_order(self, ended, streams):
        self.assertEqual(ended.errors, "")
        self.assertEqual(ended.status, 0)
        self.assertEqual(ended.number("total_streams"), streams)
        self.assertEqual(ended.number("failed_connections"), 0)

    def assert_failed(self, ended, failed, *texts):
        """That many connections failed, with a line each that has one of the texts."""
        self.assertEqual(ended.status, 1, ended.errors)
        self.assertEqual(ended.number("failed_connections"), failed, ended.errors)
        lines = [line for line in ended.error_lines if "connection " in line]
        self.assertEqual(len(lines), failed, ended.errors)
        for line in lines:
            self.assertTrue(any(text in line for text in texts), line)

    def assert_refused(self, ended, status, *parts):
        """One line on standard error, and nothing else."""
        self.assertEqual(ended.status, status, ended.errors)
        self.assertEqual(ended.output, "")
        self.assertEqual(len(ended.error_lines), 1, ended.errors)
        for part in parts:
            self.assertIn(part, ended.errors)
