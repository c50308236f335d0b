#pragma once

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "contenders/library_proxy.hpp"

namespace stream_harness {

/// Runs a coroutine as a contender. It drops `out` at the end, or throws. To stop it, its operation
/// is cancelled.
template <class Reader, class Writer>
class CoroutineProxy final : public LibraryProxy<Reader, Writer>,
                             public std::enable_shared_from_this<CoroutineProxy<Reader, Writer>> {
 public:
  using Route = net::awaitable<void>(Reader in, bytes_handoff::HandoffBuffer buffer,
                                     bytes_handoff::WriteHandoff out);

  CoroutineProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done, Route& route)
      : LibraryProxy<Reader, Writer>(std::move(in), std::move(out), config, std::move(done)),
        route_(route) {}

  void start() {
    const auto executor = this->in_.get_executor();
    net::co_spawn(executor, route_(std::move(this->in_), std::move(this->buffer_), this->out_),
                  net::bind_cancellation_slot(
                      stop_.slot(), [self = this->shared_from_this()](std::exception_ptr failure) {
                        CoroutineProxy::finish(self, error_of(failure));
                      }));
  }

  void stop() noexcept override {
    this->out_.abort();
    stop_.emit(net::cancellation_type::terminal);
  }

 private:
  static net_error_code error_of(const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
      return {};
    } catch (const net::system_error& caught) {
      return caught.code();
    }
  }

  Route& route_;
  net::cancellation_signal stop_;
};

}  // namespace stream_harness
