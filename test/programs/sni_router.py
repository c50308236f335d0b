"""What the tests of sni_router share."""

import shutil
import tempfile

from program import ProgramTest, receive
from tls_peers import (Certificate, TlsServer, answer_with_digest, digest, exchange, hello_bytes,
                       pattern)


class SniRouterTest(ProgramTest):
    program = "sni_router"

    @classmethod
    def setUpClass(cls):
        cls.class_folder = tempfile.mkdtemp(prefix="bytes_handoff_certificate_")
        cls.addClassCleanup(shutil.rmtree, cls.class_folder)
        cls.certificate = Certificate(cls.class_folder)

    def server(self, answer=answer_with_digest, **options):
        return TlsServer(self, self.certificate, answer, **options)

    def routes(self, *lines):
        return ("--routes", self.file("routes", "".join(line + "\n" for line in lines)))

    def router(self, *lines, arguments=(), **options):
        return self.start(*self.routes(*lines), *arguments, **options)

    def raw_router(self, *arguments, **options):
        """Before a server that does not speak, which is returned, too."""
        server = self.listen()
        port = server.getsockname()[1]
        return self.router(f"backend b 127.0.0.1:{port}", "route * b", arguments=arguments,
                           **options), server

    def begin(self, router, server):
        """A connection that is routed: the client, and the server's side behind the hello."""
        hello = hello_bytes("a.example")
        client = self.connect(router)
        client.sendall(hello)
        upstream = self.accept(server)
        self.assertEqual(receive(upstream, len(hello)), hello)
        return client, upstream

    def assert_passes(self, router, name="a.example.com", size=1000, **options):
        data = pattern(size)
        self.assertEqual(exchange(self.connect(router), name, data, **options),
                         (digest(data), digest(data)))
