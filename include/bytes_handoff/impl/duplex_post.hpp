#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/detail/duplex_pipe.hpp"
#include "bytes_handoff/detail/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline net_error_code duplex_error(PipeStatus status) noexcept {
  switch (status) {
    case PipeStatus::kDone:
      break;
    case PipeStatus::kWouldBlock:
      return net::error::would_block;
    case PipeStatus::kEndOfStream:
      return net::error::eof;
    case PipeStatus::kBroken:
      return net::error::broken_pipe;
    case PipeStatus::kClosed:
      return net::error::bad_descriptor;
    case PipeStatus::kAborted:
      return net::error::operation_aborted;
    case PipeStatus::kNoMemory:
      return net::error::no_memory;
    case PipeStatus::kBusy:
      return net::error::already_started;
  }
  return {};
}

inline void duplex_throw(const net_error_code& error) {
  if (error) throw net_system_error(error);
}

/// A handler bound to the outcome of a `Request`. It has the handler's allocator and, so that
/// `net::post` hands it to the given executor and to none behind that, no executor.
template <typename Request, typename Handler>
class DuplexCompletion {
 public:
  using allocator_type = net::associated_allocator_t<Handler>;

  DuplexCompletion(Handler&& handler, PipeResult outcome)
      : handler_(std::move(handler)), outcome_(outcome) {}

  allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler_); }

  void operator()() {
    const net_error_code error = duplex_error(outcome_.status);
    if constexpr (std::is_base_of_v<PipeWait, Request>) {
      std::move(handler_)(error);
    } else {
      std::move(handler_)(error, outcome_.bytes);
    }
  }

 private:
  Handler handler_;
  PipeResult outcome_;
};

/// The operation that a `Request` is of, for handler tracking.
template <typename Request>
inline constexpr const char* kDuplexName =
    std::is_base_of_v<PipeRead, Request>    ? "DuplexStream::async_read_some"
    : std::is_base_of_v<PipeWrite, Request> ? "DuplexStream::async_write_some"
                                            : "DuplexStream::async_wait";

/// Posts `handler` with the outcome of a `Request` to `executor`, its associated one.
template <typename Request, typename Executor, typename Handler>
void duplex_post(const Executor& executor, Handler handler, PipeResult outcome) {
  BYTES_HANDOFF_HANDLER_LOCATION(kDuplexName<Request>);
  net::post(executor, DuplexCompletion<Request, Handler>(std::move(handler), outcome));
}

/// Outstanding work on the executor that a handler runs on, and on the stream's where that is
/// another one.
template <typename Handler, typename IoExecutor>
class DuplexWork {
 public:
  using HandlerExecutor = net::associated_executor_t<Handler, IoExecutor>;

  DuplexWork(const Handler& handler, const IoExecutor& io_executor)
      : handler_work_(net::get_associated_executor(handler, io_executor)) {
    if constexpr (std::is_same_v<HandlerExecutor, IoExecutor>) {
      if (handler_work_.get_executor() == io_executor) return;
    }
    io_work_.emplace(io_executor);
  }

  HandlerExecutor executor() const noexcept { return handler_work_.get_executor(); }

 private:
  net::executor_work_guard<HandlerExecutor> handler_work_;
  std::optional<net::executor_work_guard<IoExecutor>> io_work_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
