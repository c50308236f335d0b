"""Connections through a service while something goes wrong with one of them, or with the service."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import harness
from harness import MARKER, PATIENCE_SECONDS, reset, wait_until

SEED = int(os.environ.get("BYTES_HANDOFF_TEST_SEED", 0)) or random.SystemRandom().getrandbits(48)

ENDLESS = b"x\n"  # what a client sends until it is killed
IDLE_SOCKETS = 2  # of a service: one listens, one is there for the next connection
KEPT_PIPE_ENDS = 2 * 32 + 3  # at most; with what the service prints to
KEPT_BYTES = 1 << 20  # of what a sink gets; every payload is shorter

# A process that has the connection alone.
PEER = {
    "send": "import socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\n"
            "while True: s.sendall(b'x\\n'*500)",
    "read": "import socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\n"
            "while s.recv(99): pass",
    "copy": "import os,socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\n"
            "while True:\n  b=s.recv(4096)\n  if not b: break\n  os.write(1,b)",
    "feed": "import os,socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\n"
            "while True:\n  b=os.read(0,4096)\n  if not b: break\n  s.sendall(b)",
}


def rounds_or(usual):
    return int(os.environ.get("BYTES_HANDOFF_TEST_COUNT", usual))


def peer_process(what, connection, **keywords):
    """Gives the connection away to a process of its own."""
    connection.setblocking(True)  # what a timeout does to it would be seen there, too
    with connection:
        return subprocess.Popen([sys.executable, "-I", "-S", "-c", PEER[what],
                                 str(connection.fileno())],
                                pass_fds=[connection.fileno()], stderr=subprocess.DEVNULL,
                                **keywords)


def kill(process):
    """It must have lived until then."""
    process.kill()
    if process.wait() != -signal.SIGKILL:
        raise AssertionError(f"a peer has ended by itself: {process.returncode}")


def stop(process):
    """Has stopped when this returns."""
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: state_of(process.pid) == "T", "a process to stop")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def receive_line(connection):
    """Or nothing, when it ends before."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        line += byte
    return line


class Transfer:
    """One connection: what its client sends, and what its sink got."""

    def __init__(self, number, rng, client="plain", sink="plain"):
        self.number = number
        self.client = client
        self.sink = sink
        name = b"id %d\n" % number
        lines = b"".join(b"x" * rng.randrange(200) + b"\n" for _ in range(rng.randrange(1, 200)))
        self.payload = name + lines + MARKER + rng.randbytes(rng.randrange(1, 300_000))
        self.fragment = rng.choice((64, 1000, 16384, 1 << 20))
        self.limit = rng.randrange(len(name), len(self.payload))  # something happens there
        self.received = bytearray()
        self.may_go_on = threading.Event()

    @property
    def whole(self):
        return self.received == self.payload

    @property
    def harmed(self):
        return self.client in ("killed", "reset") or self.sink in ("killed", "reset")

    def send(self, connection):
        if self.client == "killed":
            connection.sendall(self.payload[:self.limit])
            process = peer_process("send", connection)
            self.may_go_on.wait(PATIENCE_SECONDS)
            return kill(process)
        if self.client == "stopped":
            return self.send_in_process(connection)
        with connection:
            if self.sink == "killed":  # it is seen by who writes to it
                connection.sendall(self.payload)
                while True:
                    connection.sendall(ENDLESS)
            for at in range(0, len(self.payload), self.fragment):
                if self.client == "reset" and at >= self.limit:
                    return reset(connection)
                connection.sendall(self.payload[at:at + self.fragment])
            if self.client == "reset":
                return reset(connection)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def send_in_process(self, connection):
        process = peer_process("feed", connection, stdin=subprocess.PIPE)
        process.stdin.write(self.payload[:self.limit])
        process.stdin.flush()
        stop(process)
        self.may_go_on.wait(PATIENCE_SECONDS)
        process.send_signal(signal.SIGCONT)
        process.communicate(self.payload[self.limit:], PATIENCE_SECONDS)

    def take(self, connection):
        """After the first line, which says whose sink this is."""
        if self.sink == "late":
            self.may_go_on.wait(PATIENCE_SECONDS)
        if self.sink == "half_closed":
            connection.shutdown(socket.SHUT_WR)
        if self.sink in ("killed", "stopped"):
            return self.take_in_process(connection)
        while piece := connection.recv(1 << 16):
            self.received += piece[:KEPT_BYTES - len(self.received)]
            if self.sink == "reset" and len(self.received) >= self.limit:
                return reset(connection)

    def take_in_process(self, connection):
        if self.sink == "killed":
            process = peer_process("read", connection)
            self.may_go_on.wait(PATIENCE_SECONDS)
            return kill(process)
        process = peer_process("copy", connection, stdout=subprocess.PIPE)
        stop(process)
        self.may_go_on.wait(PATIENCE_SECONDS)
        process.send_signal(signal.SIGCONT)
        self.received += process.communicate(timeout=PATIENCE_SECONDS)[0]

    def is_prefix(self):
        """Whether what arrived is the beginning of what was sent."""
        if self.client != "killed":
            return self.payload.startswith(self.received)
        rest = self.received[self.limit:]
        return self.payload.startswith(self.received[:self.limit]) and not rest.strip(ENDLESS)


