#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "ends/peer.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

using NearDuplex = BasicDuplexStream<net::io_context::executor_type>;

/// The other end of a duplex, on a context that its calls run.
class DuplexPeer final : public Peer {
 public:
  [[nodiscard]] NearDuplex connect(net::io_context& near, std::size_t capacity) {
    auto [first, second] = make_duplex(near, context_, capacity);
    end_ = std::make_unique<NearDuplex>(std::move(second));
    return std::move(first);
  }

  bool write(std::string_view text) override {
    const auto [error, n] = wait_for(
        [&](auto handler) { net::async_write(*end_, net::buffer(text), std::move(handler)); });
    return n == text.size();
  }
  void end_write() override {
    net_error_code ignored;
    end_->shutdown(NearDuplex::shutdown_send, ignored);
  }
  void reset() override { end_->reset(); }
  void close() override { end_->close(); }
  [[nodiscard]] bool is_told_of_an_end() override {
    bool is_told = false;
    end_->async_wait(NearDuplex::wait_error, [&](net_error_code error) { is_told = !error; });
    context_.restart();
    context_.poll();
    end_->cancel();
    context_.restart();
    context_.poll();
    return is_told;
  }

 protected:
  Step read_some(char* into, std::size_t room) override {
    const auto [error, n] = wait_for(
        [&](auto handler) { end_->async_read_some(net::buffer(into, room), std::move(handler)); });
    if (n != 0) {
      return {n};
    }
    if (error == net::error::eof) {
      return {0, Seen::kEnd};
    }
    if (error == net::error::connection_reset) {
      return {0, Seen::kReset};
    }
    return {0, error == net::error::operation_aborted ? Seen::kNothing : Seen::kOther};
  }

 private:
  template <class Start>
  std::pair<net_error_code, std::size_t> wait_for(Start start) {
    constexpr std::chrono::milliseconds kLook{20};
    std::pair<net_error_code, std::size_t> result;
    bool has_come = false;
    start([&](net_error_code error, std::size_t n) {
      result = {error, n};
      has_come = true;
    });
    while (!has_come) {
      context_.restart();
      const auto guard = net::make_work_guard(context_);
      context_.run_one_for(kLook);
      if (is_stopped() && !has_come) {
        end_->cancel();
      }
    }
    return result;
  }

  net::io_context context_{1};
  std::unique_ptr<NearDuplex> end_;
};

}  // namespace bytes_handoff::test
