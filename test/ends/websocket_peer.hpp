#pragma once

// The other end of a WebSocket, by RFC 6455: frames are read from the bytes of the transport, and
// written to them, without Beast.

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "ends/peer.hpp"

namespace bytes_handoff::test {

/// What a server answers to a client's key.
[[nodiscard]] inline std::string websocket_accept(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
  const int n = EVP_EncodeBlock(encoded.data(), hash.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(n)};
}

/// `Transport`: a peer of bytes. A read gives payload. `write` writes one message.
template <class Transport>
class WebSocketPeer final : public Transport {
 public:
  template <class... Args>
  explicit WebSocketPeer(bool is_client, Args&&... args)
      : Transport(std::forward<Args>(args)...), is_client_(is_client) {}

  bool shake_hands() override {
    return Transport::shake_hands() && (is_client_ ? ask_to_upgrade() : upgrade());
  }
  bool write(std::string_view text) override { return write_frame(kBinary, text); }
  /// Closes first.
  void end_write() override { write_frame(kClose, kNormal); }
  void stay(Stay how) override { stay_ = how; }
  [[nodiscard]] std::vector<std::size_t> messages() const override { return messages_; }

 protected:
  using typename Transport::Step;

  Step read_some(char* into, std::size_t room) override {
    while (left_ == 0) {
      const Step header = read_header();
      if (header.n == 0) {
        return {0, header.end == Seen::kEnd || header.end == Seen::kCloseNotify ? Seen::kTruncated
                                                                                : header.end};
      }
      if (opcode_ == kClose) {
        return {0, end_behind_close_frame()};
      }
      if (opcode_ != (is_in_message_ ? kContinuation : kBinary) && opcode_ != kText) {
        return {0, Seen::kOther};
      }
      is_in_message_ = true;
      end_message_if_whole();
    }
    const Step step = Transport::read_some(into, std::min(room, left_));
    if (step.n == 0) {
      return {0,
              step.end == Seen::kReset || step.end == Seen::kNothing ? step.end : Seen::kTruncated};
    }
    for (std::size_t i = 0; i != step.n; ++i) {
      into[i] = static_cast<char>(into[i] ^ mask_[at_++ % mask_.size()]);
    }
    left_ -= step.n;
    size_ += step.n;
    end_message_if_whole();
    return step;
  }

 private:
  enum Opcode : unsigned { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8 };
  static constexpr std::string_view kNormal{"\x03\xE8", 2};  // 1000
  static constexpr std::string_view kEndOfHead = "\r\n\r\n";

  // ---- Reading.

  Step read_exactly(std::string& into, std::size_t n) {
    into.assign(n, '\0');
    for (std::size_t have = 0; have != n;) {
      const Step step = Transport::read_some(into.data() + have, n - have);
      if (step.n == 0) {
        return step;
      }
      have += step.n;
    }
    return {n};
  }

  // n is 0 where the transport ends, or the header is not one that the other end may send.
  Step read_header() {
    constexpr unsigned kFin = 0x80;
    constexpr unsigned kMasked = 0x80;
    std::string bytes;
    Step step = read_exactly(bytes, 2);
    if (step.n == 0) {
      return step;
    }
    const auto first = static_cast<unsigned char>(bytes[0]);
    const auto second = static_cast<unsigned char>(bytes[1]);
    is_fin_ = (first & kFin) != 0;
    opcode_ = first & 0x7FU;  // no extension was agreed upon
    left_ = second & 0x7FU;
    if (((second & kMasked) != 0) == is_client_) {
      return {0, Seen::kOther};  // a client masks, a server does not
    }
    if (left_ >= 126) {
      step = read_exactly(bytes, left_ == 126 ? 2 : 8);
      left_ = 0;
      for (const char byte : bytes) {
        left_ = left_ << 8U | static_cast<unsigned char>(byte);
      }
    }
    mask_.fill(0);
    at_ = 0;
    if (step.n != 0 && !is_client_) {
      step = read_exactly(bytes, mask_.size());
      std::copy(bytes.begin(), bytes.end(), mask_.begin());
    }
    return step;
  }

