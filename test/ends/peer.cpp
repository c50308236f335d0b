#include "ends/peer.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace bytes_handoff::test {
namespace {

[[nodiscard]] Seen seen_of_errno() {
  return errno == ECONNRESET || errno == EPIPE ? Seen::kReset : Seen::kOther;
}

}  // namespace

std::string_view name_of(Seen seen) {
  switch (seen) {
    case Seen::kEnd:
      return "end";
    case Seen::kCloseNotify:
      return "close_notify";
    case Seen::kTruncated:
      return "truncated";
    case Seen::kReset:
      return "reset";
    case Seen::kCloseFrame:
      return "close frame";
    case Seen::kCloseFrameThenReset:
      return "close frame, reset";
    case Seen::kNothing:
      return "nothing yet";
    case Seen::kOther:
      return "another error";
  }
  return {};
}

Reading Peer::read_to_end(std::size_t piece, std::chrono::milliseconds pause) {
  Reading reading;
  std::string room(std::max<std::size_t>(piece, 64 * 1024), '\0');
  std::size_t since_pause = 0;
  for (;;) {
    const Step step = read_some(room.data(), hurries_ ? room.size() : piece);
    if (step.n == 0) {
      reading.end = step.end;
      return reading;
    }
    reading.bytes.append(room, 0, step.n);
    has_read_ = reading.bytes.size();
    since_pause += step.n;
    if (since_pause >= piece && pause.count() != 0 && !hurries_) {
      since_pause = 0;
      std::this_thread::sleep_for(pause);  // who reads slowly
    }
  }
}

DescriptorPeer::DescriptorPeer(int descriptor) : descriptor_(descriptor) {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

DescriptorPeer::~DescriptorPeer() { DescriptorPeer::close(); }

bool DescriptorPeer::wait_for(short events) const {
  constexpr int kLookMillis = 20;
  while (!is_stopped()) {
    pollfd one{descriptor_, events, 0};
    if (::poll(&one, 1, kLookMillis) > 0) {
      return true;
    }
  }
  return false;
}

bool DescriptorPeer::write(std::string_view text) {
  while (!text.empty()) {
    if (is_stopped()) {
      return false;
    }
    const ssize_t n = ::write(descriptor_, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if ((errno != EAGAIN && errno != EINTR) || !wait_for(POLLOUT)) {
      return false;
    }
  }
  return true;
}

Peer::Step DescriptorPeer::read_some(char* into, std::size_t room) {
  for (;;) {
    const ssize_t n = ::read(descriptor_, into, room);
    if (n > 0) {
      return {static_cast<std::size_t>(n)};
    }
    if (n == 0) {
      return {0, Seen::kEnd};
    }
    if (errno != EAGAIN && errno != EINTR) {
      return {0, seen_of_errno()};
    }
    if (!wait_for(POLLIN)) {
      return {0, Seen::kNothing};
    }
  }
}

void DescriptorPeer::end_write() { ::shutdown(descriptor_, SHUT_WR); }

void DescriptorPeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

void DescriptorPeer::close() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

bool DescriptorPeer::is_told_of_an_end() {
  pollfd one{descriptor_, POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0;
}

bool DescriptorPeer::has_input() const {
  pollfd one{descriptor_, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

TlsPeer::TlsPeer(int descriptor, Context context)
    : DescriptorPeer(descriptor),
      context_(std::move(context)),
      tls_(SSL_new(context_.get()), &SSL_free) {
  SSL_set_fd(tls_.get(), descriptor);
  if (SSL_is_server(tls_.get()) != 0) {
    SSL_set_accept_state(tls_.get());
  } else {
    SSL_set_connect_state(tls_.get());
  }
}

bool TlsPeer::wait_to_repeat(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait_for(POLLIN);
    case SSL_ERROR_WANT_WRITE:
      return wait_for(POLLOUT);
    default:
      return false;
  }
}

bool TlsPeer::shake_hands() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) {
      return true;
    }
    if (!wait_to_repeat(result)) {
      return false;
    }
  }
}

bool TlsPeer::write(std::string_view text) {
  while (!text.empty()) {
    if (is_stopped()) {
      return false;
    }
    ERR_clear_error();
    const int result = SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
    if (result > 0) {
      text.remove_prefix(static_cast<std::size_t>(result));
    } else if (!wait_to_repeat(result)) {
      return false;
    }
  }
  return true;
}

Peer::Step TlsPeer::read_some(char* into, std::size_t room) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read(tls_.get(), into, static_cast<int>(room));
    if (result > 0) {
      return {static_cast<std::size_t>(result)};
    }
    const int saved_errno = errno;
    switch (SSL_get_error(tls_.get(), result)) {
      case SSL_ERROR_ZERO_RETURN: {
        const Step behind = DescriptorPeer::read_some(into, room);
        const bool is_whole = behind.n == 0 && behind.end == Seen::kEnd;
        return {0, is_whole ? Seen::kCloseNotify : behind.n != 0 ? Seen::kOther : behind.end};
      }
      case SSL_ERROR_SYSCALL:
        errno = saved_errno;
        return {0, seen_of_errno()};
      case SSL_ERROR_SSL:
        return {0, ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                       ? Seen::kTruncated
                       : Seen::kOther};
      default:
        if (!wait_to_repeat(result)) {
          return {0, Seen::kNothing};
        }
    }
  }
}

void TlsPeer::end_write() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_shutdown(tls_.get());
    if (result >= 0 || !wait_to_repeat(result)) {
      break;  // close_notify is out; the other end's is not waited for
    }
  }
  DescriptorPeer::end_write();
}

}  // namespace bytes_handoff::test
