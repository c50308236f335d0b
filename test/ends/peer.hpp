#pragma once

// The other end of a connection, as an independent program has it: blocking calls of the operating
// system and of OpenSSL, without Asio, on a thread of its own.

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bytes_handoff::test {

/// What a peer's program sees behind the last byte.
enum class Seen {
  kEnd,          ///< a read of 0
  kCloseNotify,  ///< and then a read of 0
  kTruncated,    ///< a read of 0 without a close_notify, or without a close frame
  kReset,
  kCloseFrame,           ///< of a WebSocket, with code 1000; and then its transport's end in order
  kCloseFrameThenReset,  ///< likewise, and then a reset
  kNothing,              ///< it has stopped waiting
  kOther,                ///< an error that no end should be
};

[[nodiscard]] std::string_view name_of(Seen seen);

/// What a WebSocket's peer does when it is sent a close frame.
enum class Stay {
  kNot,      ///< writes a last message, answers, and ends its transport
  kSilent,   ///< nothing
  kSendsOn,  ///< sends messages on and on
  kAnswers,  ///< answers, and does not end its transport
};

/// What a peer has read, and how it ended.
struct Reading {
  std::string bytes;
  Seen end = Seen::kNothing;
};

/// One thread at a time, but for `stop_waiting`, `hurry`, `has_input` and
/// `has_read`.
class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  /// What has to be done before the first byte, while the other end does its part.
  virtual bool shake_hands() { return true; }
  /// Whether all was taken.
  virtual bool write(std::string_view text) = 0;
  /// Ends its sending side in order, and goes on reading.
  virtual void end_write() = 0;
  /// Ends the connection so that the other end can tell, where the transport can.
  virtual void reset() = 0;
  virtual void close() = 0;
  /// Whether the operating system tells, without a read, that the connection has ended.
  [[nodiscard]] virtual bool is_told_of_an_end() = 0;

  /// Of a WebSocket, before it is read.
  virtual void stay(Stay /*how*/) {}
  /// The sizes of the messages that have come whole. Behind `read_to_end`.
  [[nodiscard]] virtual std::vector<std::size_t> messages() const { return {}; }
  /// Whether something can be read. Told of descriptors only.
  [[nodiscard]] virtual bool has_input() const { return false; }

  /// Reads to the end: at most `piece` bytes at a time, and a pause behind as many, until `hurry`.
  [[nodiscard]] Reading read_to_end(std::size_t piece = 64 * 1024,
                                    std::chrono::milliseconds pause = {});
  void hurry() { hurries_ = true; }
  /// Bytes that have come so far.
  [[nodiscard]] std::size_t has_read() const { return has_read_; }
  /// Ends every call that blocks.
  void stop_waiting() { stops_ = true; }

 protected:
  struct Step {
    std::size_t n = 0;
    Seen end = Seen::kNothing;  ///< where n is 0
  };
  virtual Step read_some(char* into, std::size_t room) = 0;
  [[nodiscard]] bool is_stopped() const { return stops_; }

 private:
  std::atomic<bool> hurries_{false};
  std::atomic<bool> stops_{false};
  std::atomic<std::size_t> has_read_{0};
};

/// A socket, or the end of a pipe.
class DescriptorPeer : public Peer {
 public:
  /// Takes the descriptor.
  explicit DescriptorPeer(int descriptor);
  ~DescriptorPeer() override;

  bool write(std::string_view text) override;
  void end_write() override;
  void reset() override;
  void close() override;
  [[nodiscard]] bool is_told_of_an_end() override;
  [[nodiscard]] bool has_input() const override;

 protected:
  Step read_some(char* into, std::size_t room) override;
  /// False where it was stopped first.
  [[nodiscard]] bool wait_for(short events) const;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// TLS of one version on a socket. `context` says which role it has.
class TlsPeer : public DescriptorPeer {
 public:
  using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
  TlsPeer(int descriptor, Context context);

  bool shake_hands() override;
  bool write(std::string_view text) override;
  void end_write() override;

 protected:
  Step read_some(char* into, std::size_t room) override;

 private:
  /// Whether the call that returned `result` is to be made again.
  [[nodiscard]] bool wait_to_repeat(int result);

  Context context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
};

}  // namespace bytes_handoff::test
