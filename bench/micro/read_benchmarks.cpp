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
#include "line_scan.hpp"
#include "read_peers.hpp"
#include "timed_section.hpp"
#if BYTES_HANDOFF_BENCH_WITH_LIBEVENT
#include "evbuffer_lines.hpp"
#endif

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

// Contenders, further ones in read_peers.hpp. Each has `using Line`, the type that owns a line, is
// made with the bytes of a read, and has
// `template <class Source> void start(Source&, std::vector<Line>&)`, which reads to the end.

class ManualVecCopy {
 public:
  using Line = std::vector<std::byte>;
  explicit ManualVecCopy(std::size_t read_bytes) : scratch_(read_bytes) {}

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

  std::vector<std::byte> scratch_;
  std::vector<std::byte> unread_;
  LineScan scan_;
};

class BytesMutSplit {
 public:
  using Line = Bytes;
  explicit BytesMutSplit(std::size_t read_bytes) : read_bytes_(read_bytes) {}

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    bytes_.reserve(read_bytes_);
    const auto room = bytes_.spare().first(read_bytes_);
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
  std::size_t read_bytes_;
  BytesMut bytes_ = BytesMut::with_capacity(64 * 1024);
  LineScan scan_;
};

// Offers the source all the room of its block; the source gives what it gives to all.
class HandoffLines {
 public:
  using Line = Bytes;
  explicit HandoffLines(std::size_t read_bytes) : buffer_(config_of(read_bytes)) {}

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
  static HandoffBufferConfig config_of(std::size_t read_bytes) {
    HandoffBufferConfig config;
    config.read_reserve = read_bytes;
    return config;
  }

  HandoffBuffer buffer_;
  LineScan scan_;
};

// As above, without a loop of one's own.
class FramerLines {
 public:
  using Line = Bytes;
  explicit FramerLines(std::size_t read_bytes) : buffer_({.read_reserve = read_bytes}) {}

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    buffer_.async_read_available(source, [&, this](const net_error_code& error, std::size_t n) {
      if (error || n == 0) {
        return;
      }
      for (Bytes& line : buffer_.frames(framer_)) {
        lines.push_back(std::move(line));
      }
      start(source, lines);
    });
  }

 private:
  HandoffBuffer buffer_;
  DelimiterFramer framer_{"\n", {.keep_delimiter = true}};
};

template <class Contender>
void read_lines(benchmark::State& state, std::size_t bytes_per_read) {
  net::io_context context(1);
  std::vector<typename Contender::Line> lines;
  lines.reserve(kLines);
  for ([[maybe_unused]] auto unused : state) {
    ChunkedSource source(context, input(), bytes_per_read);
    Contender contender(kReadBytes);
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

template <class Contender>
void read_owned_lines(benchmark::State& state) {
  read_lines<Contender>(state, kReadBytes);
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
BENCHMARK(read_owned_lines<ManualVecCopy>)->Name("read_owned_lines/manual_vec_copy");
BENCHMARK(read_owned_lines<BytesMutSplit>)->Name("read_owned_lines/bytes_mut_split");
BENCHMARK(read_owned_lines<HandoffLines>)->Name("read_owned_lines/handoff_buffer");
BENCHMARK(read_owned_lines<FramerLines>)->Name("read_owned_lines/framer");
BENCHMARK(read_owned_lines<StringErase>)->Name("read_owned_lines/string_erase");
BENCHMARK(read_owned_lines<BeastFlatBuffer>)->Name("read_owned_lines/beast_flat_buffer");
BENCHMARK(read_owned_lines<AsioStreambuf>)->Name("read_owned_lines/asio_streambuf");
#if BYTES_HANDOFF_BENCH_WITH_LIBEVENT
BENCHMARK(read_owned_lines<EvbufferLines>)->Name("read_owned_lines/libevent_evbuffer");
#endif
BENCHMARK(read_handoff_fragmentation_sweep)
    ->ArgName("bytes_per_read")
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Arg(16 * 1024);

}  // namespace
}  // namespace bytes_handoff::bench
