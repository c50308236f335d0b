"""What the tests of resp_router have in common."""

from program import ProgramTest, wait_until
from resp import RedisMixin, Resp, command

PONG = b"+PONG\r\n"


class RouterTest(RedisMixin, ProgramTest):
    program = "resp_router"

    def right(self):
        return ("--servers", "127.0.0.1:1")

    def setUp(self):
        super().setUp()
        self.failed_requests = 0  # before a server was up

    def router(self, ports, *arguments, **options):
        """With time for servers, if `arguments` do not say otherwise: machines are busy."""
        servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        return self.start("--servers", servers, "--server-limit", 60, *arguments, **options)

    def client(self, router):
        return Resp(self.connect(router))

    def serve(self, listener):
        """The router's next connection to this server, which is up then."""
        upstream = Resp(self.accept(listener))
        self.assertEqual(upstream.read(), command("PING"))
        upstream.connection.sendall(PONG)
        return upstream

    def until_up(self, client, *keys):
        """Until the servers of these keys are up."""
        def is_up(key):
            failed = client.ask("GET", key).startswith(b"-ERR server")
            self.failed_requests += failed
            return not failed

        for key in keys:
            wait_until(lambda key=key: is_up(key), f"the server of {key}")
