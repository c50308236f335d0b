#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::test {

/// The result of one asynchronous operation, for tests on one thread.
template <class T>
class Outcome {
 public:
  /// A completion handler; it fails the test when it is called a second time.
  [[nodiscard]] auto handler() {
    return [this](T result) {
      EXPECT_FALSE(result_.has_value()) << "a handler was called twice";
      result_.emplace(std::move(result));
    };
  }

  [[nodiscard]] bool has_come() const { return result_.has_value(); }
  [[nodiscard]] T& get() {
    EXPECT_TRUE(result_.has_value()) << "a handler was not called";
    return result_.value();
  }

 private:
  std::optional<T> result_;
};

/// The same for `(error_code, std::size_t)`.
class CountOutcome {
 public:
  [[nodiscard]] auto handler() {
    return [this](net_error_code error, std::size_t n) {
      EXPECT_FALSE(has_come_) << "a handler was called twice";
      has_come_ = true;
      error_ = error;
      n_ = n;
    };
  }

  [[nodiscard]] bool has_come() const { return has_come_; }
  [[nodiscard]] const net_error_code& error() const { return error_; }
  void expect(const net_error_code& error, std::size_t n) const {
    EXPECT_TRUE(has_come_) << "a handler was not called";
    if (error || error_) {  // success is success, whatever category it comes with
      EXPECT_EQ(error_, error) << error_.message();
    }
    EXPECT_EQ(n_, n);
  }

 private:
  bool has_come_ = false;
  net_error_code error_;
  std::size_t n_ = 0;
};

/// Counts how often a handler was called, and how many of its copies are still alive.
class Sentinel {
 public:
  [[nodiscard]] auto handler() {
    return [life = life_, calls = calls_](auto&&...) { ++*calls; };
  }
  [[nodiscard]] std::size_t calls() const { return *calls_; }
  [[nodiscard]] bool is_destroyed() const { return life_.use_count() == 1; }

 private:
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
  std::shared_ptr<std::size_t> calls_ = std::make_shared<std::size_t>(0);
};

}  // namespace bytes_handoff::test
