#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {

[[nodiscard]] inline Bytes text(std::string_view from) { return Bytes::copy_of(from); }

/// Submits `bytes`, or a copy of `from`, which go with this call if they are refused.
[[nodiscard]] inline expected<WriteTicket, WriteRefusal> try_send(WriteHandoff& out, Bytes bytes) {
  return out.try_write(bytes);
}
[[nodiscard]] inline expected<WriteTicket, WriteRefusal> try_send(WriteHandoff& out,
                                                                  std::string_view from) {
  return try_send(out, text(from));
}

/// Waits for room for bytes that live until `on_end(error)` is called.
template <class OnEnd>
void write_owned(WriteHandoff& out, Bytes bytes, OnEnd on_end) {
  auto owned = std::make_unique<Bytes>(std::move(bytes));
  Bytes& slice = *owned;
  out.async_write(slice, [owned = std::move(owned), on_end = std::move(on_end)](
                             net_error_code error, const WriteTicket&) mutable { on_end(error); });
}

/// One asynchronous write: its bytes, and what came of it.
class WriteOutcome {
 public:
  /// The bytes of the write, a copy of `from`.
  [[nodiscard]] Bytes& from(std::string_view from) {
    bytes_ = text(from);
    return bytes_;
  }
  [[nodiscard]] Bytes& bytes() { return bytes_; }

  /// A completion handler; it fails the test when it is called a second time.
  [[nodiscard]] auto handler() {
    return [this](net_error_code error, WriteTicket ticket) {
      EXPECT_FALSE(has_come_) << "a handler was called twice";
      has_come_ = true;
      error_ = error;
      ticket_ = std::move(ticket);
      EXPECT_EQ(ticket_.valid(), !error) << error.message();
    };
  }

  [[nodiscard]] bool has_come() const { return has_come_; }
  /// Precondition for these three: it has come.
  [[nodiscard]] bool was_admitted() const { return !error(); }
  [[nodiscard]] const net_error_code& error() const {
    EXPECT_TRUE(has_come_) << "a handler was not called";
    return error_;
  }
  [[nodiscard]] WriteTicket& ticket() { return ticket_; }

 private:
  Bytes bytes_;
  bool has_come_ = false;
  net_error_code error_;
  WriteTicket ticket_;
};

/// One asynchronous reservation, and what came of it.
class PermitOutcome {
 public:
  /// A completion handler; it fails the test when it is called a second time.
  [[nodiscard]] auto handler() {
    return [this](net_error_code error, WritePermit permit) {
      EXPECT_FALSE(has_come_) << "a handler was called twice";
      has_come_ = true;
      error_ = error;
      permit_ = std::move(permit);
      EXPECT_EQ(permit_.valid(), !error) << error.message();
    };
  }

  [[nodiscard]] bool has_come() const { return has_come_; }
  /// Precondition for these two: it has come.
  [[nodiscard]] bool was_granted() const { return !error(); }
  [[nodiscard]] const net_error_code& error() const {
    EXPECT_TRUE(has_come_) << "a handler was not called";
    return error_;
  }
  [[nodiscard]] WritePermit& permit() { return permit_; }

 private:
  bool has_come_ = false;
  net_error_code error_;
  WritePermit permit_;
};

[[nodiscard]] inline WriteHandoffConfig limits(std::size_t items, std::size_t bytes) {
  WriteHandoffConfig config;
  config.max_items = items;
  config.max_pending_bytes = bytes;
  return config;
}

/// A writer in front of a scripted stream, on one context that the test steps.
class WriterFixture : public testing::Test {
 protected:
  [[nodiscard]] WriteHandoff spawn(const WriteHandoffConfig& config = {}) {
    return WriteHandoff(IoStream(context->get_executor(), script), config);
  }

  /// As `spawn`, in front of a stream that takes nothing until the test says so.
  [[nodiscard]] WriteHandoff spawn_held(const WriteHandoffConfig& config = {}) {
    script->hold_from = 0;
    return spawn(config);
  }

  /// The held write takes `n` bytes, and what follows from that happens.
  void stream_takes(std::size_t n, net_error_code error = {}) {
    ASSERT_NE(script->held, nullptr) << "no write is under way";
    script->complete(error, n);
    run_ready(*context);
  }

  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
};

}  // namespace bytes_handoff::test
