#pragma once

// What is done to a cell: the program that writes and ends, and its peer.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "ends/connection.hpp"
#include "ends/end_table.hpp"
#include "ends/near_reader.hpp"
#include "ends/room_users.hpp"
#include "ends/told.hpp"
#include "support/asio.hpp"
#include "support/coroutine.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

inline constexpr std::size_t kStuckBytes =
    std::size_t{2} * 1024 * 1024;  // more than anything takes
inline constexpr std::size_t kSecondBytes = 1000;
inline constexpr std::size_t kWaitingBytes = 10;
inline constexpr std::size_t kMostBytes = 300'000;  // of a first write that is not to be stuck
inline constexpr std::chrono::milliseconds kShort{30};
// Of a peer that stays: more than what the kernel holds takes to be written, and less than it.
inline constexpr std::chrono::milliseconds kSilence{200};
inline constexpr std::size_t kFewBytes = 1000;
inline constexpr std::size_t kHeldUpBytes = 600'000;  // the peer's kernel holds half of it
inline constexpr std::size_t kHeldUpPiece = std::size_t{32} * 1024;
inline constexpr std::chrono::milliseconds kHeldUpPause{1};
// Reading slowly: each timeout passes while bytes are written, and no piece is that late.
inline constexpr std::chrono::milliseconds kSlowTimeout{1000};
inline constexpr std::size_t kSlowBytes = 1'700'000;
inline constexpr std::size_t kSlowPiece = std::size_t{16} * 1024;
inline constexpr std::chrono::milliseconds kSlowPause{20};

/// One end on one kind of stream, in one form. Who derives from it says what must come of it.
class CellProgram {
 public:
  CellProgram(const EndRow& end, const StreamRow& stream, Form form, Random& random)
      : expected_(expected_of(end, family_row(stream.family))),
        stream_(stream),
        form_(form),
        random_(random),
        connection_(connect(stream.kind, *context_, random.one_in(2))) {}
  CellProgram(const CellProgram&) = delete;
  CellProgram& operator=(const CellProgram&) = delete;

 protected:
  using milliseconds = std::chrono::milliseconds;

  ~CellProgram() {
    if (connection_.peer != nullptr) {
      connection_.peer->stop_waiting();
    }
  }

  /// Submits, and begins to end it.
  void submit_and_end() {
    spawn();
    prepare();
    if (expected_.end == End::kException) {
      submit_in_a_coroutine_that_throws();
    } else {
      submit();
      act();
    }
  }

  [[nodiscard]] bool is_shared() const { return form_ != Form::kOwned; }
  [[nodiscard]] bool is_read() const { return is_shared() && expected_.is_read; }
  [[nodiscard]] Peer& peer() { return *connection_.peer; }

  [[nodiscard]] bool lingers() const { return !is_shared() && family_row(stream_.family).lingers; }

  [[nodiscard]] bool is_stuck() const { return expected_.bytes == PeerBytes::kPrefix; }

  [[nodiscard]] bool is_websocket() const { return stream_.family == Family::kWebSocket; }

  // All is to arrive before a reset: when all is written, the kernel is still to send a part.
  [[nodiscard]] bool is_held_up() const { return waits_for_acknowledgement(expected_); }

  // ---- The peer's thread.

  template <class Call>
  [[nodiscard]] bool by_peer(Call call) {
    auto done = std::async(std::launch::async, std::move(call));
    if (!wait_for(done)) {
      peer().stop_waiting();
    }
    return done.get();
  }

  void start_reading(std::size_t piece = 64 * 1024, milliseconds pause = {}) {
    if (!reading_.valid()) {
      reading_ = std::async(std::launch::async,
                            [this, piece, pause] { return peer().read_to_end(piece, pause); });
    }
  }

  // ---- Running.

