#pragma once

// Handlers of any operation that count what becomes of them, on any threads.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// How many handlers were made, called, and destroyed.
class Handlers {
 public:
  /// A handler of anything.
  [[nodiscard]] auto make() {
    made_.fetch_add(1);
    return [life = std::make_shared<Life>(*this)](auto&&...) { life->call(); };
  }

  [[nodiscard]] unsigned made() const { return made_.load(); }
  [[nodiscard]] unsigned called() const { return called_.load(); }
  [[nodiscard]] unsigned destroyed() const { return destroyed_.load(); }

  void expect_all_gone() const {
    EXPECT_EQ(destroyed(), made()) << "handlers were lost";
    EXPECT_LE(called(), made());
    EXPECT_FALSE(was_called_twice_.load());
  }
  void expect_all_called() const {
    expect_all_gone();
    EXPECT_EQ(called(), made());
  }
  void expect_none_called() const {
    expect_all_gone();
    EXPECT_EQ(called(), 0U);
  }

 private:
  class Life {
   public:
    explicit Life(Handlers& all) : all_(&all) {}
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life() { all_->destroyed_.fetch_add(1); }
    void call() {
      all_->called_.fetch_add(1);
      if (is_called_.exchange(true)) {
        all_->was_called_twice_ = true;
      }
    }

   private:
    Handlers* all_;
    std::atomic<bool> is_called_{false};
  };

  std::atomic<unsigned> made_{0};
  std::atomic<unsigned> called_{0};
  std::atomic<unsigned> destroyed_{0};
  std::atomic<bool> was_called_twice_{false};
};

/// A handler that keeps the code of its first result: of the error, or of the refusal as `closed`
/// where that was the reason.
class FirstError {
 public:
  [[nodiscard]] auto handler() {
    return [this, life = life_](const auto& first, const auto&...) {
      EXPECT_FALSE(was_called_) << "a handler was called twice";
      was_called_ = true;
      if constexpr (std::is_convertible_v<decltype(first), const net_error_code&>) {
        error_ = first;
      } else if (!first) {
        error_ = first.error().reason == WriteRefusalReason::closed
                     ? net_error_code(make_error_code(Errc::closed))
                     : net_error_code(net::error::invalid_argument);
      }
    };
  }
  void expect(const net_error_code& error) const {
    EXPECT_TRUE(was_called_) << "a handler was not called";
    if (error || error_) {  // success is success, whatever category it comes with
      EXPECT_EQ(error_, error) << error_.message();
    }
    EXPECT_EQ(life_.use_count(), 1) << "a handler is left";
  }
  void expect_destroyed_uninvoked() const {
    EXPECT_FALSE(was_called_) << "a handler was called: " << error_.message();
    EXPECT_EQ(life_.use_count(), 1) << "a handler is left";
  }

 private:
  std::shared_ptr<int> life_ = std::make_shared<int>();
  bool was_called_ = false;
  net_error_code error_;
};

}  // namespace bytes_handoff::test
