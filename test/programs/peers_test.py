"""The programs with clients and servers that others wrote, and those peers in their place."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from program import (PATIENCE_SECONDS, ProgramTest, find_program, needs, receive,
                     receive_all, wait_until)
from tls_peers import Certificate, TlsServer, answer_with_digest, digest, exchange, pattern

PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / "programs"
STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")

WEB_SERVER = """daemon off;
master_process off;
pid {folder}/web.pid;
error_log {folder}/web.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 1g;
  dav_methods PUT;
  server {{
    listen 127.0.0.1:{tls_port} ssl http2;
    listen 127.0.0.1:{port};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    root {folder}/www;
    location = /protocol {{ return 200 "$server_protocol $ssl_protocol $ssl_server_name\\n"; }}
  }}
}}
"""


class PeersTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.class_folder = tempfile.mkdtemp(prefix="bytes_handoff_certificate_")
        cls.addClassCleanup(shutil.rmtree, cls.class_folder)
        cls.certificate = Certificate(cls.class_folder)

    def web_server(self):
        """nginx with TLS, HTTP/1.1, HTTP/2, and files that can be put there."""
        self.tls_port, self.port = self.free_port(), self.free_port()
        self.www = self.folder / "www"
        self.www.mkdir()
        self.folder.chmod(0o755)
        configuration = self.file("web.conf", WEB_SERVER.format(
            folder=self.folder, tls_port=self.tls_port, port=self.port,
            certificate=self.certificate.certificate, key=self.certificate.key))
        return self.peer(self.tls_port, find_program("nginx"), "-c", configuration, "-p",
                         self.folder, "-e", self.folder / "web.log")

    def curl(self, *arguments):
        """What curl prints; any failure of curl is one of the test."""
        ended = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--insecure", "--noproxy", "",
             "--max-time", str(PATIENCE_SECONDS), *map(str, arguments)],
            capture_output=True, stdin=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()})
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def check_web(self, url, *arguments):
        """A download and an upload, in either version of HTTP and TLS."""
        data = pattern(5_000_000)
        (self.www / "down").write_bytes(data)
        upload = self.folder / "up"
        upload.write_bytes(data)
        for i, how in enumerate((["--http1.1", "--tls-max", "1.2"], ["--http1.1", "--tlsv1.3"],
                                 ["--http2", "--tls-max", "1.2"], ["--http2", "--tlsv1.3"])):
            if url.startswith("http:"):
                how = how[:1]
            self.assertEqual(digest(self.curl(*how, *arguments, url + "/down")), digest(data), how)
            self.curl(*how, *arguments, "--upload-file", upload, f"{url}/up{i}")
            wait_until((self.www / f"up{i}").exists, "the upload")
            self.assertEqual(digest((self.www / f"up{i}").read_bytes()), digest(data), how)


class OfSniRouter:
    """What a router of TLS must do. `router(port)` starts one that routes *.example.com there."""

    @needs("curl", "nginx")
    def test_curl_with_each_version(self):
        self.web_server()
        router = self.router(self.tls_port)
        port = router.address[1]
        to = ["--connect-to", f"www.example.com:443:127.0.0.1:{port}"]
        self.check_web("https://www.example.com", *to)
        for how, answer in ((["--http2"], b"HTTP/2.0 TLSv1.3 www.example.com\n"),
                            (["--http1.1"], b"HTTP/1.1 TLSv1.3 www.example.com\n"),
                            (["--tls-max", "1.2"], b"HTTP/2.0 TLSv1.2 www.example.com\n")):
            self.assertEqual(self.curl(*how, *to, "https://www.example.com/protocol"), answer)

    @needs("openssl")
    def test_openssl_as_client_and_server(self):
        port = self.free_port()
        self.peer_once(port, "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key",
                       self.certificate.key, "-cert", self.certificate.certificate, "-www")
        router = self.router(port)
        for version in ("-tls1_2", "-tls1_3"):
            ended = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{router.address[1]}", version,
                 "-servername", "www.example.com", "-ign_eof", "-quiet"],
                input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=PATIENCE_SECONDS)
            self.assertIn(b"HTTP/1.0 200 ok", ended.stdout, ended.stderr)
            self.assertIn(b"</HTML>", ended.stdout.upper())

    def peer_once(self, port, *command):
        """A peer that is not to be disturbed by a look whether it accepts."""
        process = self.process(*command)

        def listens():
            return f":{port:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text()
        wait_until(lambda: listens() or not process.is_running(), f"{command[0]} listens")
        self.assertTrue(process.is_running(), process.errors_so_far())

    def test_a_payload_of_many_megabytes(self):
        server = TlsServer(self, self.certificate, answer_with_digest)
        router = self.router(server.port)
        data = pattern(50_000_000)
        self.assertEqual(exchange(self.connect(router), "www.example.com", data),
                         (digest(data), digest(data)))


class SniRouter(OfSniRouter, PeersTest):
    program = "sni_router"

    def router(self, port):
        return self.start("--routes", self.file(
            "routes", f"backend b 127.0.0.1:{port}\nroute *.example.com b\n"))

    @needs("openssl")
    def test_openssl_is_told_of_an_unknown_name(self):
        router = self.router(1)
        ended = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{router.address[1]}", "-servername",
             "other"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS)
        self.assertIn(b"unrecognized name", ended.stderr)

    @needs("haproxy", "curl", "nginx")
    def test_haproxy_in_front_sends_proxy_headers(self):
        self.web_server()
        routes = self.file("routes", f"backend b 127.0.0.1:{self.tls_port}\nroute * b\n")
        for option in ("send-proxy", "send-proxy-v2"):
            router = self.start("--routes", routes, "--accept-proxy")
            port = self.free_port()
            self.peer(port, find_program("haproxy"), "-f", self.file("front.cfg", f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen front
  bind 127.0.0.1:{port}
  server router 127.0.0.1:{router.address[1]} {option}
"""))
            self.assertEqual(
                self.curl("--connect-to", f"www.example.com:443:127.0.0.1:{port}",
                          "https://www.example.com/protocol"),
                b"HTTP/2.0 TLSv1.3 www.example.com\n")
            self.assertEqual(self.end(router)["routed"], 1)


