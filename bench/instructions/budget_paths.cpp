#include "budget_paths.hpp"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../micro/null_stream.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bench_instructions {
namespace {

namespace front_end = bytes_handoff::front_end;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::MemoryBudget;
using bytes_handoff::WriteHandoff;

constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kItems = 2048;

enum class Owners { kReadBlocks, kCopies };

void require(bool holds) {
  if (!holds) {
    std::fprintf(stderr, "bench_instructions: bytes are missing\n");
    std::exit(EXIT_FAILURE);
  }
}

// A buffer and a queue, in one budget or in none. The stream takes all at once.
class Connection {
 public:
  Connection(const Counter& counter, const MemoryBudget& budget, Owners owners)
      : counter_(counter),
        owners_(owners),
        buffer_({.max_size = kBlockBytes,
                 .read_reserve = kBlockBytes,
                 .block_size = kBlockBytes,
                 .memory_budget = budget}),
        out_(bytes_handoff::bench::NullStream(context_, taken_), {.memory_budget = budget}) {}

  /// Submits and drains `burst` items at a time, and counts one of the two.
  void write(std::size_t items, std::size_t burst, bool counts_drain) {
    std::vector<Bytes> all = slices(items);
    std::span<Bytes> left(all);
    const std::size_t before = taken_;
    while (!left.empty()) {
      counter_.count(
          [&] {
            for (Bytes& slice : left.first(burst)) {
              static_cast<void>(out_.try_write(slice));
            }
          },
          !counts_drain);
      counter_.count([&] { context_.poll(); }, counts_drain);
      left = left.subspan(burst);
    }
    require(taken_ - before == items * kItemBytes);
  }

  /// Reads of which each has a block of its own, that somebody keeps for a while.
  void read(std::size_t reads) {
    Bytes kept;
    counter_.count(
        [&] {
          for (std::size_t i = 0; i != reads; ++i) {
            require(front_end::begin_read(buffer_).has_value());
            front_end::end_read(buffer_, kBlockBytes);
            kept = buffer_.freeze_all();
          }
        },
        true);
  }

 private:
  std::vector<Bytes> slices(std::size_t items) {
    std::vector<Bytes> all;
    all.reserve(items);
    while (all.size() < items) {
      const auto room = front_end::begin_read(buffer_);
      require(room.has_value());
      const std::size_t now = std::min(items - all.size(), room->size() / kItemBytes);
      std::fill_n(room->begin(), now * kItemBytes, std::byte{'x'});
      front_end::end_read(buffer_, now * kItemBytes);
      while (!buffer_.empty()) {
        Bytes slice = std::move(*buffer_.split_prefix(kItemBytes));
        all.push_back(owners_ == Owners::kCopies ? Bytes::copy_of(slice.view()) : std::move(slice));
      }
    }
    return all;
  }

  const Counter counter_;
  const Owners owners_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::size_t taken_ = 0;
  HandoffBuffer buffer_;
  WriteHandoff out_;
};

}  // namespace

void report_budget(const Counter& counter) {
  const auto connection = [&](bool has_budget, Owners owners) {
    return std::make_shared<Connection>(
        counter, has_budget ? MemoryBudget({.limit = 1024 << 20}) : MemoryBudget(), owners);
  };
  const auto write = [&](const char* name, bool has_budget, Owners owners, std::size_t burst,
                         bool counts_drain) {
    const auto of = connection(has_budget, owners);
    counter.report(name, kItems, [=](std::size_t items) { of->write(items, burst, counts_drain); });
  };
  const auto read = [&](const char* name, bool has_budget) {
    const auto of = connection(has_budget, Owners::kReadBlocks);
    counter.report(name, kItems, [=](std::size_t reads) { of->read(reads); });
  };
  // Each path without a budget, and then in one.
  write("submit_read", false, Owners::kReadBlocks, 64, false);
  write("submit_read_in_budget", true, Owners::kReadBlocks, 64, false);
  write("submit_read_to_empty_queue", false, Owners::kReadBlocks, 1, false);
  write("submit_read_to_empty_queue_in_budget", true, Owners::kReadBlocks, 1, false);
  write("submit_copy", false, Owners::kCopies, 64, false);
  write("submit_copy_in_budget", true, Owners::kCopies, 64, false);
  write("submit_copy_to_empty_queue", false, Owners::kCopies, 1, false);
  write("submit_copy_to_empty_queue_in_budget", true, Owners::kCopies, 1, false);
  write("drain_one_read", false, Owners::kReadBlocks, 1, true);
  write("drain_one_read_in_budget", true, Owners::kReadBlocks, 1, true);
  write("drain_read_burst_of_64", false, Owners::kReadBlocks, 64, true);
  write("drain_read_burst_of_64_in_budget", true, Owners::kReadBlocks, 64, true);
  write("drain_one_copy", false, Owners::kCopies, 1, true);
  write("drain_one_copy_in_budget", true, Owners::kCopies, 1, true);
  write("drain_copy_burst_of_64", false, Owners::kCopies, 64, true);
  write("drain_copy_burst_of_64_in_budget", true, Owners::kCopies, 64, true);
  read("read_into_a_block", false);
  read("read_into_a_block_in_budget", true);
}

}  // namespace bench_instructions
