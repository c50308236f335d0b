#pragma once

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "support/as_tuple.hpp"

namespace programs {

/// What an operation completes with: its error, and what comes with it.
template <class Operation>
using ResultOf =
    typename std::invoke_result_t<Operation, decltype(as_tuple(asio::use_awaitable))>::value_type;

/// What an operation that was made by `deferred` completes with; nothing if that takes longer than
/// `limit`. Then it was cancelled, and is over. It is cancelled as its coroutine is.
template <class Operation>
asio::awaitable<std::optional<ResultOf<Operation>>> within(std::chrono::nanoseconds limit,
                                                           Operation operation) {
  struct Deadline {  // outlives the coroutine if its time is over just as the operation completes
    asio::cancellation_signal stop;
    bool is_over = false;
  };
  const auto deadline = std::make_shared<Deadline>();
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  timer.async_wait([deadline](const asio::error_code& error) {
    if (!error) {
      deadline->is_over = true;
      deadline->stop.emit(asio::cancellation_type::terminal);
    }
  });
  const asio::cancellation_state cancelled = co_await asio::this_coro::cancellation_state;
  if (cancelled.slot().is_connected()) {
    cancelled.slot().assign([deadline](asio::cancellation_type type) {  //
      deadline->stop.emit(type);
    });
  }
  auto result = co_await std::move(operation)(
      asio::bind_cancellation_slot(deadline->stop.slot(), as_tuple(asio::use_awaitable)));
  if (deadline->is_over && std::get<0>(result) == asio::error::operation_aborted) {
    co_return std::nullopt;
  }
  co_return std::move(result);
}

}  // namespace programs
