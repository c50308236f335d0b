// Frames out of what a buffer holds. Filling the buffer is outside of the timed part, dropping the
// slices one by one is inside.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/framing/find_frame.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "line_scan.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kFrameBytes = 64;
constexpr std::size_t kBlocks = 16;

BytesMut filled(std::size_t size, char last) {
  BytesMut bytes = BytesMut::with_capacity(size);
  std::memset(bytes.spare().data(), 'x', size);
  for (std::size_t end = kFrameBytes; end <= size; end += kFrameBytes) {
    bytes.spare()[end - 1] = static_cast<std::byte>(last);
  }
  bytes.commit(size);
  return bytes;
}

HandoffBuffer buffer_of(BytesMut bytes) {
  return std::move(*HandoffBuffer::from_tail(bytes, {.max_size = 2 * 1024 * 1024}));
}

// Owns all frames of a block, some blocks one after the other. `take` does it with one.
template <class Make, class Take>
void take_frames(benchmark::State& state, Make make, Take take) {
  for ([[maybe_unused]] auto unused : state) {
    std::vector<HandoffBuffer> buffers;
    for (std::size_t i = 0; i < kBlocks; ++i) {
      buffers.push_back(buffer_of(make()));
    }
    std::size_t frames = 0;
    std::vector<Bytes> owned;
    owned.reserve(kBlockBytes / kFrameBytes);
    time_section(state, [&] {
      for (HandoffBuffer& buffer : buffers) {
        take(buffer, owned);
        frames += owned.size();
        benchmark::DoNotOptimize(owned.data());
        owned.clear();
      }
    });
    if (frames != kBlocks * kBlockBytes / kFrameBytes) {
      state.SkipWithError("frames are missing");
      break;
    }
  }
  count_work(state, kBlocks * kBlockBytes, kBlocks * kBlockBytes / kFrameBytes);
}

BytesMut lines() { return filled(kBlockBytes, '\n'); }

// Headers of four bytes, in network order.
BytesMut messages() {
  BytesMut bytes = filled(kBlockBytes, 'x');
  for (std::size_t at = 0; at < kBlockBytes; at += kFrameBytes) {
    const unsigned char header[4] = {0, 0, 0, kFrameBytes - 4};
    std::memcpy(bytes.data() + at, header, sizeof(header));
  }
  return bytes;
}

void by_hand(HandoffBuffer& buffer, std::vector<Bytes>& owned) {
  LineScan scan;
  while (const std::size_t size = scan.next(buffer.peek_view())) {
    owned.push_back(std::move(*buffer.split_prefix(size)));
  }
}

template <class F>
void by_framer(HandoffBuffer& buffer, std::vector<Bytes>& owned, F framer) {
  for (Bytes& frame : buffer.frames(framer)) {
    owned.push_back(std::move(frame));
  }
}

void by_hand_of_messages(HandoffBuffer& buffer, std::vector<Bytes>& owned) {
  while (buffer.size() >= 4) {
    const std::byte* const at = buffer.peek().data();
    const auto byte = [at](int i) { return std::to_integer<std::size_t>(at[i]); };
    const std::size_t length = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    if (length > buffer.size() - 4) {
      break;
    }
    static_cast<void>(buffer.advance(4));
    owned.push_back(std::move(*buffer.split_prefix(length)));
  }
}

void frames_lines_by_hand(benchmark::State& state) { take_frames(state, lines, by_hand); }
void frames_lines_by_framer(benchmark::State& state) {
  take_frames(state, lines, [](HandoffBuffer& buffer, std::vector<Bytes>& owned) {
    by_framer(buffer, owned, DelimiterFramer("\n", {.keep_delimiter = true}));
  });
}
void frames_messages_by_hand(benchmark::State& state) {
  take_frames(state, messages, by_hand_of_messages);
}
void frames_messages_by_framer(benchmark::State& state) {
  take_frames(state, messages, [](HandoffBuffer& buffer, std::vector<Bytes>& owned) {
    by_framer(buffer, owned, LengthFramer({.length_bytes = 4}));
  });
}

// A megabyte without a delimiter, all at once or in reads of some bytes.
template <class Search>
void search(benchmark::State& state, Search make_search) {
  constexpr std::size_t kBytes = 1024 * 1024;
  const auto read_bytes = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto unused : state) {
    HandoffBuffer buffer({.max_size = 2 * kBytes, .read_reserve = kBytes + 1});
    const auto room = front_end::begin_read(buffer);
    std::memset(room->data(), 'x', kBytes);
    front_end::end_read(buffer, 0);
    auto find = make_search();
    time_section(state, [&] {
      for (std::size_t read = 0; read < kBytes; read += read_bytes) {
        static_cast<void>(front_end::begin_read(buffer));
        front_end::end_read(buffer, read_bytes);
        benchmark::DoNotOptimize(find(buffer));
      }
    });
  }
  count_work(state, kBytes, kBytes / read_bytes);
}

void search_by_memchr(benchmark::State& state) {
  search(state, [] {
    return [scan = LineScan()](HandoffBuffer& buffer) mutable {
      return scan.next(buffer.peek_view());
    };
  });
}

void search_by_framer(benchmark::State& state) {
  search(state, [] {
    return [framer = DelimiterFramer("\r\n", {.max_content = SIZE_MAX / 2})](
               HandoffBuffer& buffer) mutable {
      return detail::find_frame(buffer, framer).is_complete();
    };
  });
}

BENCHMARK(frames_lines_by_hand)->Name("frames/lines_by_hand")->UseManualTime();
BENCHMARK(frames_lines_by_framer)->Name("frames/lines_by_framer")->UseManualTime();
BENCHMARK(frames_messages_by_hand)->Name("frames/messages_by_hand")->UseManualTime();
BENCHMARK(frames_messages_by_framer)->Name("frames/messages_by_framer")->UseManualTime();
BENCHMARK(search_by_memchr)
    ->Name("frames/search_by_memchr")
    ->ArgName("bytes_per_read")
    ->Arg(1024 * 1024)
    ->Arg(1024)
    ->UseManualTime();
BENCHMARK(search_by_framer)
    ->Name("frames/search_by_framer")
    ->ArgName("bytes_per_read")
    ->Arg(1024 * 1024)
    ->Arg(1024)
    ->UseManualTime();

}  // namespace
}  // namespace bytes_handoff::bench
