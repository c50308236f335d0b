"""Runs a program of programs/ against clients and servers, and ends all of them by their ids."""

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

# The folder of the built programs.
BIN = pathlib.Path(os.environ["BYTES_HANDOFF_PROGRAMS"])
SANITIZED = os.environ.get("BYTES_HANDOFF_SANITIZE", "") != ""

# The longest that a test waits for what must come; never reached by one that passes.
PATIENCE_SECONDS = 60
TERM_SECONDS = 5  # that a peer has to end by itself before it is killed


def wait_until(condition, what):
    """Looks until the condition holds; for what announces itself in no other way."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"it takes too long: {what}")
        time.sleep(0.005)


def find_program(name):
    """An installed program, or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def needs(*names):
    """Skips a test, and says so, where one of these programs is not installed."""
    missing = [name for name in names if find_program(name) is None]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


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


class Ended:
    """What a program that has ended printed, and how it ended."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors

    def __getitem__(self, key):
        return int(dict(line.split("=", 1) for line in self.output.splitlines())[key])


class Process:
    """A running program. Its output goes to files, so that it cannot block."""

    def __init__(self, folder, command, descriptors=None, **popen):
        def limit():
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.out = tempfile.TemporaryFile(dir=folder)
        self.err = tempfile.TemporaryFile(dir=folder)
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err, preexec_fn=limit,
                                        **popen)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def is_running(self):
        return self.process.poll() is None

    def output_so_far(self):
        return os.pread(self.out.fileno(), 1 << 20, 0).decode()

    def errors_so_far(self):
        return os.pread(self.err.fileno(), 1 << 20, 0).decode()

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait(self):
        status = self.process.wait(PATIENCE_SECONDS)
        return Ended(status, self.output_so_far(), self.errors_so_far())

    def discard(self):
        """Ends it, whatever it does."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(TERM_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.out.close()
        self.err.close()


class ProgramTest(unittest.TestCase):
    """Every socket, thread and process that a test opens ends with it."""

    program = None  # its name

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bytes_handoff_programs_"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    # ---- Processes.

    def process(self, *command, **options):
        process = Process(self.folder, command, **options)
        self.addCleanup(process.discard)
        return process

    def start(self, *arguments, **options):
        """The program, once it accepts; `address` is where."""
        process = self.process(BIN / self.program, "--listen", "127.0.0.1:0", *arguments, **options)
        wait_until(lambda: "listening=" in process.output_so_far() or not process.is_running(),
                   "the line that it listens")
        if not process.is_running():
            raise AssertionError(process.errors_so_far())
        host, port = process.output_so_far().split("=", 1)[1].split()[0].rsplit(":", 1)
        process.address = (host, int(port))
        return process

    def end(self, process, number=signal.SIGTERM):
        """Ends it in order, and returns what it printed."""
        process.signal(number)
        ended = process.wait()
        self.assertEqual(ended.status, 0, ended.errors)
        return ended

    def run_program(self, *arguments):
        """One that ends by itself."""
        return self.process(BIN / self.program, *arguments).wait()

    def peer(self, port, *command, **options):
        """Another program, once it accepts on the port of this machine."""
        process = self.process(*command, **options)

        def accepts():
            with socket.socket() as probe:
                return not process.is_running() or probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(accepts, f"{command[0]} accepts")
        if not process.is_running():
            raise AssertionError(f"{command[0]}: {process.errors_so_far()}")
        return process

    def assert_refused(self, ended, *parts):
        """Wrong arguments: one line on standard error, and nothing else."""
        self.assertEqual(ended.status, 2, ended.errors)
        self.assertEqual(ended.output, "")
        self.assertEqual(len(ended.errors.splitlines()), 1, ended.errors)
        for part in (self.program + ": ", *parts):
            self.assertIn(part, ended.errors)

    def assert_says(self, process, text):
        """It has, or will have, a line with this text."""
        wait_until(lambda: text in process.errors_so_far() or not process.is_running(),
                   f"'{text}' in: {process.errors_so_far()}")
        self.assertIn(text, process.errors_so_far())

    # ---- Sockets and threads.

    def socket(self, family=socket.AF_INET):
        made = socket.socket(family, socket.SOCK_STREAM)
        made.settimeout(PATIENCE_SECONDS)
        self.addCleanup(made.close)
        return made

    def listen(self):
        listener = self.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        return listener

    def accept(self, listener):
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def connect(self, process):
        client = self.socket()
        client.connect(process.address)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def closed_port(self):
        """A port where nobody listens, and that nobody else gets meanwhile."""
        holder = self.socket()
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]

    def free_port(self):
        """A port for a peer that is told where to listen. Below those that the kernel gives to
        sockets by itself, so that nobody gets it before the peer does."""
        while True:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", random.randrange(20000, 32768)))
                    return probe.getsockname()[1]
                except OSError:
                    pass

    def thread(self, function, *arguments):
        """Runs beside the test. What it raises is a failure of the test, told by `end`."""
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