class Sinks:
    """The sinks of one round: each connection of the service goes to the transfer that it is of."""

    def __init__(self, listener, transfers):
        self.listener = listener
        self.transfers = {each.number: each for each in transfers}
        self.errors = []
        self.threads = []
        self.last = None
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except TimeoutError:
                continue
            if peer == self.last:
                return connection.close()
            thread = threading.Thread(target=self.take, args=(connection,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def take(self, connection):
        connection.settimeout(PATIENCE_SECONDS)
        with connection:
            try:
                line = receive_line(connection)
                if line:
                    transfer = self.transfers[int(line.split()[1])]
                    transfer.received += line
                    transfer.take(connection)
            except ConnectionError:
                pass
            except Exception as error:  # pylint: disable=broad-except
                self.errors.append(error)

    def end(self):
        """Once the service has connected all that it will: all of it has been taken."""
        with socket.socket(self.listener.family) as last:
            last.bind((self.listener.getsockname()[0], 0))
            self.last = last.getsockname()
            last.connect(self.listener.getsockname())
            self.acceptor.join(PATIENCE_SECONDS)
        for thread in [self.acceptor, *self.threads]:
            thread.join(PATIENCE_SECONDS)
            if thread.is_alive():
                raise AssertionError("a sink does not end")
        if self.errors:
            raise self.errors[0]


class Injection:
    """Errors that system calls of the service's return, by strace. The nth call of each thread."""

    # The third says whether nobody may notice. What no kernel does is left out: an EAGAIN that no
    # edge follows, and an epoll_ctl that fails to re-arm, which Asio does not look at.
    ERRORS = (
        ("sendmsg,sendto", "EINTR", True), ("sendmsg,sendto", "ECONNRESET", False),
        ("sendmsg,sendto", "EPIPE", False), ("sendmsg,sendto", "ENOBUFS", False),
        ("recvmsg,recvfrom", "EINTR", True), ("recvmsg,recvfrom", "ECONNRESET", False),
        ("recvmsg,recvfrom", "ETIMEDOUT", False),
        ("splice", "EINTR", True), ("splice", "ECONNRESET", False), ("pipe2", "EMFILE", True),
        ("accept,accept4", "EMFILE", True), ("accept,accept4", "ENFILE", True),
        ("accept,accept4", "EINTR", True), ("accept,accept4", "ENOBUFS", True),
        ("connect", "ECONNREFUSED", False), ("connect", "ENETUNREACH", False),
        ("socket", "EMFILE", True), ("socket", "ENFILE", True), ("socket", "ENOBUFS", True),
        ("shutdown", "ENOTCONN", False), ("shutdown", "ENOBUFS", False),
    )

    def __init__(self, folder, pid, rng):
        self.calls, self.error, self.harmless = rng.choice(self.ERRORS)
        self.log = os.path.join(folder, "strace")
        self.errors = os.path.join(folder, "strace.errors")
        first = rng.randrange(1, 6)
        self.what = f"{self.calls}:error={self.error}:when={first}"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                ["strace", "-f", "-o", self.log, "-e", f"trace={self.calls}",
                 "-e", f"inject={self.what}", "-p", str(pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        threads = len(os.listdir(f"/proc/{pid}/task"))
        wait_until(lambda: self.process.poll() is not None or self.attached() >= threads,
                   "strace to attach")

    def attached(self):
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            text = errors.read()
        several = re.search(r"attached with (\d+) threads", text)
        return int(several[1]) if several else text.count("attached")

    def end(self):
        """How many calls were made to fail."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_SECONDS)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().count("(INJECTED)")

    @staticmethod
    def is_possible():
        if not shutil.which("strace"):
            return False
        probe = ["strace", "-e", "trace=none", "-e", "inject=getppid:error=EPERM", "true"]
        return subprocess.run(probe, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0


class ChaosTest(harness.FlowTest):
    """A service and its sinks; rounds of connections through it."""

    def begin(self, implementation, *arguments):
        sinks = self.listen()
        service = self.service(self.sink_address(sinks), "--implementation", implementation,
                               "--idle-timeout-millis", 600_000, *arguments)
        service.listener = sinks
        service.harmed = 0
        service.warm_bytes = 0
        self.warm_up(service)
        return service

    def warm_up(self, service):
        """What a worker opens with its first connection stays."""
        transfers = [Transfer(number, random.Random(number)) for number in range(4)]
        service.descriptors = None
        self.run_transfers(service, transfers)
        self.check(transfers)

    def sink_address(self, listener):
        return listener.getsockname()

    def run_transfers(self, service, transfers, meanwhile=lambda: None):
        """All at once. `meanwhile` runs beside them, and what waits for it goes on after it."""
        sinks = Sinks(service.listener, transfers)

        def send(transfer):
            try:
                transfer.send(self.connect(service.address))
            except TimeoutError:
                raise
            except OSError:
                pass  # the connection has ended; what arrived of it is looked at

        senders = [self.thread(send, each) for each in transfers]
        meanwhile()
        bystanders = [each for each in transfers if each.client == each.sink == "plain"]
        for transfer, sender in zip(transfers, senders):
            if transfer in bystanders:
                sender.end()  # they come through before the others may go on
        for transfer in transfers:
            transfer.may_go_on.set()
        for sender in senders:
            sender.end()
        wait_until(lambda: self.sockets(service) == IDLE_SOCKETS, "connections to go")
        sinks.end()
        if service.descriptors is None:
            service.descriptors = self.descriptors(service)
        wait_until(lambda: self.descriptors(service) == service.descriptors, "descriptors to go")

    @staticmethod
    def sockets(service):
        """The system's table of connections would not do. One that both sides have closed is not there,
        and the service may still have to close it."""
        sockets = 0
        for entry in os.scandir(f"/proc/{service.process.pid}/fd"):
            try:
                sockets += os.readlink(entry.path).startswith("socket:")
            except FileNotFoundError:  # closed meanwhile
                pass
        return sockets

    @staticmethod
    def descriptors(service):
        """All but the ends of pipes that the library keeps for the next relay."""
        pipes, others = 0, 0
        for entry in os.scandir(f"/proc/{service.process.pid}/fd"):
            try:
                is_pipe = os.readlink(entry.path).startswith("pipe:")
            except FileNotFoundError:  # closed meanwhile
                continue
            pipes, others = pipes + is_pipe, others + (not is_pipe)
        return others + max(0, pipes - KEPT_PIPE_ENDS)

    def check(self, transfers, may_fail=0):
        """Everything arrived, but for what was harmed: of that a prefix did."""
        failed = 0
        for each in transfers:
            self.assertTrue(each.is_prefix(), each.number)
            if not each.harmed and not each.whole:
                failed += 1
        self.assertLessEqual(failed, may_fail)
        return failed

    def finish(self, service):
        """Ends in order, and has reported nobody who was not harmed."""
        service.signal()
        ended = service.wait()
        self.assertIn(ended.status, (0, 1), ended.errors)
        self.assertLessEqual(ended.number("failed_connections"), service.harmed, ended.errors)
        self.assertEqual(ended.status, 1 if ended.number("failed_connections") else 0)
