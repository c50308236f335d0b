// What a write takes, and what it could not leave a refused slice in.
#include <array>
#include <asio/detached.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <span>
#include <utility>
#include <vector>

using asio::detached;
using bytes_handoff::Bytes;

struct Taken {
  Bytes bytes;
  std::vector<Bytes> vector;
  std::array<Bytes, 2> array;
  std::span<Bytes> span;
};

void compiles(bytes_handoff::WriteHandoff& out, Taken taken, const std::span<Bytes> span) {
  static_cast<void>(out.try_write(taken.bytes));
  static_cast<void>(out.try_write(taken.vector));
  static_cast<void>(out.try_write(taken.array));
  static_cast<void>(out.try_write(span));
  static_cast<void>(out.try_write(std::span(taken.vector).subspan(1)));
  out.async_write(taken.bytes, detached);
  out.async_write(taken.vector, detached);
  out.async_write(taken.array, detached);
  out.async_write(span, detached);
  out.async_write(std::span(taken.vector).subspan(1), detached);
}

#if defined(TEMPORARIES)
void temporaries(bytes_handoff::WriteHandoff& out, Taken taken) {
  static_cast<void>(out.try_write(std::move(taken.bytes)));
  static_cast<void>(out.try_write(std::move(taken.vector)));
  static_cast<void>(out.try_write(std::move(taken.array)));
  out.async_write(Bytes(), detached);
  out.async_write(std::vector<Bytes>(), detached);
  out.async_write(std::array<Bytes, 2>(), detached);
  out.async_write(Bytes());
}
#elif defined(CONSTANTS)
void constants(bytes_handoff::WriteHandoff& out, const Taken& taken, std::span<const Bytes> span) {
  static_cast<void>(out.try_write(taken.bytes));
  static_cast<void>(out.try_write(taken.vector));
  static_cast<void>(out.try_write(span));
  out.async_write(taken.bytes, detached);
  out.async_write(taken.vector, detached);
  out.async_write(taken.array, detached);
  out.async_write(span, detached);
}
#endif
