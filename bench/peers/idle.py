"""What one connection costs while nothing happens on it."""

import contextlib
import socket

from runner import idle
from runner.problems import Failure

CONNECTIONS = idle.PAIRS


def bytes_of_connection(ground, port, opening, answer, server_port=None, passed=b""):
    """Opens connections to what is measured: sends `opening`, and reads up to where the bytes of
    `answer` end. With a server, `passed` comes there first, and one byte goes all the way back."""
    idle.allow_descriptors(2 * CONNECTIONS + 100)
    with contextlib.ExitStack() as sockets:
        server = None
        if server_port is not None:
            server = sockets.enter_context(
                socket.create_server(("127.0.0.1", server_port), backlog=CONNECTIONS))
            server.settimeout(idle.WAIT_SECONDS)

        def connect():
            client = sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.settimeout(idle.WAIT_SECONDS)
            client.sendall(opening)
            _take_to(client, answer)
            if server:
                end = sockets.enter_context(server.accept()[0])
                end.settimeout(idle.WAIT_SECONDS)
                take(end, len(passed))
                end.sendall(b"x")
                take(client, 1)

        try:
            connect()  # what the first one alone costs is no part
            before = ground.settled_bytes()
            for _ in range(CONNECTIONS):
                connect()
        except TimeoutError:
            raise Failure("an idle connection is not answered") from None
        gained = ground.settled_bytes() - before
        return {"connections": CONNECTIONS, "idle_bytes_per_connection": gained / CONNECTIONS,
                "max_rss_bytes": ground.peak_bytes()}


def take(connection, count):
    """Drops so many bytes."""
    while count:
        count -= take_some(connection, count)


def take_some(connection, most):
    """Drops what there is, and says how many bytes that were."""
    return len(_piece(connection, min(most, 1 << 16)))


def _take_to(connection, end):
    come = b""
    while not come.endswith(end):
        come += _piece(connection, 1)


def _piece(connection, most):
    try:
        piece = connection.recv(most)
    except ConnectionResetError:
        piece = b""
    if not piece:
        raise Failure("what is measured has ended a connection")
    return piece
