"""resp_router in front of real servers, which are stopped and killed."""

import contextlib
import random
import signal
import unittest

from program import find_program, needs, wait_until
from resp import Resp, command, keys_of
from resp_router_case import RouterTest


@needs("redis-server", "redis-cli", "redis-benchmark")
class Redis(RouterTest):
    def setUp(self):
        super().setUp()
        self.servers = sorted((self.redis() for _ in range(3)), key=lambda server: server.port)
        self.ports = [server.port for server in self.servers]  # as nutcracker sorts them

    def started(self, *arguments):
        router = self.router(self.ports, *arguments)
        client = self.client(router)
        self.until_up(client, *(keys_of(i, 3, 1)[0] for i in range(3)))
        return router, client

    def test_the_benchmark_of_redis(self):
        router, _ = self.started()
        for pipeline in (1, 16, 64):
            lines = self.run_tool("redis-benchmark", "-p", router.address[1], "-P", pipeline,
                                  "-n", 640, "-c", 20, "-r", 1000, "-q", "--csv", "-t",
                                  "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,"
                                  "zpopmin,lrange,mset")
            self.assertEqual(lines.count("\n"), 21, lines)
        self.assertEqual(self.end(router)["failed_requests"], self.failed_requests)

    def test_redis_cli(self):
        router, _ = self.started()
        text = ("set a 1\nincr a\nmset b 2 c 3 d 4 e 5\nmget a b c d e none\n"
                "exists a b none a\nunlink a b\ndel c d none\ntouch e\nlpush l x y\n"
                "lrange l 0 -1\nsubscribe x\nping\necho \"x y\"\n")
        lines = self.run_tool("redis-cli", "-p", router.address[1], text=text).split("\n")
        self.assertEqual([line for line in lines if line != ""],
                         ["OK", "2", "OK", "2", "2", "3", "4", "5", "3", "2", "2", "1", "2", "y",
                          "x", "ERR unknown command 'subscribe', or one that cannot be routed",
                          "PONG", "x y"])

    def test_random_commands_get_the_replies_of_one_server(self):
        seed = random.randrange(1 << 30)
        router, _ = self.started("--max-unwritten", 4096)
        alone = Resp(self.connect_to(self.redis().port))
        routed = self.client(router)
        choose = random.Random(seed)
        for _ in range(40):
            requests = [self.any_request(choose) for _ in range(choose.choice((1, 20, 200)))]
            for connection in (alone, routed):
                sending = self.thread(connection.connection.sendall, b"".join(requests))
                connection.replies = [connection.read() for _ in requests]
                sending.end()
            for request, one, other in zip(requests, alone.replies, routed.replies):
                self.assertEqual(one, other, f"{request}, seed {seed}")
        ended = self.end(router)
        self.assertEqual(ended["failed_requests"], self.failed_requests)
        self.assertGreater(ended["split_requests"], 10)

    @staticmethod
    def any_request(choose):
        def key(kind):
            return f"{kind}{choose.randrange(30)}"

        def keys(kind):
            return [key(kind) for _ in range(choose.choice((1, 2, 5, 40)))]

        def value():
            return bytes(choose.randrange(256) for _ in range(choose.choice((0, 3, 3, 30)))) * \
                choose.choice((1, 1, 1, 300))

        pairs = [word for name in keys("s") for word in (name, value())]
        words = choose.choice((
            ("SET", key("s"), value()), ("get", key("s")), ("GETRANGE", key("s"), 1, 3),
            ("APPEND", key("s"), value()), ("STRLEN", key("s")), ("INCR", key("n")),
            ("mget", *keys("s")), ("MGET", *keys("l")), ("MSET", *pairs), ("MSET", "odd"),
            ("DEL", *keys("s")), ("EXISTS", *keys("s")), ("UNLINK", *keys("n")),
            ("TOUCH", *keys("l")), ("RPUSH", key("l"), value(), value()), ("LPOP", key("l")),
            ("LRANGE", key("l"), 0, -1), ("HSET", key("h"), "f", value()), ("HGET", key("h"), "f"),
            ("HGETALL", key("h")), ("INCR", key("l")), ("ZADD", key("z"), 1, value()),
            ("ZRANGE", key("z"), 0, -1), ("TYPE", key("s")), ("ECHO", value()), ("PING",),
            ("GET",)))
        return command(*words)

    def test_a_server_that_is_stopped_holds_up_only_its_own_keys(self):
        router, other = self.started("--server-limit", 60)
        stopped = self.client(router)
        self.servers[0].signal(signal.SIGSTOP)
        stopped.send("SET", keys_of(0, 3, 1)[0], "late")
        for key in keys_of(1, 3, 200) + keys_of(2, 3, 200):
            self.assertEqual(other.ask("SET", key, "x"), b"+OK\r\n")
        stopped.connection.setblocking(False)
        with self.assertRaises(BlockingIOError):
            stopped.connection.recv(1)
        stopped.connection.settimeout(60)
        self.servers[0].signal(signal.SIGCONT)
        self.assertEqual(stopped.read(), b"+OK\r\n")
        self.assertEqual(self.end(router)["failed_requests"], self.failed_requests)

    def test_requests_for_a_server_that_stays_stopped_get_errors(self):
        router, other = self.started("--server-limit", "0.3", "--max-unwritten", 4096)
        self.servers[0].signal(signal.SIGSTOP)
        key = keys_of(0, 3, 1)[0]
        client = self.client(router)
        sending = self.thread(client.connection.sendall, command("SET", key, "x" * 10000) * 500)
        for _ in range(500):
            self.assertTrue(client.read().startswith(b"-ERR server 127.0.0.1:"))
        sending.end()
        self.assertIn(b"-ERR server", other.ask("MGET", *(keys_of(i, 3, 1)[0] for i in range(3))))
        self.servers[0].signal(signal.SIGCONT)
        self.until_up(other, key)

    def test_a_server_is_killed_and_started_again(self):
        router, client = self.started()
        key = [keys_of(i, 3, 1)[0] for i in range(3)]
        with self.load(router):
            self.servers[1].signal(signal.SIGKILL)
            self.servers[1].wait()
            wait_until(lambda: client.ask("GET", key[1]).startswith(b"-ERR server")
                       and "cannot connect: Connection refused" in router.errors_so_far(),
                       "errors, and a try to connect that is refused")
            self.assertEqual(client.ask("SET", key[0], "x"), b"+OK\r\n")
            self.assertEqual(client.ask("SET", key[2], "x"), b"+OK\r\n")
            self.redis(self.ports[1])
            self.until_up(client, key[1])
        self.assertEqual(client.ask("SET", key[1], "x"), b"+OK\r\n")
        self.assertEqual(client.ask("MGET", *key), b"*3\r\n" + b"$1\r\nx\r\n" * 3)

    @contextlib.contextmanager
    def load(self, router):
        """Requests of many clients, which end by errors or when this does."""
        benchmark = self.process(find_program("redis-benchmark"), "-p", router.address[1], "-c", 20,
                                 "-P", 16, "-r", 100000, "-n", 100000000, "-t", "set,get", "-q")
        yield benchmark
        benchmark.signal(signal.SIGKILL)
        benchmark.process.wait()

    def test_clients_are_killed(self):
        router, client = self.started()
        before = router.descriptors()
        for round_ in range(5):
            with self.load(router):
                wait_until(lambda: router.descriptors() >= before + 20, "clients")
                for i in range(100):
                    self.assertEqual(client.ask("SET", f"k{i}", round_), b"+OK\r\n")
        wait_until(lambda: router.descriptors() == before, "descriptors come back")
        ended = self.end(router)
        self.assertEqual(ended["failed_requests"], self.failed_requests)
        self.assertGreater(ended["connections"], 100)

    @needs("nutcracker")
    def test_nutcracker_finds_the_same_keys(self):
        router, client = self.started()
        port, statistics = self.free_port(), self.free_port()
        config = self.file("nutcracker.yml",
                           f"x:\n  listen: 127.0.0.1:{port}\n  hash: fnv1a_32\n"
                           "  distribution: modula\n  redis: true\n  servers:\n" +
                           "".join(f"   - 127.0.0.1:{server}:1\n" for server in self.ports))
        self.peer(port, find_program("nutcracker"), "-c", config, "-s", statistics,
                  "-o", self.folder / "nutcracker.log")
        peer = Resp(self.connect_to(port))
        for i in range(100):
            self.assertEqual(client.ask("SET", f"any key {i}", i), b"+OK\r\n")
            self.assertEqual(peer.ask("GET", f"any key {i}"), b"$%d\r\n%d\r\n" % (len(str(i)), i))
        self.end(router)


if __name__ == "__main__":
    unittest.main()
