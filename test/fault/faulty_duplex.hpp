#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "fault/fault_stream.hpp"

namespace bytes_handoff::test {

/// An end of the in-memory duplex whose operations are counted, and can fail before they reach it.
template <class Executor>
class FaultyDuplex : public net::socket_base {
 public:
  using executor_type = Executor;

  FaultyDuplex(BasicDuplexStream<Executor> end, std::shared_ptr<StreamSide> side)
      : end_(std::move(end)), side_(std::move(side)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return end_.get_executor(); }
  [[nodiscard]] bool non_blocking() const noexcept { return end_.non_blocking(); }
  void non_blocking(bool mode, net_error_code& error) noexcept { end_.non_blocking(mode, error); }

  template <class Buffers>
  std::size_t write_some(const Buffers& from, net_error_code& error) {
    const Fault fault = side_->begin();
    const std::size_t n = end_.write_some(part(*net::buffer_sequence_begin(from), fault), error);
    error = side_->error_of(fault) ? side_->error_of(fault) : error;
    return n;
  }

  template <class Buffers>
  std::size_t read_some(const Buffers& into, net_error_code& error) {
    const Fault fault = side_->begin();
    const std::size_t n = end_.read_some(part(into, fault), error);
    side_->given += n;
    error = side_->error_of(fault) ? side_->error_of(fault) : error;
    return n;
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& from, Handler&& handler) {
    const Fault fault = side_->begin();
    if (!post_error<true>(handler, fault)) {
      end_.async_write_some(part(*net::buffer_sequence_begin(from), fault),
                            std::forward<Handler>(handler));
    }
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler&& handler) {
    const Fault fault = side_->begin();
    if (!post_error<true>(handler, fault)) {
      end_.async_read_some(part(into, fault), std::forward<Handler>(handler));
    }
  }

  template <class Handler>
  void async_wait(wait_type what, Handler&& handler) {
    if (!post_error<false>(handler, side_->begin())) {
      end_.async_wait(what, std::forward<Handler>(handler));
    }
  }

  void shutdown(shutdown_type what, net_error_code& error) {
    const Fault fault = side_->begin();
    end_.shutdown(what, error);
    error = side_->error_of(fault) ? side_->error_of(fault) : error;
    side_->is_shut_down = !error;
  }
  friend void end_write(FaultyDuplex& stream, net_error_code& error) {
    stream.shutdown(shutdown_send, error);
  }
  friend void reset_connection(FaultyDuplex& stream) { stream.end_.reset(); }

 private:
  template <bool kCounts, class Handler>
  [[nodiscard]] bool post_error(Handler& handler, Fault fault) {
    if (!side_->error_of(fault)) {
      return false;
    }
    const OutsideLibrary outside;
    post_outcome<kCounts>(std::move(handler), get_executor(), side_->error_of(fault), 0);
    return true;
  }

  template <class Buffer>
  [[nodiscard]] Buffer part(const Buffer& buffer, Fault fault) const {
    return net::buffer(buffer, side_->most_of(fault));
  }

  BasicDuplexStream<Executor> end_;
  std::shared_ptr<StreamSide> side_;
};

}  // namespace bytes_handoff::test
