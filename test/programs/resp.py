"""The Redis protocol, and servers for tests of what speaks it."""

import subprocess

from program import find_program, wait_until


def command(*words):
    """A request as an array of bulk strings."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word)
                                                for word in encoded)


class Ended(Exception):
    """The connection ended where a value was expected."""


class Resp:
    """A connection that sends requests and reads values, whole as they came."""

    def __init__(self, connection):
        self.connection = connection
        self.rest = b""

    def send(self, *words):
        self.connection.sendall(command(*words))

    def ask(self, *words):
        self.send(*words)
        return self.read()

    def _fill(self):
        piece = self.connection.recv(1 << 16)
        if not piece:
            raise Ended(self.rest)
        self.rest += piece

    def _line(self):
        while b"\r\n" not in self.rest:
            self._fill()
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line + b"\r\n"

    def read(self):
        """The next value."""
        line = self._line()
        count = int(line[1:]) if line[:1] in b"$*" else 0
        if line[:1] == b"$" and count >= 0:
            while len(self.rest) < count + 2:
                self._fill()
            value, self.rest = self.rest[:count + 2], self.rest[count + 2:]
            return line + value
        if line[:1] == b"*":
            return line + b"".join(self.read() for _ in range(count))
        return line

    def is_at_end(self):
        """Whether nothing comes any more; waits for that."""
        return self.rest == b"" and self.connection.recv(1) == b""


def server_of(key, servers):
    """Where resp_router, and nutcracker with fnv1a_32 and modula, have a key."""
    value = 2166136261
    for byte in key.encode():
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value % servers


def keys_of(server, servers, count, prefix="key"):
    """Keys that this server has."""
    found = []
    number = 0
    while len(found) < count:
        if server_of(f"{prefix}:{number}", servers) == server:
            found.append(f"{prefix}:{number}")
        number += 1
    return found


class RedisMixin:
    """Starts real servers. To be mixed into a ProgramTest."""

    def redis(self, port=None):
        """A server that keeps nothing on disk; it has `port`."""
        port = port or self.free_port()
        server = self.peer(port, find_program("redis-server"), "--port", port, "--bind", "127.0.0.1",
                           "--save", "", "--appendonly", "no", "--daemonize", "no",
                           "--dir", self.folder)
        server.port = port
        wait_until(lambda: Resp(self.connect_to(port)).ask("PING") == b"+PONG\r\n", "PONG")
        return server

    def connect_to(self, port):
        connection = self.socket()
        connection.connect(("127.0.0.1", port))
        return connection

    def run_tool(self, name, *arguments, text=None):
        """The output of redis-cli or redis-benchmark, which must succeed."""
        ended = subprocess.run([find_program(name), *map(str, arguments)], input=text, text=True,
                               capture_output=True, timeout=120, check=False)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout
