#pragma once

// The environments as types, for what depends on the type of the executor.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "support/hostile_executor.hpp"
#include "support/run_for.hpp"
#include "tokens/environment.hpp"

namespace bytes_handoff::test {

/// The streams' context, stepped by the test.
class SteppedStreams {
 public:
  [[nodiscard]] net::io_context& context() { return context_; }
  bool run_one() {
    context_.restart();
    return context_.poll_one() != 0;
  }
  void settle() { static_cast<void>(run_out(context_)); }

 private:
  net::io_context context_{1};
};

/// The streams' context, with a thread.
class ThreadedStreams {
 public:
  ThreadedStreams() : work_(context_.get_executor()), thread_([this] { context_.run(); }) {}
  ThreadedStreams(const ThreadedStreams&) = delete;
  ThreadedStreams& operator=(const ThreadedStreams&) = delete;
  ~ThreadedStreams() {
    if (thread_.joinable()) {
      context_.stop();
      thread_.join();
    }
  }
  [[nodiscard]] net::io_context& context() { return context_; }
  void settle() {
    work_.reset();
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!context_.stopped() && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(context_.stopped()) << "something never ends";
    context_.stop();
    thread_.join();
  }

 private:
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::thread thread_;
};

class PlainEnvironment final : public Environment {
 public:
  [[nodiscard]] auto concrete() { return streams_.context().get_executor(); }
  net::any_io_executor executor() override { return concrete(); }
  bool is_on_executor() override { return concrete().running_in_this_thread(); }
  net::any_io_executor streams() override { return streams_.context().get_executor(); }
  bool is_on_streams() override {
    return streams_.context().get_executor().running_in_this_thread();
  }
  void turn() override { streams_.run_one(); }
  void settle() override { streams_.settle(); }

 private:
  SteppedStreams streams_;
};

class SteppedHostileEnvironment final : public Environment {
 public:
  SteppedHostileEnvironment(Hostility how, std::uint64_t seed)
      : random_(seed), context_(how, seed) {
    is_shuffled_ = how == Hostility::shuffled;
  }
  [[nodiscard]] auto concrete() { return context_.get_executor(); }
  net::any_io_executor executor() override { return concrete(); }
  bool is_on_executor() override { return context_.is_running_here(); }
  net::any_io_executor streams() override { return streams_.context().get_executor(); }
  bool is_on_streams() override {
    return streams_.context().get_executor().running_in_this_thread();
  }
  void turn() override { static_cast<void>(step()); }
  void settle() override {
    while (step()) {
    }
    // What waits for time, or keeps the streams' context busy.
    streams_.settle();
    EXPECT_TRUE(context_.settle(kPatience)) << "something never ends";
    streams_.settle();
  }

 private:
  bool step() {
    if (is_shuffled_ && random_.one_in(2)) {
      return context_.run_one() || streams_.run_one();
    }
    return streams_.run_one() || context_.run_one();
  }

  Random random_;
  HostileContext context_;
  SteppedStreams streams_;
  bool is_shuffled_ = false;
};

class ElsewhereEnvironment final : public Environment {
 public:
  explicit ElsewhereEnvironment(std::uint64_t seed) : context_(Hostility::elsewhere, seed) {}
  [[nodiscard]] auto concrete() { return context_.get_executor(); }
  net::any_io_executor executor() override { return concrete(); }
  bool is_on_executor() override { return context_.is_running_here(); }
  net::any_io_executor streams() override { return streams_.context().get_executor(); }
  bool is_on_streams() override {
    return streams_.context().get_executor().running_in_this_thread();
  }
  void turn() override { std::this_thread::yield(); }
  void settle() override {
    streams_.settle();
    EXPECT_TRUE(context_.settle(kPatience)) << "something never ends";
  }

 private:
  HostileContext context_;
  ThreadedStreams streams_;
};

class WithinEnvironment final : public Environment {
 public:
  explicit WithinEnvironment(std::uint64_t seed)
      : context_(Hostility::elsewhere, seed), streams_(Hostility::elsewhere, seed) {}
  [[nodiscard]] auto concrete() { return context_.get_executor(); }
  net::any_io_executor executor() override { return concrete(); }
  bool is_on_executor() override { return context_.is_running_here(); }
  net::any_io_executor streams() override { return strand_; }
  bool is_on_streams() override { return strand_.running_in_this_thread(); }
  void turn() override { std::this_thread::yield(); }
  void settle() override {
    // Each may still submit to the other.
    for (int times = 0; times < 2; ++times) {
      EXPECT_TRUE(streams_.settle(kPatience)) << "something never ends";
      EXPECT_TRUE(context_.settle(kPatience)) << "something never ends";
    }
  }

 private:
  HostileContext context_;
  HostileContext streams_;
  net::strand<HostileExecutor<>> strand_ = net::make_strand(streams_.get_executor());
};

class PoolEnvironment final : public Environment {
 public:
  [[nodiscard]] auto concrete() { return pool_.get_executor(); }
  net::any_io_executor executor() override { return concrete(); }
  bool is_on_executor() override { return concrete().running_in_this_thread(); }
  net::any_io_executor streams() override { return streams_.context().get_executor(); }
  bool is_on_streams() override {
    return streams_.context().get_executor().running_in_this_thread();
  }
  void turn() override { std::this_thread::yield(); }
  void settle() override {
    streams_.settle();
    pool_.join();
  }

 private:
  net::thread_pool pool_{2};
  ThreadedStreams streams_;
};

class PoolStrandEnvironment final : public Environment {
 public:
  [[nodiscard]] auto concrete() { return strand_; }
  net::any_io_executor executor() override { return strand_; }
  bool is_on_executor() override { return strand_.running_in_this_thread(); }
  net::any_io_executor streams() override { return streams_.context().get_executor(); }
  bool is_on_streams() override {
    return streams_.context().get_executor().running_in_this_thread();
  }
  void turn() override { std::this_thread::yield(); }
  void settle() override {
    streams_.settle();
    pool_.join();
  }

 private:
  net::thread_pool pool_{2};
  net::strand<net::thread_pool::executor_type> strand_ = net::make_strand(pool_);
  ThreadedStreams streams_;
};

/// Calls `function` with the executor of `environment`, as its own type.
template <class Function>
void with_concrete_executor(Environment& environment, Where where, Function function) {
  switch (where) {
    case Where::plain:
      return function(static_cast<PlainEnvironment&>(environment).concrete());
    case Where::late:
    case Where::shuffled:
      return function(static_cast<SteppedHostileEnvironment&>(environment).concrete());
    case Where::elsewhere:
      return function(static_cast<ElsewhereEnvironment&>(environment).concrete());
    case Where::within:
      return function(static_cast<WithinEnvironment&>(environment).concrete());
    case Where::pool:
      return function(static_cast<PoolEnvironment&>(environment).concrete());
    case Where::pool_strand:
      return function(static_cast<PoolStrandEnvironment&>(environment).concrete());
  }
}

}  // namespace bytes_handoff::test
