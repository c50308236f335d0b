// What a burst and a permit take, and what they could not leave a refused slice in.
#include <array>
#include <asio/detached.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <span>
#include <utility>
#include <vector>

using asio::detached;
using bytes_handoff::Bytes;
using bytes_handoff::may_cut;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WritePermit;

struct Taken {
  Bytes bytes;
  std::vector<Bytes> vector;
  std::array<Bytes, 2> array;
};

void compiles(WriteHandoff& out, WritePermit& permit, Taken taken, const std::span<Bytes> span) {
  static_cast<void>(permit.commit(taken.bytes));
  static_cast<void>(permit.commit(taken.vector));
  static_cast<void>(permit.commit(taken.array));
  static_cast<void>(permit.commit(span));
  static_cast<void>(permit.commit(std::span(taken.vector).subspan(1)));
  out.async_send(taken.vector, detached);
  out.async_send(taken.array, may_cut, detached);
  out.async_send(span, detached);
  out.async_send(std::span(taken.vector).subspan(1), may_cut, detached);
}

#if defined(TEMPORARIES)
void temporaries(WriteHandoff& out, WritePermit& permit, Taken taken) {
  static_cast<void>(permit.commit(std::move(taken.bytes)));
  static_cast<void>(permit.commit(std::move(taken.vector)));
  static_cast<void>(permit.commit(std::move(taken.array)));
  out.async_send(std::vector<Bytes>(), detached);
  out.async_send(std::array<Bytes, 2>(), may_cut, detached);
  out.async_send(std::vector<Bytes>());
}
#elif defined(CONSTANTS)
void constants(WriteHandoff& out, WritePermit& permit, const Taken& taken,
               std::span<const Bytes> span) {
  static_cast<void>(permit.commit(taken.bytes));
  static_cast<void>(permit.commit(taken.vector));
  static_cast<void>(permit.commit(span));
  out.async_send(taken.vector, detached);
  out.async_send(taken.array, may_cut, detached);
  out.async_send(span, detached);
}
#endif
