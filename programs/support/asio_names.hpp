#pragma once

// Asio's names, for the one type of executor that the programs have. Asio's own hide that type, for
// which each socket, timer and coroutine pays with memory and calls.

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

namespace programs {

using Executor = asio::io_context::executor_type;

template <class T>
using awaitable = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_awaitable;

using steady_timer = asio::steady_timer::rebind_executor<Executor>::other;

struct tcp : asio::ip::tcp {
  using socket = asio::ip::tcp::socket::rebind_executor<Executor>::other;
  using acceptor = asio::ip::tcp::acceptor::rebind_executor<Executor>::other;
  using resolver = asio::ip::tcp::resolver::rebind_executor<Executor>::other;
};

}  // namespace programs
