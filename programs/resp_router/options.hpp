#pragma once

#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <vector>

#include "resp_router/redis_server.hpp"
#include "support/command_line.hpp"
#include "support/service.hpp"

namespace programs {

struct RouterOptions {
  ServiceOptions service{.listen = {asio::ip::address_v4::loopback(), 6380},
                         .drain = std::chrono::nanoseconds(0),
                         .opens_second_socket = false};
  ServerOptions server;
  std::vector<asio::ip::tcp::endpoint> servers = {};
  std::size_t max_in_flight = 1024;
  std::size_t max_unread = std::size_t{64} * 1024 * 1024;
  std::chrono::nanoseconds client_limit = std::chrono::seconds(30);

  void declare(CommandLine& line) {
    line.endpoints("--servers", servers, "the servers; their order counts");
    service.declare(line);
    server.declare(line);
    line.number("--max-frame", server.limits.max_frame, 65'536, std::size_t{1} << 30,
                "bytes of a request or a reply");
    line.number("--max-in-flight", max_in_flight, 1, 1'000'000,
                "requests of a client that have no reply yet; further ones are not read");
    line.number("--max-unread", max_unread, 65'536, std::size_t{1} << 40,
                "bytes of replies that a client has not read; with more it is cut off");
    line.seconds("--client-limit", client_limit, std::chrono::milliseconds(10),
                 "how long a client may take for a request, or read no reply");
  }
};

}  // namespace programs
