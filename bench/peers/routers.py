"""sni_router beside nginx and HAProxy, connect_proxy beside tinyproxy and HAProxy."""

import ssl

from runner import figures, nginx

from . import idle
from .ground import built, installed
from .part import Part, of_run

MIB = 1 << 20
SECONDS = 1  # in which connections begin
HOST = "www.example.com"
ANSWER = 1024  # bytes of a short connection, each way or back


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def connect_head(server):
    return f"CONNECT 127.0.0.1:{server} HTTP/1.1\r\nHost: 127.0.0.1:{server}\r\n\r\n".encode()


def get_head(server):
    return (f"GET http://127.0.0.1:{server}/path HTTP/1.1\r\nHost: 127.0.0.1:{server}\r\n"
            "User-Agent: proxy_load\r\nAccept: */*\r\n\r\n").encode()


# ---- Who is measured. Each is started on a port, before a server at another.

def start_sni_router(ground, listen, server):
    routes = ground.file("routes", f"backend web 127.0.0.1:{server}\nroute *.example.com web\n")
    ground.measure(listen, built("sni_router"), "--routes", routes, "--listen",
                   f"127.0.0.1:{listen}")


def start_nginx(ground, listen, server, buffer="16k"):
    config = ground.config("nginx.conf", listen=listen, server=server, buffer=buffer,
                           module=nginx.module_line())
    ground.measure(listen, nginx.program(), "-e", "stderr", "-p", ground.folder, "-c", config)


def start_haproxy_tls(ground, listen, server):
    ground.measure(listen, installed("haproxy"), "-f",
                   ground.config("haproxy_tls.cfg", listen=listen, server=server))


def start_connect_proxy(ground, listen, _server):
    ground.measure(listen, built("connect_proxy"), "--allow-file",
                   ground.file("allow", "allow 127.0.0.1 *\n"), "--listen", f"127.0.0.1:{listen}")


def start_tinyproxy(ground, listen, server):
    ground.measure(listen, installed("tinyproxy"), "-d", "-c",
                   ground.config("tinyproxy.conf", listen=listen, server=server))


def start_haproxy_http(ground, listen, _server):
    ground.measure(listen, installed("haproxy"), "-f",
                   ground.config("haproxy_http.cfg", listen=listen))


def start_nginx_64k(ground, listen, server):
    start_nginx(ground, listen, server, buffer="64k")


def start_forward_by_hand(ground, listen, server):
    ground.measure(listen, built("forward_by_hand"), listen, server)


def start_forward_by_calls(ground, listen, server):
    ground.measure(listen, built("forward_by_calls"), listen, server)


def start_get_by_calls(ground, listen, _server):
    ground.measure(listen, built("forward_by_calls"), listen)


TLS = {"sni_router": start_sni_router, "haproxy": start_haproxy_tls,
       "nginx:proxy_buffer_size=64k": start_nginx_64k, "nginx": start_nginx,
       "forward_by_hand": start_forward_by_hand, "forward_by_calls": start_forward_by_calls}
BULK_TLS = ("sni_router", "haproxy", "nginx:proxy_buffer_size=64k", "nginx")
PLAIN_TLS = ("sni_router", "haproxy", "nginx")  # where it does not count how much is read at once
CONNECT = {"connect_proxy": start_connect_proxy, "tinyproxy": start_tinyproxy}
GET = {"connect_proxy": start_connect_proxy, "tinyproxy": start_tinyproxy,
       "forward_by_calls": start_get_by_calls, "haproxy": start_haproxy_http}
BULK_GET = ("connect_proxy", "tinyproxy", "haproxy")  # where system calls count for little
KINDS = {"tls": (TLS, lambda server: client_hello()), "connect": (CONNECT, connect_head),
         "get": (GET, get_head)}


# ---- What is measured.

def _load(kind, connections, up, down):
    """Runs clients through the contender, and gives what they and it took."""
    def run(ground, label):
        starts, opening = KINDS[kind]
        listen, server = ground.port(), ground.port()
        starts[label](ground, listen, server)
        opened = ground.file("opening", opening(server))
        before = ground.cpu_seconds()
        values = figures.values_of(ground.run_client(
            built("proxy_load"), kind, listen, server, connections, SECONDS, up, down, opened))
        del values["connections"]  # the shape tells
        if down < MIB:  # then connections count
            del values["total_bytes"]
        used = of_run(ground, before, values["total_streams"], values["total_seconds"])
        return {**values, **used}

    return run


def _idle(kind):
    def run(ground, label):
        starts, opening = KINDS[kind]
        listen, server = ground.port(), ground.port()
        starts[label](ground, listen, server)
        passed = opening(server) if kind == "tls" else b""
        answer = b"\r\n\r\n" if kind == "connect" else b""
        return idle.bytes_of_connection(ground, listen, opening(server), answer, server, passed)

    return run


_BULK = "4 connections at once, each 32 MiB"
_SHORT = f"32 connections at once, each {ANSWER:,} bytes"
PARTS = (
    Part("sni_router-bulk", BULK_TLS, _load("tls", 4, 32 * MIB, 32 * MIB), "bytes",
         f"{_BULK} up and 32 MiB down"),
    Part("sni_router-short",
         ("sni_router", "haproxy", "forward_by_hand", "forward_by_calls", "nginx"),
         _load("tls", 32, 0, ANSWER), "connections",
         f"{_SHORT} behind its ClientHello"),
    Part("sni_router-idle", PLAIN_TLS, _idle("tls"), "connections",
         "idle connections, each behind its ClientHello and one byte"),
    Part("connect_proxy-bulk", tuple(CONNECT), _load("connect", 4, 32 * MIB, 32 * MIB), "bytes",
         f"CONNECT, {_BULK} up and 32 MiB down"),
    Part("connect_proxy-short", tuple(CONNECT), _load("connect", 32, ANSWER, ANSWER), "requests",
         f"CONNECT, {_SHORT} each way"),
    Part("connect_proxy-get-bulk", BULK_GET, _load("get", 4, 0, 32 * MIB), "bytes",
         f"GET, {_BULK} down"),
    Part("connect_proxy-get", tuple(GET), _load("get", 32, 0, ANSWER), "requests",
         f"GET, {_SHORT} down"),
    Part("connect_proxy-idle", tuple(CONNECT), _idle("connect"), "connections",
         "idle tunnels, each behind its CONNECT and one byte"),
)