  void end_message_if_whole() {
    if (left_ == 0 && is_fin_) {
      messages_.push_back(std::exchange(size_, 0));
      is_in_message_ = false;
    }
  }

  Seen end_behind_close_frame() {
    std::string code;
    if (read_exactly(code, left_).n == 0) {
      return Seen::kOther;  // a close frame without a code, too
    }
    for (std::size_t i = 0; i != code.size(); ++i) {
      code[i] = static_cast<char>(code[i] ^ mask_[i % mask_.size()]);
    }
    if (is_in_message_ || code != kNormal) {
      return Seen::kOther;
    }
    if (!answer()) {
      return Seen::kCloseFrameThenReset;
    }
    std::string behind;
    const Seen end = read_exactly(behind, 1).end;
    if (behind != std::string(1, '\0')) {
      return Seen::kOther;
    }
    switch (end) {
      case Seen::kEnd:
      case Seen::kCloseNotify:
        return Seen::kCloseFrame;
      case Seen::kReset:
        return Seen::kCloseFrameThenReset;
      default:
        return end;
    }
  }

  // ---- Writing.

  // False where the connection has been reset meanwhile.
  bool answer() {
    switch (stay_) {
      case Stay::kNot:
        write("too late to be read");
        write_frame(kClose, kNormal);
        Transport::end_write();
        return true;
      case Stay::kSilent:
        return true;
      case Stay::kSendsOn:
        while (!Transport::has_input()) {
          if (!write("x")) {
            return false;  // and the write has taken the error
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(5));  // who sends slowly
        }
        return true;
      case Stay::kAnswers:
        write_frame(kClose, kNormal);
        return true;
    }
    return true;
  }

  bool write_frame(Opcode opcode, std::string_view payload) {
    std::string frame(1, static_cast<char>(0x80U | opcode));
    const unsigned masked = is_client_ ? 0x80U : 0U;
    if (payload.size() < 126) {
      frame += static_cast<char>(masked | payload.size());
    } else {
      frame += static_cast<char>(masked | 126U);
      frame += static_cast<char>(payload.size() >> 8U);
      frame += static_cast<char>(payload.size() & 0xFFU);
    }
    constexpr std::array<char, 4> kMask{'m', 'a', 's', 'k'};
    if (is_client_) {
      frame.append(kMask.begin(), kMask.end());
    }
    for (std::size_t i = 0; i != payload.size(); ++i) {
      frame += static_cast<char>(is_client_ ? payload[i] ^ kMask.at(i % kMask.size()) : payload[i]);
    }
    return Transport::write(frame);
  }

  // ---- The handshake.

  bool read_head(std::string& head) {
    std::string byte;
    while (!head.ends_with(kEndOfHead)) {
      if (read_exactly(byte, 1).n == 0) {
        return false;
      }
      head += byte;
    }
    return true;
  }

  bool ask_to_upgrade() {
    const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    std::string head;
    return Transport::write(
               "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
               key + std::string(kEndOfHead)) &&
           read_head(head) && head.starts_with("HTTP/1.1 101 ") &&
           head.find(websocket_accept(key)) != std::string::npos;
  }

  bool upgrade() {
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    std::string head;
    if (!read_head(head)) {
      return false;
    }
    const std::size_t key = head.find(kName) + kName.size();
    const std::size_t end = head.find("\r\n", key);
    return Transport::write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
        websocket_accept(head.substr(key, end - key)) + std::string(kEndOfHead));
  }

  const bool is_client_;
  Stay stay_ = Stay::kNot;
  // Of the frame.
  unsigned opcode_ = 0;
  bool is_fin_ = false;
  std::array<char, 4> mask_{};
  std::size_t at_ = 0;
  std::size_t left_ = 0;
  // Of the message.
  bool is_in_message_ = false;
  std::size_t size_ = 0;
  std::vector<std::size_t> messages_;
};

}  // namespace bytes_handoff::test
