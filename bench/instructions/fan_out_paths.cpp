#include "fan_out_paths.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../micro/null_stream.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/fan_out.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bench_instructions {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;
using bytes_handoff::FanOut;
using bytes_handoff::Subscription;
using bytes_handoff::WriteHandoff;

constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kItems = 4096;
constexpr std::size_t kTurn = 64;  // publications of one handler

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "bench_instructions: %s\n", what);
  std::exit(EXIT_FAILURE);
}

// Slices of one block, as of one read.
std::vector<Bytes> slices(std::size_t items) {
  BytesMut block = BytesMut::with_capacity(items * kItemBytes);
  std::memset(block.spare().data(), 'x', items * kItemBytes);
  block.commit(items * kItemBytes);
  std::vector<Bytes> all;
  while (!block.empty()) all.push_back(std::move(*block.split_to_frozen(kItemBytes)));
  return all;
}

// A log, and streams that take all at once.
class Publisher {
 public:
  Publisher(const Counter& counter, std::size_t subscribers) : counter_(counter) {
    for (std::size_t i = 0; i < subscribers; ++i) {
      queues_.emplace_back(bytes_handoff::bench::NullStream(context_, taken_));
      subscriptions_.push_back(log_.subscribe(queues_.back()));
    }
  }

  /// Publishes, then gives and writes what was published, a turn at a time. Counts both.
  void run(std::size_t items) {
    std::vector<Bytes> all = slices(items);
    const std::size_t before = taken_;
    for (std::size_t i = 0; i < items; i += kTurn) {
      counter_.count(
          [&] {
            for (std::size_t k = i; k < i + kTurn; ++k) {
              require(log_.publish(all[k]).has_value(), "a publication was refused");
            }
            context_.poll();
          },
          true);
    }
    require(taken_ - before == items * kItemBytes * queues_.size(), "bytes are missing");
  }

 private:
  const Counter counter_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::size_t taken_ = 0;
  FanOut log_;
  std::vector<WriteHandoff> queues_;
  std::vector<Subscription> subscriptions_;
};

}  // namespace

void report_fan_out(const Counter& counter) {
  const auto path = [&](const char* name, std::size_t subscribers) {
    const auto publisher = std::make_shared<Publisher>(counter, subscribers);
    counter.report(name, kItems, [=](std::size_t items) { publisher->run(items); });
  };
  path("publish_to_nobody", 0);
  path("publish_to_one", 1);
  path("publish_to_eight", 8);
}

}  // namespace bench_instructions
