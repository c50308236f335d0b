#pragma once

#include <utility>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// A connected socket, and the descriptor of its peer. The kernel holds little between them.
[[nodiscard]] std::pair<net::ip::tcp::socket, int> connect_tcp(net::io_context& context,
                                                               bool is_v6 = false);

}  // namespace bytes_handoff::test
