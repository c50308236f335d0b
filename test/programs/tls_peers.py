"""Servers and clients that speak TLS, with certificates of their own, and what they send."""

import hashlib
import pathlib
import random
import socket
import ssl
import subprocess
import threading

from program import PATIENCE_SECONDS, find_program


def pattern(size, seed=1):
    """Bytes that no two offsets have in common, and the same for every run."""
    return random.Random(seed).randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Certificate:
    """A key and a certificate for any name, made once for a class of tests."""

    def __init__(self, folder):
        self.key = pathlib.Path(folder, "key.pem")
        self.certificate = pathlib.Path(folder, "certificate.pem")
        subprocess.run([find_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=test", "-addext", "subjectAltName=DNS:*.example.com,DNS:a.example",
                        "-keyout", self.key, "-out", self.certificate], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


class TlsServer:
    """Answers each connection with what `answer(connection)` does, on a thread for each."""

    def __init__(self, test, certificate, answer, protocols=(), proxy_line=False):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.certificate, certificate.key)
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        self.context.sni_callback = self._note_name
        self.answer = answer
        self.proxy_line = proxy_line
        self.names = []     # of the connections
        self.proxied = []   # PROXY lines
        self.errors = []
        self.listener = test.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _note_name(self, _socket, name, _context):
        self.names.append(name)

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(PATIENCE_SECONDS)
        try:
            if self.proxy_line:
                self.proxied.append(read_line(connection))
            with self.context.wrap_socket(connection, server_side=True) as stream:
                self.answer(stream)
        except OSError as error:
            self.errors.append(error)
        finally:
            connection.close()


def read_line(connection):
    line = bytearray()
    while not line.endswith(b"\r\n"):
        line += connection.recv(1)
    return bytes(line)


def answer_with_digest(stream):
    """Reads a length of 8 bytes and as many bytes, answers with their SHA-256 and then them."""
    header = b""
    while len(header) < 8:
        piece = stream.recv(8 - len(header))
        if not piece:
            return
        header += piece
    size = int.from_bytes(header, "big")
    data = bytearray()
    while len(data) < size:
        piece = stream.recv(1 << 16)
        if not piece:
            return
        data += piece
    stream.sendall(hashlib.sha256(data).digest())
    stream.sendall(data)


def client_context(version=None, protocols=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def hello_bytes(name, protocols=(), version=None):
    """The ClientHello that a client would send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = client_context(version, protocols).wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        stream.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def exchange(connection, name, data, version=None, protocols=()):
    """Sends the data to `answer_with_digest`, and returns the two digests that must be equal to
    that of the data: of what arrived, and of what came back."""
    context = client_context(version, protocols)
    with context.wrap_socket(connection, server_hostname=name) as stream:
        # Which reads all before it answers. Python's TLS streams are not for two threads at once.
        stream.sendall(len(data).to_bytes(8, "big") + data)
        arrived = bytearray()
        back = hashlib.sha256()
        while len(arrived) < 32:
            piece = stream.recv(32 - len(arrived))
            if not piece:
                raise AssertionError("the answer is cut")
            arrived += piece
        left = len(data)
        while left != 0:
            piece = stream.recv(min(left, 1 << 16))
            if not piece:
                raise AssertionError("the answer is cut")
            back.update(piece)
            left -= len(piece)
        return arrived.hex(), back.hexdigest()


def alert_of(data):
    """The number of the alert, if the bytes are that record and nothing else."""
    return data[6] if len(data) == 7 and data[:6] == b"\x15\x03\x03\x00\x02\x02" else None


def is_ended(connection):
    """Whether the peer has ended or reset it, behind what it sent."""
    try:
        while connection.recv(1 << 16):
            pass
        return True
    except ConnectionResetError:
        return True
    except (TimeoutError, socket.timeout):
        return False
