#include "room_paths.hpp"

#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../micro/null_stream.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bench_instructions {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::WriteHandoff;

constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kItems = 2048;

enum class How { kReserveAndCommit, kTryWrite, kSend };

void submit(WriteHandoff& out, std::span<Bytes> burst, How how) {
  switch (how) {
    case How::kReserveAndCommit:
      for (Bytes& slice : burst) {
        auto permit = out.try_reserve(kItemBytes);
        static_cast<void>(permit->commit(slice));
      }
      return;
    case How::kTryWrite:
      for (Bytes& slice : burst) {
        static_cast<void>(out.try_write(slice));
      }
      return;
    case How::kSend:
      out.async_send(burst, asio::detached);
      return;
  }
}

// A queue in front of a stream that takes all at once.
class Writer {
 public:
  Writer(const Counter& counter, std::size_t burst, How how)
      : counter_(counter), burst_(burst), how_(how) {}

  /// Submits and drains a burst at a time. Counts both, but only the submission where it is alone.
  void run(std::size_t items, bool counts_drain) {
    std::vector<Bytes> all(items, Bytes::copy_of(std::string(kItemBytes, 'x')));
    std::span<Bytes> left(all);
    const std::size_t before = taken_;
    while (!left.empty()) {
      counter_.count([&] { submit(out_, left.first(burst_), how_); }, true);
      counter_.count([&] { context_.poll(); }, counts_drain);
      left = left.subspan(burst_);
    }
    if (taken_ - before != items * kItemBytes) {
      std::fprintf(stderr, "bench_instructions: bytes are missing\n");
      std::exit(EXIT_FAILURE);
    }
  }

 private:
  const Counter counter_;
  const std::size_t burst_;
  const How how_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::size_t taken_ = 0;
  WriteHandoff out_{bytes_handoff::bench::NullStream(context_, taken_)};
};

}  // namespace

void report_room(const Counter& counter) {
  const auto path = [&](const char* name, std::size_t burst, How how, bool counts_drain) {
    const auto writer = std::make_shared<Writer>(counter, burst, how);
    counter.report(name, kItems, [=](std::size_t items) { writer->run(items, counts_drain); });
  };
  path("reserve_and_commit", 64, How::kReserveAndCommit, false);
  path("burst_of_256_by_try_write", 256, How::kTryWrite, true);
  path("burst_of_256_by_send", 256, How::kSend, true);
}

}  // namespace bench_instructions
