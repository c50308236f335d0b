#include "contenders/splice_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace stream_harness {
namespace {

net_error_code last_error() { return {errno, net::error::get_system_category()}; }

std::size_t move_bytes(int from, int to, std::size_t most, net_error_code& error) noexcept {
  // Larger requests are cut by the kernel, too.
  const std::size_t length = std::min<std::size_t>(most, INT_MAX);
  ssize_t moved = 0;
  do {
    moved = splice(from, nullptr, to, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (moved < 0 && errno == EINTR);
  error = moved < 0 ? last_error() : net_error_code();
  return moved < 0 ? 0 : static_cast<std::size_t>(moved);
}

}  // namespace

net_error_code SplicePipe::open(std::size_t bytes) noexcept {
  close();
  if (pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) {
    const net_error_code error = last_error();
    ends_[0] = ends_[1] = -1;
    return error;
  }
  if (bytes != kUsualBytes) {
    fcntl(ends_[1], F_SETPIPE_SZ, static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)));
  }
  return {};
}

void SplicePipe::close() noexcept {
  for (int& end : ends_) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  held_bytes_ = 0;
}

std::size_t SplicePipe::fill_from(int socket, std::size_t most, net_error_code& error) noexcept {
  const std::size_t moved = move_bytes(socket, ends_[1], most, error);
  if (moved == 0 && !error) error = net::error::eof;
  held_bytes_ += moved;
  return moved;
}

std::size_t SplicePipe::drain_to(int socket, net_error_code& error) noexcept {
  const std::size_t moved = move_bytes(ends_[0], socket, held_bytes_, error);
  held_bytes_ -= moved;
  return moved;
}

}  // namespace stream_harness
