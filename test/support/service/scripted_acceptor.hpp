#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <utility>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// An acceptor whose answers are those of a list. Behind the last one an accept waits, and can be
/// cancelled by its slot. Its sockets are numbers.
class ScriptedAcceptor {
 public:
  using Socket = std::unique_ptr<int>;
  using executor_type = net::io_context::executor_type;
  enum class How { later, inside, throws };

  explicit ScriptedAcceptor(net::io_context& context) : executor_(context.get_executor()) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  /// The answers of the next accepts.
  void answer(const net_error_code& error, std::size_t times = 1) {
    answers_.insert(answers_.end(), times, error);
  }
  /// How answers come; `throws` throws instead.
  void set(How how) { how_ = how; }
  [[nodiscard]] int started() const { return started_; }
  [[nodiscard]] bool is_waiting() const { return waiting_ != nullptr; }

  template <class Handler>
  void async_accept(Handler handler) {
    ++started_;
    if (how_ == How::throws) {
      throw std::bad_alloc();
    }
    if (answers_.empty()) {
      wait(std::move(handler));
      return;
    }
    const net_error_code error = answers_.front();
    answers_.pop_front();
    if (how_ == How::inside) {
      std::move(handler)(error, next(error));
    } else {
      net::post(executor_, [this, error, handler = std::move(handler)]() mutable {
        std::move(handler)(error, next(error));
      });
    }
  }

 private:
  struct Waiting {
    virtual ~Waiting() = default;
    virtual void complete(const net_error_code& error) = 0;
  };
  template <class Handler>
  struct WaitingHandler final : Waiting {
    explicit WaitingHandler(Handler from) : handler(std::move(from)) {}
    void complete(const net_error_code& error) override { std::move(handler)(error, Socket()); }
    Handler handler;
  };

  [[nodiscard]] Socket next(const net_error_code& error) {
    return error ? Socket() : std::make_unique<int>(++accepted_);
  }

  template <class Handler>
  void wait(Handler handler) {
    auto slot = net::get_associated_cancellation_slot(handler);
    waiting_ = std::make_unique<WaitingHandler<Handler>>(std::move(handler));
    // Inside of the emission, as a type of one's own may.
    slot.assign([this](net::cancellation_type_t) {
      if (const auto waiting = std::move(waiting_)) {
        waiting->complete(net::error::operation_aborted);
      }
    });
  }

  executor_type executor_;
  std::deque<net_error_code> answers_;
  std::unique_ptr<Waiting> waiting_;
  How how_ = How::later;
  int started_ = 0;
  int accepted_ = 0;
};

}  // namespace bytes_handoff::test
