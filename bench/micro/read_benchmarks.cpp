// From a stream to owned lines. All contenders read from the same source, find the newlines with
// the same scan, own every line until the whole input is read, and drop all of them in the timed
// part.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "chunked_source.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kLines = 16 * 1024;
constexpr std::size_t kLineBytes = 32;
constexpr std::size_t kInputBytes = kLines * kLineBytes;
constexpr std::size_t kReadBytes = 16 * 1024;

const std::vector<std::byte>& input() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> lines(kInputBytes, std::byte{'x'});
    for (std::size_t end = kLineBytes; end <= kInputBytes; end += kLineBytes) {
      lines[end - 1] = std::byte{'\n'};
    }
    return lines;
  }();
  return bytes;
}

// Finds the end of the next line; remembers how far it has looked.
class LineScan {
 public:
  // Bytes of the first line of `unread`, its newline included; 0 when it is not complete.
  std::size_t next(std::string_view unread) noexcept {
    const auto newline = unread.find('\n', looked_at_);
    if (newline == std::string_view::npos) {
      looked_at_ = unread.size();
      return 0;
    }
    looked_at_ = 0;
    return newline + 1;
  }

 private:
  std::size_t looked_at_ = 0;
};

// Contenders. Each has `using Line`, the type that owns a line, and
// `template <class Source> void start(Source&, std::vector<Line>&)`, which reads to the end.

class ManualVecCopy {
 public:
  using Line = std::vector<std::byte>;

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    source.async_read_some(net::buffer(scratch_),
                           [&, this](const net_error_code& error, std::size_t n) {
                             if (error) {
                               return;
                             }
                             unread_.insert(unread_.end(), scratch_.begin(),
                                            scratch_.begin() + static_cast<std::ptrdiff_t>(n));
                             split(lines);
                             start(source, lines);
                           });
  }

 private:
  void split(std::vector<Line>& lines) {
    auto at = unread_.begin();
    const auto unread = [&] {
      return std::string_view(reinterpret_cast<const char*>(std::to_address(at)),
                              static_cast<std::size_t>(unread_.end() - at));
    };
    while (const std::size_t n = scan_.next(unread())) {
      lines.emplace_back(at, at + static_cast<std::ptrdiff_t>(n));
      at += static_cast<std::ptrdiff_t>(n);
    }
    unread_.erase(unread_.begin(), at);
  }

  std::vector<std::byte> scratch_ = std::vector<std::byte>(kReadBytes);
  std::vector<std::byte> unread_;
  LineScan scan_;
};

class BytesMutSplit {
 public:
  using Line = Bytes;

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    bytes_.reserve(kReadBytes);
    const auto room = bytes_.spare().first(kReadBytes);
    source.async_read_some(net::mutable_buffer(room.data(), room.size()),
                           [&, this](const net_error_code& error, std::size_t n) {
                             if (error) {
                               return;
                             }
                             bytes_.commit(n);
                             while (const std::size_t size = scan_.next(bytes_.view())) {
                               lines.push_back(std::move(*bytes_.split_to(size)).freeze());
                             }
                             start(source, lines);
                           });
  }

 private:
  BytesMut bytes_ = BytesMut::with_capacity(64 * 1024);
  LineScan scan_;
};

class HandoffLines {
 public:
  using Line = Bytes;

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    buffer_.async_read_available(source, [&, this](const net_error_code& error, std::size_t n) {
      if (error || n == 0) {
        return;
      }
      while (const std::size_t size = scan_.next(buffer_.peek_view())) {
        lines.push_back(std::move(*buffer_.split_prefix(size)));
      }
      start(source, lines);
    });
  }

 private:
  HandoffBuffer buffer_;
  LineScan scan_;
};

template <class Contender>
void read_lines(benchmark::State& state, std::size_t bytes_per_read) {
  net::io_context context(1);
  std::vector<typename Contender::Line> lines;
  lines.reserve(kLines);
  for ([[maybe_unused]] auto unused : state) {
    ChunkedSource source(context, input(), bytes_per_read);
    Contender contender;
    contender.start(source, lines);
    context.run();
    context.restart();
    if (lines.size() != kLines) {
      state.SkipWithError("lines are missing");
      break;
    }
    benchmark::DoNotOptimize(lines.data());
    lines.clear();
  }
  count_work(state, kInputBytes, kLines);
}

void read_owned_lines_manual_vec_copy(benchmark::State& state) {
  read_lines<ManualVecCopy>(state, kReadBytes);
}
void read_owned_lines_bytes_mut_split(benchmark::State& state) {
  read_lines<BytesMutSplit>(state, kReadBytes);
}
void read_owned_lines_handoff_buffer(benchmark::State& state) {
  read_lines<HandoffLines>(state, kReadBytes);
}
void read_handoff_fragmentation_sweep(benchmark::State& state) {
  read_lines<HandoffLines>(state, static_cast<std::size_t>(state.range(0)));
}

// The source alone: what reading costs everyone.
void discard(ChunkedSource& source, std::span<std::byte> scratch, std::size_t& total) {
  source.async_read_some(net::mutable_buffer(scratch.data(), scratch.size()),
                         [&source, scratch, &total](const net_error_code& error, std::size_t n) {
                           total += n;
                           if (!error) {
                             discard(source, scratch, total);
                           }
                         });
}

void read_raw_discard_lower_bound(benchmark::State& state) {
  net::io_context context(1);
  std::vector<std::byte> scratch(kReadBytes);
  for ([[maybe_unused]] auto unused : state) {
    ChunkedSource source(context, input(), kReadBytes);
    std::size_t total = 0;
    discard(source, scratch, total);
    context.run();
    context.restart();
    if (total != kInputBytes) {
      state.SkipWithError("bytes are missing");
      break;
    }
    benchmark::DoNotOptimize(scratch.data());
  }
  count_work(state, kInputBytes, kLines);
}

BENCHMARK(read_raw_discard_lower_bound);
BENCHMARK(read_owned_lines_manual_vec_copy)->Name("read_owned_lines/manual_vec_copy");
BENCHMARK(read_owned_lines_bytes_mut_split)->Name("read_owned_lines/bytes_mut_split");
BENCHMARK(read_owned_lines_handoff_buffer)->Name("read_owned_lines/handoff_buffer");
BENCHMARK(read_handoff_fragmentation_sweep)
    ->ArgName("bytes_per_read")
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Arg(16 * 1024);

}  // namespace
}  // namespace bytes_handoff::bench
