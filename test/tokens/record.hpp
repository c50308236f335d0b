#pragma once

// What one case of the table sees: results as texts, and who was called where.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/memory/counting_resource.hpp"
#include "tokens/environment.hpp"

namespace bytes_handoff::test {

// Results of operations as texts. With tokens that throw, an error has no count: it is left out.
[[nodiscard]] std::string describe(const net_error_code& error);
[[nodiscard]] std::string describe(const net_error_code& error, std::size_t n);
[[nodiscard]] std::string describe(Errc error);
[[nodiscard]] std::string describe(const net_error_code& error, const WriteTicket& ticket);
[[nodiscard]] inline std::string describe(const net_error_code& error,
                                          const bytes_handoff::WriteOutcome& outcome) {
  return describe(error, outcome.written);
}
[[nodiscard]] std::string describe(const net_error_code& error, const WritePermit& permit);
[[nodiscard]] std::string describe(const net_error_code& error, const RelayCounts& counts);
[[nodiscard]] std::string describe(const net_error_code& error, const TunnelResult& result);
[[nodiscard]] inline std::string describe() { return describe(net_error_code()); }
[[nodiscard]] inline std::string describe(const RelayCounts& counts) {
  return describe(net_error_code(), counts);
}
[[nodiscard]] inline std::string describe(const TunnelResult& result) {
  return describe(net_error_code(), result);
}
[[nodiscard]] inline std::string describe(std::size_t n) { return describe(net_error_code(), n); }
[[nodiscard]] inline std::string describe(const WriteTicket& ticket) {
  return describe(net_error_code(), ticket);
}
[[nodiscard]] inline std::string describe(const bytes_handoff::WriteOutcome& outcome) {
  return describe(net_error_code(), outcome);
}
[[nodiscard]] inline std::string describe(const WritePermit& permit) {
  return describe(net_error_code(), permit);
}

[[nodiscard]] inline std::string describe(const UnwrittenEntries&) { return describe(); }
[[nodiscard]] inline std::string describe(const net_error_code& error, const UnwrittenEntries&) {
  return describe(error);
}

template <class... Results>
[[nodiscard]] std::string describe(std::tuple<Results...> results) {
  return std::apply([](Results&... all) { return describe(std::move(all)...); }, results);
}

/// Whether this thread is inside of an initiating function of the test's.
class Initiating {
 public:
  Initiating() noexcept { ++depth(); }
  Initiating(const Initiating&) = delete;
  Initiating& operator=(const Initiating&) = delete;
  ~Initiating() { --depth(); }
  [[nodiscard]] static unsigned& depth() noexcept {
    thread_local unsigned value = 0;
    return value;
  }
};

/// Counts blocks, and calls a function once, when first it is asked for one.
class HookedResource final : public std::pmr::memory_resource {
 public:
  void at_first(std::function<void()> hook) { hook_ = std::move(hook); }
  [[nodiscard]] std::size_t blocks_out() const { return counting_.blocks_out(); }

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    if (hook_) {
      std::exchange(hook_, nullptr)();
    }
    return counting_.allocate(size, alignment);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    counting_.deallocate(memory, size, alignment);
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::function<void()> hook_;
  CountingResource counting_;
};

/// One case's memory. It outlives everything else of the case.
class Record {
 public:
  Record(Environment& environment, bool on_streams)
      : environment_(&environment), on_streams_(on_streams) {}

  /// What is done where an operation's end is told: its objects are destroyed, as its caller may.
  void at_the_end(std::function<void()> let_go) { let_go_ = std::move(let_go); }
  /// What is done when the handler's allocator is first asked for memory.
  void at_first_allocation(std::function<void()> hook) { resource_.at_first(std::move(hook)); }
  /// An operation has ended; on the thread where that was told.
  void complete(std::string result);
  /// For what no handler tells: asked by the test's thread until it is true.
  void complete_when(std::function<bool()> is_complete) { is_complete_ = std::move(is_complete); }
  /// The initiating function has returned; what was set before is seen by the test's thread.
  void note_started() noexcept { has_started_.store(true, std::memory_order_release); }

  [[nodiscard]] bool has_started() const noexcept {
    return has_started_.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool is_over();

  // After everything has gone.
  void expect_ended_once(const std::string& result) const;
  void expect_nothing_left();

  /// Kept by everything that is to be destroyed.
  [[nodiscard]] std::shared_ptr<int> life() const { return life_; }
  [[nodiscard]] auto allocator() { return std::pmr::polymorphic_allocator<std::byte>(&resource_); }
  [[nodiscard]] net::cancellation_signal& signal() { return signal_; }

 private:
  Environment* environment_;
  const bool on_streams_;
  const std::shared_ptr<int> life_ = std::make_shared<int>();
  HookedResource resource_;
  net::cancellation_signal signal_;
  std::atomic<bool> has_started_{false};
  std::function<void()> let_go_;
  std::function<bool()> is_complete_;
  bool is_completed_silently_ = false;
  std::string result_;
  bool was_elsewhere_ = false;
  bool was_inside_ = false;
  std::atomic<unsigned> completions_{0};
};

}  // namespace bytes_handoff::test
