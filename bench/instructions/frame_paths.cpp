#include "frame_paths.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "../micro/line_scan.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bench_instructions {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;
using bytes_handoff::DelimiterFramer;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::LengthFramer;

constexpr std::size_t kFrameBytes = 64;
constexpr std::size_t kHeaderBytes = 4;

// Each frame is a line, and a message with a header in network order.
HandoffBuffer filled(std::size_t frames) {
  BytesMut bytes = BytesMut::with_capacity(frames * kFrameBytes);
  std::memset(bytes.spare().data(), 'x', frames * kFrameBytes);
  for (std::size_t i = 0; i < frames; ++i) {
    const unsigned char header[kHeaderBytes] = {0, 0, 0, kFrameBytes - kHeaderBytes};
    std::byte* const frame = bytes.spare().data() + i * kFrameBytes;
    std::memcpy(frame, header, kHeaderBytes);
    frame[kFrameBytes - 1] = std::byte{'\n'};
  }
  bytes.commit(frames * kFrameBytes);
  return std::move(*HandoffBuffer::from_tail(bytes, {.max_size = frames * kFrameBytes}));
}

void keep(const Bytes& frame) { asm volatile("" : : "r"(&frame) : "memory"); }

void require_empty(const HandoffBuffer& buffer) {
  if (!buffer.empty()) {
    std::fprintf(stderr, "bench_instructions: frames are left\n");
    std::exit(EXIT_FAILURE);
  }
}

template <class Take>
auto taking(const Counter& counter, Take take) {
  return [&counter, take](std::size_t frames) {
    HandoffBuffer buffer = filled(frames);
    counter.count([&] { take(buffer); }, true);
    require_empty(buffer);
  };
}

template <class F>
auto by_framer(const F& framer) {
  return [framer](HandoffBuffer& buffer) {
    F own = framer;
    for (const Bytes& frame : buffer.frames(own)) {
      keep(frame);
    }
  };
}

}  // namespace

void report_frames(const Counter& counter) {
  constexpr std::size_t kFrames = 1024;
  counter.report("line_by_hand", kFrames, taking(counter, [](HandoffBuffer& buffer) {
                   bytes_handoff::bench::LineScan scan;
                   while (const std::size_t size = scan.next(buffer.peek_view())) {
                     const Bytes line = std::move(*buffer.split_prefix(size));
                     keep(line);
                   }
                 }));
  counter.report("line_by_framer", kFrames,
                 taking(counter, by_framer(DelimiterFramer("\n", {.keep_delimiter = true}))));
  counter.report("message_by_hand", kFrames, taking(counter, [](HandoffBuffer& buffer) {
                   while (buffer.size() >= kHeaderBytes) {
                     const std::byte* const at = buffer.peek().data();
                     const auto byte = [at](int i) { return std::to_integer<std::size_t>(at[i]); };
                     const std::size_t length =
                         byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
                     if (length > buffer.size() - kHeaderBytes) break;
                     static_cast<void>(buffer.advance(kHeaderBytes));
                     const Bytes message = std::move(*buffer.split_prefix(length));
                     keep(message);
                   }
                 }));
  counter.report("message_by_framer", kFrames,
                 taking(counter, by_framer(LengthFramer({.length_bytes = kHeaderBytes}))));
}

}  // namespace bench_instructions
