#pragma once

// One direction of a duplex and its model side by side: every operation is done to both, and every
// difference is a failure.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bytes_handoff/core/pipe/duplex_pipe.hpp"
#include "support/stepping/choices.hpp"
#include "support/stepping/random_runs.hpp"
#include "support/streams/pipe_requests.hpp"

namespace bytes_handoff::test {

/// The same pipe as plain data: a deque of the numbers of its bytes, what is parked, and who is
/// still there.
class PipeModel {
 public:
  explicit PipeModel(std::size_t capacity) : capacity_(capacity) {}

  PipeResult write(std::size_t size);
  PipeResult read(std::size_t size);
  [[nodiscard]] bool holds(PipeAct condition) const;

  std::deque<std::size_t> ring;
  std::optional<std::size_t> parked_read;  // its size
  std::optional<std::size_t> parked_write;
  std::size_t written = 0;
  std::size_t consumed = 0;
  bool reader_shut = false;
  bool writer_shut = false;
  bool reader_closed = false;
  bool writer_closed = false;
  bool reader_has_reset = false;  // while it was open
  bool writer_has_reset = false;

  /// What is told to who reads behind the last byte, and to who writes for nobody.
  [[nodiscard]] PipeStatus end_of_reads() const {
    return writer_has_reset && !reader_shut ? PipeStatus::kReset : PipeStatus::kEndOfStream;
  }
  [[nodiscard]] PipeStatus end_of_writes() const {
    return reader_has_reset && !writer_shut ? PipeStatus::kReset : PipeStatus::kBroken;
  }

 private:
  void fill(std::size_t size) {
    for (; size != 0 && ring.size() < capacity_; --size) ring.push_back(written++);
  }

  std::size_t capacity_;
};

struct PipeOperation {
  enum class Kind {
    kWrite,
    kRead,
    kWait,
    kCancelReader,
    kCancelWriter,
    kShutWriter,
    kShutReader,
    kCloseWriter,
    kCloseReader,
    kResetWriter,
    kResetReader,
  };
  static constexpr const char* kNames[] = {"write",         "read",          "wait",
                                           "cancel_reader", "cancel_writer", "shut_writer",
                                           "shut_reader",   "close_writer",  "close_reader",
                                           "reset_writer",  "reset_reader"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(bits)) + ")";
  }

  Kind kind;
  std::uint64_t bits;  // sizes, where segments are cut, who is cancelled
};

/// Byte `i` of the stream is `pattern(...)[i]`, so that any loss, doubling or disorder shows.
class PipeWorld : public Expectations {
 public:
  explicit PipeWorld(std::size_t capacity) : pipe_(capacity), model_(capacity) {}

  void apply(const PipeOperation& operation);
  /// Closes both sides.
  void finish();
  [[nodiscard]] bool is_lively() const { return !model_.reader_shut && !model_.writer_shut; }

 private:
  // Requests that were parked, and have to be settled like this before the operation is over.
  using Due = std::map<PipeRequest*, PipeStatus>;

  void act(const PipeOperation& operation);
  void write(Choices& choices);
  void read(Choices& choices);
  void wait(Choices& choices);
  void cancel_all(bool reader);
  void cancel_one(bool reader, std::size_t pick);
  void end(PipeOperation::Kind kind);
  void expect_all_cancelled(bool reader);
  void expect_refused(Transfer& transfer, WaitingList& settled);
  void expect_parked_read_done(std::size_t read_at);
  void expect_gone(bool reader, PipeStatus status);
  void expect_waits_done();
  void expect_due(WaitingList& settled, Due& due);
  void check();

  [[nodiscard]] std::size_t any_size(Choices& choices) const {
    return choices.between(0, 2 * pipe_.capacity() + 2);
  }
  [[nodiscard]] PipeSettled settled() { return {reader_settled_, writer_settled_}; }
  /// Those of the reader's side, or of the writer's.
  [[nodiscard]] std::vector<std::unique_ptr<WaitingFor>>& waits(bool reader) {
    return reader ? reader_waits_ : writer_waits_;
  }

  DuplexPipe pipe_;
  PipeModel model_;
  std::unique_ptr<Reading> reading_;
  std::unique_ptr<Writing> writing_;
  std::vector<std::unique_ptr<WaitingFor>> reader_waits_;
  std::vector<std::unique_ptr<WaitingFor>> writer_waits_;
  std::vector<std::unique_ptr<WaitingFor>> done_waits_;  // settled by the operation that goes on
  WaitingList reader_settled_;
  WaitingList writer_settled_;
  Due reader_due_;
  Due writer_due_;
  bool has_stored_ = false;
};

}  // namespace bytes_handoff::test
