#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"

#if defined(__linux__)
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What the peer's system has acknowledged of what was written.
struct Acknowledgement {
  enum class State : unsigned char {
    kUnknown,  ///< this cannot be asked: not TCP, no socket, or another system
    kAlive,
    kDead,  ///< the connection is over: reset, or ended by both sides
  };
  State state = State::kUnknown;
  /// Bytes that are not acknowledged; an unacknowledged FIN counts as one. No progress can be read
  /// from them once the connection is dead. The system tells an `int`.
  std::uint32_t bytes = 0;
  /// In all, where the system counts them; else 0. A stream that writes on keeps `bytes` high.
  std::uint64_t acknowledged = 0;
};

#if defined(__linux__)
/// As the kernel lays it out; the C library's `tcp_info` may end before what is counted.
struct TcpInfo {
  std::uint8_t state;
  std::array<std::uint8_t, 7> options;
  std::array<std::uint32_t, 24> counters;
  std::array<std::uint64_t, 2> pacing_rates;
  std::uint64_t acknowledged;  // 0 before Linux 4.1
};
static_assert(sizeof(TcpInfo) == 128);
#endif

/// It takes no error from the socket: that is the reader's.
template <class Handle>
[[nodiscard]] Acknowledgement acknowledgement_of_handle(Handle handle) noexcept {
#if defined(__linux__)
  TcpInfo info = {};
  socklen_t size = sizeof(info);
  int unacknowledged = 0;
  if (::getsockopt(handle, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      ::ioctl(handle, SIOCOUTQ, &unacknowledged) != 0) {
    return {};
  }
  const bool is_dead = info.state == TCP_CLOSE;
  return {is_dead ? Acknowledgement::State::kDead : Acknowledgement::State::kAlive,
          static_cast<std::uint32_t>(unacknowledged), info.acknowledged};
#elif defined(SO_NWRITE)
  int unacknowledged = 0;
  socklen_t size = sizeof(unacknowledged);
  if (::getsockopt(handle, SOL_SOCKET, SO_NWRITE, &unacknowledged, &size) != 0) {
    return {};
  }
  return {Acknowledgement::State::kAlive, static_cast<std::uint32_t>(unacknowledged)};
#else
  static_cast<void>(handle);
  return {};
#endif
}

template <class Stream>
[[nodiscard]] Acknowledgement acknowledgement_of(Stream& stream) noexcept {
  if constexpr (LingersAtEnd<Stream>) {
    try {
      auto& socket = detail::lowest_socket(stream);
      if (socket.is_open()) {
        return detail::acknowledgement_of_handle(socket.native_handle());
      }
    } catch (...) {  // NOLINT: then it cannot be asked
    }
  }
  return {};
}

/// Looks at what the peer's system acknowledges, again and again.
class AcknowledgementLook {
 public:
  /// Whether that is more than the last time.
  template <class Stream>
  [[nodiscard]] bool has_more(Stream& stream) noexcept {
    const Acknowledgement before = std::exchange(last_, detail::acknowledgement_of(stream));
    return is_alive() && before.state == Acknowledgement::State::kAlive &&
           (last_.acknowledged > before.acknowledged || last_.bytes < before.bytes);
  }

  /// As of the last look.
  [[nodiscard]] bool is_alive() const noexcept {
    return last_.state == Acknowledgement::State::kAlive;
  }
  [[nodiscard]] std::size_t unacknowledged() const noexcept { return last_.bytes; }

 private:
  Acknowledgement last_;
};

/// The lowest socket, which keeps the whole stream alive.
template <LingersAtEnd Stream>
[[nodiscard]] std::shared_ptr<SocketBelow<Stream>> socket_below(std::shared_ptr<Stream> stream) {
  SocketBelow<Stream>& socket = detail::lowest_socket(*stream);
  return {std::move(stream), &socket};
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
