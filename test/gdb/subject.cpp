// Has objects of each kind, whole, corrupted and optimized out, and stops where GDB looks at them.
#include <bytes_handoff.hpp>
#include <bytes_handoff/front_end.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace {

using namespace bytes_handoff;

[[gnu::noinline]] void look() { asm volatile(""); }

/// Memory of an object that was overwritten.
template <class T>
struct Corrupted {
  Corrupted() { std::memset(memory, 0xa5, sizeof(memory)); }
  alignas(T) std::byte memory[sizeof(T)];
  const T* object = std::launder(reinterpret_cast<const T*>(memory));
};

struct NothingMore {
  template <class... Results>
  void operator()(const Results&... /*results*/) const {}
};

void look_at_values() {
  const Bytes empty;
  const Bytes text = Bytes::copy_of("a \"line\"\r\n\\\x01\xff");
  const Bytes one = Bytes::from_static("x");
  const Bytes large = Bytes::copy_of(std::string(1000, 'z'));
  BytesMut region = BytesMut::with_capacity(100);
  region.extend("region");
  HandoffBuffer buffer({.max_size = 4096});
  const std::string_view input = "GET / HTTP";
  const auto room = *front_end::begin_read(buffer);
  std::memcpy(room.data(), input.data(), input.size());
  front_end::end_read(buffer, input.size());
  static_cast<void>(buffer.split_prefix(4));
  const Corrupted<Bytes> no_bytes;
  const Corrupted<BytesMut> no_region;
  const Corrupted<HandoffBuffer> no_buffer;
  look();
}

void look_at_queues() {
  net::io_context context;
  auto [near, far] = make_duplex(context, 4);
  const WriteHandoff none;
  WriteHandoff out(std::move(near),
                   {.max_items = 20, .max_pending_bytes = 40, .name = "up\tstream"});
  const WriteHandoff idle(std::move(far));
  for (const char* each : {"first", "second"}) {
    Bytes bytes = Bytes::copy_of(each);
    static_cast<void>(out.try_write(bytes));
  }
  context.poll();
  auto permit = out.try_reserve(3);
  Bytes waiting = Bytes::copy_of(std::string(35, 'w'));
  out.async_write(waiting, NothingMore());
  out.async_flush(NothingMore());
  const WeakWriteHandoff weak(out);
  look();
  out.close();
  look();
  out.abort();
  look();
  for (int i = 0; i < 20; ++i) {
    Bytes bytes = Bytes::copy_of("many");
    static_cast<void>(idle.try_write(bytes));
  }
  const Corrupted<detail::WriteQueue> no_queue;
  // A handle on memory that was overwritten.
  const Corrupted<WriteHandoff> no_handle;
  look();
}

}  // namespace

int main() {
  look_at_values();
  look_at_queues();
}