class RouterPeer(OfSniRouter):
    """A peer in the place of sni_router: the same clients must see the same."""

    def router_of(self, name, port, command):
        text = (PROGRAMS / "sni_router" / "peers" / name).read_text()
        at = self.free_port()
        text = text.replace("127.0.0.1:8443", f"127.0.0.1:{at}")
        text = re.sub(r"127\.0\.0\.1:900[123]", f"127.0.0.1:{port}", text)
        text = text.replace(" send-proxy", "")
        peer = self.peer(at, *command(self.file(name, text)))
        peer.address = ("127.0.0.1", at)
        return peer


@unittest.skipUnless(STREAM_MODULE.exists(), "not installed: libnginx-mod-stream")
@needs("nginx")
class Nginx(RouterPeer, PeersTest):
    def router(self, port):
        return self.router_of("nginx.conf", port, lambda path: (
            find_program("nginx"), "-c", path, "-p", self.folder, "-g", "daemon off;"))


@needs("haproxy")
class HaProxy(RouterPeer, PeersTest):
    def router(self, port):
        return self.router_of("haproxy.cfg", port, lambda path: (
            find_program("haproxy"), "-f", path))


class OfConnectProxy:
    """What a proxy must do. `proxy()` starts one that allows this machine."""

    @needs("curl", "nginx")
    def test_curl_tunnels_with_each_version(self):
        self.web_server()
        proxy = self.proxy(self.tls_port)
        self.check_web(f"https://127.0.0.1:{self.tls_port}", "--proxy",
                       f"http://127.0.0.1:{proxy.address[1]}")

    @needs("curl", "nginx")
    def test_curl_without_tls(self):
        self.web_server()
        proxy = self.proxy(self.port)
        self.check_web(f"http://127.0.0.1:{self.port}", "--proxy",
                       f"http://127.0.0.1:{proxy.address[1]}")
        self.assertEqual(
            self.curl("--proxytunnel", "--proxy", f"http://127.0.0.1:{proxy.address[1]}",
                      f"http://127.0.0.1:{self.port}/protocol"), b"HTTP/1.1  \n")

    def test_an_answer_behind_the_client_s_end(self):
        server = self.listen()
        port = server.getsockname()[1]
        proxy = self.proxy(port)
        client = self.connect(proxy)
        client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        upstream = self.accept(server)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive(client, 1)
        self.assertRegex(head, rb"^HTTP/1\.[01] 200 ")
        client.sendall(b"request")
        client.shutdown(1)
        self.assertEqual(receive_all(upstream), b"request")
        upstream.sendall(b"answer")
        upstream.close()
        self.assertEqual(receive_all(client), b"answer")


class ConnectProxy(OfConnectProxy, PeersTest):
    program = "connect_proxy"

    def proxy(self, _port):
        return self.start("--allow-file", self.file("allow", "allow 127.0.0.1 *\n"))

    @needs("haproxy", "curl", "nginx")
    def test_haproxy_in_front(self):
        self.web_server()
        at = self.free_port()
        text = (PROGRAMS / "connect_proxy" / "peers" / "haproxy.cfg").read_text()
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{at}")
        for port in ("8081", "8082"):
            text = text.replace(port, str(self.proxy(0).address[1]))
        self.peer(at, find_program("haproxy"), "-f", self.file("front.cfg", text))
        self.check_web(f"https://127.0.0.1:{self.tls_port}", "--proxy", f"http://127.0.0.1:{at}")


@needs("tinyproxy")
class TinyProxy(OfConnectProxy, PeersTest):
    """Without the answer behind the client's end: tinyproxy ends both ways then."""
    test_an_answer_behind_the_client_s_end = None

    def proxy(self, port):
        at = self.free_port()
        text = (PROGRAMS / "connect_proxy" / "peers" / "tinyproxy.conf").read_text()
        text = text.replace("8080", str(at)).replace("ConnectPort 443", f"ConnectPort {port}")
        peer = self.peer(at, find_program("tinyproxy"), "-d", "-c", self.file("tiny.conf", text))
        peer.address = ("127.0.0.1", at)
        return peer


if __name__ == "__main__":
    unittest.main()
