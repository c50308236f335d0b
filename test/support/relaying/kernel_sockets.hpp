#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace bytes_handoff::test {

/// Two connected sockets in non-blocking mode.
struct Sockets {
  Sockets() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  ~Sockets() {
    close_end(0);
    close_end(1);
  }
  void close_end(int i) {
    if (ends[i] >= 0) {
      close(ends[i]);
    }
    ends[i] = -1;
  }

  int ends[2];
};

inline void send_text(int socket, const std::string& text) {
  ASSERT_EQ(::write(socket, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

inline std::string read_text(int socket) {
  std::string text(200'000, '\0');
  const ssize_t n = ::read(socket, text.data(), text.size());
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

}  // namespace bytes_handoff::test
