// Runs the hot paths for bench/instruction-counts, which has callgrind count them. Prints what it
// was compiled with, and a line for each section that was counted, in the order of its dumps:
//
//     key=gcc 12.2, x86_64, asio 1.22.1
//     section=split 2048

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/version.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "../micro/null_stream.hpp"
#include "budget_paths.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "fan_out_paths.hpp"
#include "frame_paths.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "room_paths.hpp"

namespace {
using Part = std::function<void()>;
}  // namespace

// Callgrind counts inside of the first alone, and writes out what it has counted at the second.
extern "C" {
void bench_instructions_count(const Part& part);
void bench_instructions_dump();
}

[[gnu::noinline]] void bench_instructions_count(const Part& part) {
  part();
  asm volatile("" ::: "memory");  // no jump instead of the call
}

[[gnu::noinline]] void bench_instructions_dump() { asm volatile("" ::: "memory"); }

namespace {

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::HandoffBufferConfig;
using bytes_handoff::WriteHandoff;

constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kBlockBytes = 64 * 1024;

bool warming_up = false;

void count(const Part& part, bool counted = true) {
  if (counted && !warming_up) {
    bench_instructions_count(part);
  } else {
    part();
  }
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "bench_instructions: %s\n", what);
  std::exit(EXIT_FAILURE);
}

template <class T>
void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

BytesMut filled(std::size_t size) {
  BytesMut bytes = BytesMut::with_capacity(size);
  std::memset(bytes.spare().data(), 'x', size);
  bytes.commit(size);
  return bytes;
}

void split(std::size_t prefixes) {
  const std::size_t size = prefixes * kItemBytes;
  HandoffBufferConfig config;
  config.max_size = size;
  BytesMut tail = filled(size);
  HandoffBuffer buffer = std::move(*HandoffBuffer::from_tail(tail, config));
  count([&] {
    while (!buffer.empty()) {
      const auto prefix = buffer.split_prefix(kItemBytes);
      keep(*prefix);
    }
  });
}

// Slices of blocks, one behind the other, as a read buffer splits them.
std::vector<Bytes> slices(std::size_t items) {
  std::vector<Bytes> all;
  all.reserve(items);
  while (all.size() < items) {
    BytesMut block = filled(std::min(kBlockBytes, (items - all.size()) * kItemBytes));
    while (!block.empty()) {
      all.push_back(std::move(*block.split_to_frozen(kItemBytes)));
    }
  }
  return all;
}

enum class Counted { kSubmit, kDrain };

// A queue in front of a stream that takes all at once.
class Writer {
 public:
  // Submits and drains `burst` items at a time.
  void run(std::size_t items, std::size_t burst, Counted counted) {
    std::vector<Bytes> all = slices(items);
    auto next = all.begin();
    const Part submit = [&] {
      for (const auto end = next + static_cast<std::ptrdiff_t>(burst); next != end; ++next) {
        keep(out_.try_write(*next));
      }
    };
    const Part drain = [&] { context_.poll(); };
    const std::size_t before = taken_;
    while (next != all.end()) {
      count(submit, counted == Counted::kSubmit);
      count(drain, counted == Counted::kDrain);
    }
    require(taken_ - before == items * kItemBytes, "bytes are missing");
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::size_t taken_ = 0;
  WriteHandoff out_{bytes_handoff::bench::NullStream(context_, taken_)};
};

// One connection of `--transport cached`, to its end.
void forward(const stream_harness::Options& options) {
  const auto worker = stream_harness::make_cached_worker(options, {}).value();
  count([&] { require(worker->run_wave().has_value(), "the wave could not be run"); });
  require(worker->account().failed_connections == 0 &&
              worker->account().forwarded_bytes == options.bytes_per_connection(),
          "the connection has failed");
}

stream_harness::Options connection(stream_harness::Completion completion) {
  stream_harness::Options options;
  options.transport = stream_harness::Transport::kCached;
  options.completion = completion;
  options.connections = 1;
  options.tunnel_bytes = kItemBytes;
  options.frame_len = kItemBytes - 1;
  options.input_fragment = kItemBytes;
  return options;
}

void forward_frames(std::size_t frames, stream_harness::Completion completion) {
  auto options = connection(completion);
  options.route_frames = frames;
  forward(options);
}

void forward_tunnel(std::size_t fragments, stream_harness::Completion completion) {
  auto options = connection(completion);
  options.tunnel_bytes = fragments * kItemBytes;
  forward(options);
}

void forward_coalesced(std::size_t frames) {
  auto options = connection(stream_harness::Completion::kFireAndForget);
  options.scenario = stream_harness::Scenario::kCoalesced;
  options.route_frames = frames;
  options.input_fragment = options.read_reserve;
  forward(options);
}

// Counts `path` for `repetitions` and for twice as many, so that the difference is without what
// happens once.
void report(const char* name, std::size_t repetitions,
            const std::function<void(std::size_t)>& path) {
  warming_up = true;
  path(2 * repetitions);
  warming_up = false;
  for (const std::size_t n : {repetitions, 2 * repetitions}) {
    path(n);
    bench_instructions_dump();
    std::printf("section=%s %zu\n", name, n);
  }
}

void report_queue() {
  constexpr std::size_t kItems = 2048;
  const auto queue = [](std::size_t burst, Counted counted) {
    return [writer = std::make_shared<Writer>(), burst, counted](std::size_t items) {
      writer->run(items, burst, counted);
    };
  };
  report("submit", kItems, queue(64, Counted::kSubmit));
  report("submit_to_empty_queue", kItems, queue(1, Counted::kSubmit));
  report("drain_one", kItems, queue(1, Counted::kDrain));
  report("drain_burst_of_64", kItems, queue(64, Counted::kDrain));
}

void report_proxy() {
  using stream_harness::Completion;
  constexpr std::size_t kUnits = 4096;
  const auto frames = [](Completion completion) {
    return [completion](std::size_t n) { forward_frames(n, completion); };
  };
  const auto tunnel = [](Completion completion) {
    return [completion](std::size_t n) { forward_tunnel(n, completion); };
  };
  report("routed_frame", kUnits, frames(Completion::kFireAndForget));
  report("routed_frame_with_ticket", kUnits, frames(Completion::kTicket));
  report("routed_frame_coalesced", kUnits, forward_coalesced);
  report("tunnel_fragment", kUnits, tunnel(Completion::kFireAndForget));
  report("tunnel_fragment_with_ticket", kUnits, tunnel(Completion::kTicket));
}

void print_key() {
#if defined(__clang__)
  std::printf("key=clang %d.%d", __clang_major__, __clang_minor__);
#else
  std::printf("key=gcc %d.%d", __GNUC__, __GNUC_MINOR__);
#endif
#if defined(__x86_64__)
  constexpr const char* kArchitecture = "x86_64";
#elif defined(__aarch64__)
  constexpr const char* kArchitecture = "aarch64";
#else
  constexpr const char* kArchitecture = "another architecture";
#endif
  std::printf(", %s, asio %d.%d.%d\n", kArchitecture, ASIO_VERSION / 100000,
              ASIO_VERSION / 100 % 1000, ASIO_VERSION % 100);
}

}  // namespace

int main() {
  // As in bench_micro: atomics and locks are left out until a second thread has existed.
  std::thread([] {}).join();
  print_key();
  report("split", 2048, split);
  report_queue();
  report_proxy();
  bench_instructions::report_room({count, report});
  bench_instructions::report_frames({count, report});
  bench_instructions::report_fan_out({count, report});
  bench_instructions::report_budget({count, report});
  return EXIT_SUCCESS;
}