  /// Runs the context until `done()`, which another thread may decide. False when that does not
  /// come in time.
  template <class Condition>
  [[nodiscard]] bool run_until_true(Condition done) {
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up_) {
        return false;
      }
      const auto guard = net::make_work_guard(*context_);
      context_->restart();
      context_->run_one_for(milliseconds(1));
    }
    return true;
  }

  void run_until_some_is_written() {
    // A message counts as written when it is, and then the next is to be stuck.
    ASSERT_TRUE(run_until_true([&] {
      return out_->statistics().written_bytes != 0 ||
             (is_websocket() && (peer().has_input() || peer().has_read() != 0));
    }));
  }

  template <class Result>
  [[nodiscard]] bool wait_for(std::future<Result>& future) {
    if (context_ == nullptr) {
      return future.wait_until(give_up_) == std::future_status::ready;
    }
    return run_until_true(
        [&] { return future.wait_for(milliseconds(0)) == std::future_status::ready; });
  }

  Expectation expected_;
  const StreamRow& stream_;
  const Form form_;
  Random& random_;
  const std::chrono::steady_clock::time_point give_up_ =
      std::chrono::steady_clock::now() + kPatience;
  std::string first_;
  std::string second_;
  std::string waiting_ = pattern(kWaitingBytes, 2);
  std::string peer_text_;   // what the peer has sent
  Stay stay_ = Stay::kNot;  // of a WebSocket's peer
  std::optional<std::size_t> first_written_;
  bool is_waiting_written_ = false;
  net_error_code first_error_at_refusal_;  // of the write that waits, where there is a handle
  bool starts_to_read_late_ = false;
  bool sends_on_ = false;  // the peer that stays

  std::unique_ptr<net::io_context> context_ = std::make_unique<net::io_context>(1);
  Connection connection_;
  Descriptor descriptor_;
  std::optional<WriteHandoff> out_;
  std::optional<NearReader> reader_;
  std::future<Reading> reading_;
  std::future<void> sending_;
  Watch in_flight_;
  Watch behind_;
  Watch wait_;
  Watch flush_;
  Watch closed_;
  std::optional<Watch> also_closed_;
  RoomUsers room_users_{random_.one_in(2)};

 private:
  // ---- What the program does.

  [[nodiscard]] std::size_t first_bytes() {
    if (is_stuck()) {
      return kStuckBytes;
    }
    if (expected_.end == End::kPeerReadsSlowly) {
      return kSlowBytes;
    }
    if (is_held_up()) {
      return kHeldUpBytes;
    }
    return random_.between(1, expected_.end == End::kPeerStays ? kFewBytes : kMostBytes);
  }

  [[nodiscard]] WriteHandoffConfig config() {
    WriteHandoffConfig config;
    first_ = pattern(first_bytes());
    second_ = pattern(kSecondBytes, 1);
    config.max_pending_bytes =
        first_.size() + second_.size() + RoomUsers::kPermitBytes + RoomUsers::kFreeBytes;
    config.close_timeout = kPatience;
    config.close_limit = 2 * kPatience;
    switch (expected_.end) {
      case End::kCloseTimeout:
        config.close_timeout = kShort;
        break;
      case End::kCloseLimit:
        config.close_limit = kShort;
        break;
      case End::kPeerStays:
        sends_on_ = lingers() && random_.one_in(2);
        (sends_on_ ? config.close_limit : config.close_timeout) = kSilence;
        break;
      case End::kStall:
        config.stall_timeout = kShort;
        break;
      case End::kPeerReadsSlowly:
        config.close_timeout = kSlowTimeout;
        config.stall_timeout = kSlowTimeout;
        break;
      default:
        break;
    }
    return config;
  }

  void spawn() {
    descriptor_ = connection_.near->descriptor();
    out_.emplace(connection_.near->spawn(form_, config()));
    if (is_read()) {
      reader_.emplace(*connection_.near, form_ == Form::kSharedAndToldRead ? &out_ : nullptr);
      starts_to_read_late_ = may_read_late() && random_.one_in(3);
      if (!starts_to_read_late_) {
        reader_->start();
      }
    }
  }

  // Whether a read may start behind the end of the queue, and still be told of it.
  [[nodiscard]] bool may_read_late() const {
    switch (expected_.end) {
      case End::kPeerHalfCloses:
      case End::kPeerNeverReads:
      case End::kContextDestroyed:
        return false;
      case End::kDrop:
      case End::kException:
        return form_ != Form::kSharedAndToldRead;
      default:
        return true;
    }
  }

  // What the peer does before anything is written.
  void prepare() {
    if (expected_.end == End::kPeerHalfCloses) {
      ASSERT_TRUE(by_peer([&] {
        const bool sent = stream_.family == Family::kPipe || peer().write("a request");
        peer().end_write();
        return sent;
      }));
      peer_text_ = "a request";
      if (is_read()) {
        ASSERT_TRUE(run_until_true([&] { return reader_->is_over(); }));
      }
      return;
    }
    if (is_websocket()) {
      prepare_websocket();
    }
    if (expected_.end == End::kPeerReadsSlowly) {
      start_reading(kSlowPiece, kSlowPause);
    } else if (expected_.end == End::kCloseLimit) {
      start_reading(1024, milliseconds(2));
    } else if (is_held_up()) {
      start_reading(kHeldUpPiece, kHeldUpPause);
    } else if (!is_stuck() && random_.one_in(2)) {
      start_reading();
    }
  }

  void prepare_websocket() {
    constexpr std::array kStays{Stay::kSilent, Stay::kSendsOn, Stay::kAnswers};
    if (expected_.end == End::kPeerStays) {
      stay_ = kStays.at(random_.between(0, kStays.size() - 1));
      peer().stay(stay_);
    }
    // What comes before the close is for the reader. Without one, it is discarded.
    if (!is_stuck() && random_.one_in(2)) {
      const std::string request = pattern(kSecondBytes, 4);
      ASSERT_TRUE(by_peer([&] { return peer().write(request); }));
      if (reader_ && !starts_to_read_late_) {
        peer_text_ = request;
        ASSERT_TRUE(run_until_true([&] { return reader_->text().size() == request.size(); }));
      }
    }
  }

  void submit() {
    submit_to(*out_);
    out_->async_closed(closed_.handler());
  }

  void submit_to(WriteHandoff& out) {
    room_users_.hold(out);
    Bytes first_slice = Bytes::copy_of(first_);
    Bytes second_slice = Bytes::copy_of(second_);
    auto first = out.try_write(first_slice);
    auto second = out.try_write(second_slice);
    ASSERT_TRUE(first.has_value());
    ASSERT_TRUE(second.has_value());
    first->async_wait(in_flight_.handler());
    second->async_wait(behind_.handler());
    out.async_flush(flush_.handler());
    auto slice = std::make_unique<Bytes>(Bytes::copy_of(waiting_));
    Bytes& waiting = *slice;
    room_users_.wait_before_the_write(out);
    out.async_write(waiting, [this, slice = std::move(slice), told = wait_.handler()](
                                 net_error_code error, const WriteTicket& ticket) {
      EXPECT_EQ(slice->view(), error ? std::string_view(waiting_) : std::string_view());
      first_error_at_refusal_ = out_ ? out_->first_error() : net_error_code();
      told(error, ticket);
    });
    room_users_.wait_behind_the_write(out);
  }

  void submit_in_a_coroutine_that_throws() {
    out_->async_closed(closed_.handler());
    bool has_thrown = false;
    net::co_spawn(
        *context_,
        [this]() -> net::awaitable<void> {
          WriteHandoff out = *std::exchange(out_, std::nullopt);
          co_await net::post(*context_, net::use_awaitable);
          submit_to(out);
          throw std::runtime_error("half of a message");
        },
        [&](std::exception_ptr thrown) { has_thrown = thrown != nullptr; });
    ASSERT_TRUE(run_until_true([&] { return has_thrown; }));
  }

  void act() {
    switch (expected_.end) {
      case End::kClose:
      case End::kPeerStays:
      case End::kCloseTimeout:
      case End::kCloseLimit:
      case End::kPeerHalfCloses:
      case End::kPeerReadsSlowly:
        close_in_one_of_the_ways();
        return;
      case End::kDrop:
        maybe_run_a_little();
        out_.reset();
        return;
      case End::kAbort:
        run_until_some_is_written();
        out_->abort();
        return;
      case End::kAbortIdle:
        abort_idle();
        return;
      case End::kAbortAfterWritten:
        maybe_run_a_little();
        out_->abort(after_written);
        return;
      case End::kPeerResets:
        let_peer_reset();
        return;
      case End::kContextDestroyed:
        run_until_some_is_written();
        destroy_context();
        return;
      case End::kStall:
      case End::kPeerNeverReads:
      case End::kException:
        return;
    }
  }

  void close_in_one_of_the_ways() {
    if (is_stuck() && random_.one_in(2)) {
      run_until_some_is_written();
    }
    if (is_stuck() && random_.one_in(2)) {
      end_without_a_close();
      return;
    }
    const Waiters waiters = random_.one_in(3) ? Waiters::admit : Waiters::refuse;
    if (random_.one_in(2)) {
      out_->close(waiters);
    } else {
      out_->async_close(waiters, also_closed_.emplace().handler());
    }
    if (waiters == Waiters::admit) {
      expected_.waiting = is_stuck() ? Told::kClosedTimedOut : Told::kDone;
      is_waiting_written_ = !is_stuck();
      room_users_.close_lets_in_the_line();
    }
  }

  // Which takes no longer than a close.
  void end_without_a_close() {
    const bool needs_handle = starts_to_read_late_ && form_ == Form::kSharedAndToldRead;
    if (needs_handle || random_.one_in(2)) {
      out_->abort(after_written);
    } else {
      out_.reset();
    }
  }

  void abort_idle() {
    start_reading();
    ASSERT_TRUE(run_until_true([&] {
      return wait_.has_come() && flush_.has_come() && room_users_.have_come() &&
             out_->pending_items() == 0 &&
             peer().has_read() ==
                 first_.size() + second_.size() + waiting_.size() + RoomUsers::burst_bytes();
    }));
    is_waiting_written_ = true;
    out_->abort();
  }

  void let_peer_reset() {
    run_until_some_is_written();
    peer_text_ = stream_.family == Family::kPipe ? "" : "an early answer";
    ASSERT_TRUE(by_peer([&] {
      const bool sent = stream_.family == Family::kPipe || peer().write(peer_text_);
      peer().reset();
      return sent;
    }));
  }

  void destroy_context() {
    connection_.near->let_go();
    context_.reset();
  }

  // The write that waits may be let in meanwhile.
  void maybe_run_a_little() {
    if (random_.one_in(2)) {
      run_ready(*context_);
      is_waiting_written_ = wait_.has_come();
      expected_.waiting = is_waiting_written_ ? Told::kDone : expected_.waiting;
    }
  }
};

}  // namespace bytes_handoff::test
