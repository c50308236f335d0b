#pragma once

// What an error of accept(2) means, and what follows it.

#include <cerrno>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// What an error of accept(2) is about.
enum class AcceptError : unsigned char {
  kNone,
  kOfConnection,   ///< one connection, which is gone
  kShortage,       ///< descriptors or memory, of the process or of the system
  kCancelled,      ///< the accept was taken back, as by closing the acceptor
  kBadDescriptor,  ///< the acceptor is not open
  kOfAcceptor,     ///< anything else: it will not accept again
};

/// `error` is a number of errno, 0 for none. One that is unknown is the acceptor's.
[[nodiscard]] constexpr AcceptError accept_error(int error) noexcept {
  switch (error) {
    case 0:
      return AcceptError::kNone;
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    // Linux passes on what has happened to the connection already. See accept(2).
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EPERM:  // a firewall's
#if defined(EHOSTDOWN)
    case EHOSTDOWN:
#endif
#if defined(ENONET)
    case ENONET:
#endif
      return AcceptError::kOfConnection;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:  // of epoll: the user may watch no more descriptors
      return AcceptError::kShortage;
    case ECANCELED:
      return AcceptError::kCancelled;
    case EBADF:
      return AcceptError::kBadDescriptor;
    default:
      return AcceptError::kOfAcceptor;
  }
}

/// What is to be done next.
enum class AcceptStep : unsigned char {
  kPrepare,  ///< get what a connection needs, then accept
  kAccept,
  kPause,  ///< wait a while
  kDone,
};

/// Decides how accepting goes on. One step is under way at a time, and the next call tells how it
/// went.
class AcceptCore {
 public:
  /// Errors of connections in a row, behind each of which it goes on at once. From then on it
  /// pauses behind each, until a connection comes: the error may be no connection's after all.
  static constexpr unsigned kMostAtOnce = 16;

  /// At any time. The step under way still has to be told.
  void cancel() noexcept { is_over_ = true; }
  /// There is no way to go on.
  void fail() noexcept { is_over_ = has_failed_ = true; }

  /// Between two steps.
  [[nodiscard]] AcceptStep next() const noexcept {
    return is_over_ ? AcceptStep::kDone : AcceptStep::kPrepare;
  }

  [[nodiscard]] AcceptStep after_prepare(bool is_prepared) const noexcept {
    return is_over_ ? AcceptStep::kDone : is_prepared ? AcceptStep::kAccept : AcceptStep::kPause;
  }

  /// A connection has come, if there is no error.
  [[nodiscard]] AcceptStep after_accept(int error) noexcept {
    was_full_ = false;
    const bool was_open = was_open_;
    was_open_ = was_open_ || error != EBADF;
    switch (accept_error(error)) {
      case AcceptError::kNone:
        errors_in_a_row_ = 0;
        return next();
      case AcceptError::kOfConnection:
        ++errors_in_a_row_;
        return errors_in_a_row_ <= kMostAtOnce ? next() : after_prepare(false);
      case AcceptError::kShortage:
        return after_prepare(false);
      case AcceptError::kBadDescriptor:
        was_open ? cancel() : fail();
        return AcceptStep::kDone;
      case AcceptError::kCancelled:
        cancel();
        return AcceptStep::kDone;
      case AcceptError::kOfAcceptor:
        break;
    }
    fail();
    return AcceptStep::kDone;
  }

  /// Whether an error tells, in a pause, that the acceptor was closed or its operations cancelled.
  [[nodiscard]] static constexpr bool is_end(int error) noexcept {
    const AcceptError what = accept_error(error);
    return what == AcceptError::kCancelled || what == AcceptError::kBadDescriptor;
  }

  /// `error`: what the acceptor has told meanwhile, or 0.
  [[nodiscard]] AcceptStep after_pause(int error) noexcept {
    was_open_ = true;
    if (is_end(error)) {
      cancel();
    }
    return next();
  }

  /// Whether a pause is to be told. `is_full`: it is for the limit of open connections. That is
  /// told once, however often it is looked at.
  [[nodiscard]] bool is_to_be_told(bool is_full) noexcept {
    const bool was_full = was_full_;
    was_full_ = is_full;
    return !(is_full && was_full);
  }

  /// Whether the last error is to be told. If not, it was cancelled, or the acceptor was closed.
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

 private:
  unsigned errors_in_a_row_ = 0;  // of connections
  bool was_open_ = false;
  bool was_full_ = false;  // with no accept since
  bool is_over_ = false;
  bool has_failed_ = false;
};

}  // namespace bytes_handoff::detail
