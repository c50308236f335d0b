#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <system_error>
#include <utility>

#include "bytes_handoff/service/accept_each.hpp"
#include "support/asio.hpp"
#include "support/set_clock.hpp"

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace bytes_handoff::test {

/// How accepting has ended.
class AcceptOutcome {
 public:
  [[nodiscard]] auto handler() {
    return [this](const net_error_code& error) {
      EXPECT_FALSE(error_) << "a handler was called twice";
      error_ = error;
    };
  }
  [[nodiscard]] bool is_over() const { return error_.has_value(); }
  [[nodiscard]] bool is(const net_error_code& error) const { return error_ == error; }
  void expect(const net_error_code& error) const {
    ASSERT_TRUE(is_over()) << "accepting has not ended";
    EXPECT_EQ(*error_, error) << error_->message();
  }

 private:
  std::optional<net_error_code> error_;
};

/// `async_accept_each` with a clock that the test sets.
template <class Acceptor, class OnAccept, class Token>
auto accept_each_with_set_clock(Acceptor& acceptor, OnAccept on_accept,
                                detail::AcceptOptionsOf<Acceptor> options, Token&& token) {
  const detail::StartAcceptEach<Acceptor, SetClock> start(acceptor, options, true);
  return net::async_initiate<Token, void(net_error_code)>(start, token, std::move(on_accept),
                                                          std::move(options));
}

/// Of a number of errno, which Windows has no errors of sockets for.
[[nodiscard]] inline net_error_code system_error_of(int number) {
#if defined(_WIN32)
  return std::error_code(number, std::generic_category());
#else
  return {number, net::error::get_system_category()};
#endif
}

#if !defined(_WIN32)

/// Takes away all descriptors that are free.
class DescriptorShortage {
 public:
  DescriptorShortage() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = open("/", O_RDONLY | O_CLOEXEC);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  DescriptorShortage(const DescriptorShortage&) = delete;
  DescriptorShortage& operator=(const DescriptorShortage&) = delete;
  ~DescriptorShortage() { end(); }
  void end() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};
#endif

}  // namespace bytes_handoff::test
