"""connect_proxy against clients and servers made of sockets."""

import unittest

from arguments import Arguments
from program import ProgramTest, receive_all


class ConnectProxyTest(ProgramTest):
    program = "connect_proxy"

    def right(self):
        return ("--allow-file", self.file("allow", "allow 127.0.0.1 *\n"))


class CommandLine(Arguments, ConnectProxyTest):
    def test_the_file_is_needed(self):
        self.assert_refused(self.run_program(), "--allow-file: must be given")


class Connect(ConnectProxyTest):
    def test_bytes_pass_both_ways_and_ends_too(self):
        server = self.listen()
        port = server.getsockname()[1]
        proxy = self.start(*self.right())
        client = self.connect(proxy)
        client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\nearly".encode())
        upstream = self.accept(server)
        client.sendall(b" late")
        client.shutdown(1)
        self.assertEqual(receive_all(upstream), b"early late")
        upstream.sendall(b"answer")
        upstream.close()
        self.assertEqual(receive_all(client), b"HTTP/1.1 200 Connection established\r\n\r\nanswer")
        ended = self.end(proxy)
        self.assertEqual((ended["requests"], ended["tunnels_in_order"]), (1, 1))


if __name__ == "__main__":
    unittest.main()
