#include "ends/cell.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "ends/cell_program.hpp"
#include "ends/told.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;

/// What must be seen of a cell.
class Cell : private CellProgram {
 public:
  using CellProgram::CellProgram;

  void run() {
    ASSERT_NE(connection_.near, nullptr);
    submit_and_end();
    expect_told();
    expect_peer();
    expect_read();
    expect_stream();
    expect_nothing_is_pending();
  }

 private:
  // ---- What everyone must be told.

  void expect_told() {
    if (expected_.end == End::kPeerNeverReads) {
      expect_that_all_wait();
      return;
    }
    if (!is_stuck()) {
      start_reading();
    }
    if (context_ != nullptr) {
      EXPECT_TRUE(run_until_true([&] {
        return in_flight_.has_come() && behind_.has_come() && wait_.has_come() &&
               flush_.has_come() && closed_.has_come() && room_users_.have_come() &&
               (!also_closed_ || also_closed_->has_come());
      }));
    }
    expect_all_of_row();
    if (is_stuck() && out_ && expected_.end != End::kContextDestroyed) {
      expect_unwritten();
    }
  }

  void expect_all_of_row() {
    expect("the ticket in flight", in_flight_, expected_.in_flight);
    expect("the ticket behind", behind_, expected_.behind);
    expect("the waiting write", wait_, expected_.waiting);
    room_users_.expect_told(expected_.waiting);
    expect("async_flush", flush_, expected_.flush);
    expect("async_closed", closed_, expected_.closed);
    if (also_closed_) {
      expect("async_close", *also_closed_, expected_.closed);
    }
    EXPECT_LE(in_flight_.state().n, first_.size());
    if (expected_.in_flight == Told::kDone) {
      EXPECT_EQ(in_flight_.state().n, first_.size());
    }
  }

  void expect_that_all_wait() {
    run_until_some_is_written();
    context_->restart();
    context_->run_for(kShort);
    expect_all_of_row();
    EXPECT_TRUE(out_->is_open());
    EXPECT_NE(out_->pending_bytes(), 0U);
    EXPECT_FALSE(peer().is_told_of_an_end());
    EXPECT_TRUE(!descriptor_.is_known() || descriptor_.is_open());
    if (reader_) {
      EXPECT_FALSE(reader_->is_over());
    }
    out_->abort();
    EXPECT_TRUE(run_until_true(
        [&] { return closed_.has_come() && wait_.has_come() && room_users_.have_come(); }));
    expect_unwritten();
  }

  void expect(const char* who, const Watch& watch, Told told) {
    SCOPED_TRACE(who);
    const Watch::State& state = watch.state();
    const auto became = told == Told::kDestroyed ? Watch::Became::kDestroyed
                        : told == Told::kWaits   ? Watch::Became::kWaits
                                                 : Watch::Became::kCompleted;
    ASSERT_EQ(state.became, became);
    EXPECT_EQ(state.calls, became == Watch::Became::kCompleted ? 1 : 0);
    if (became == Watch::Became::kCompleted) {
      expect_error(state, told, &watch == &wait_);
    }
  }

  void expect_error(const Watch::State& state, Told told, bool is_write) {
    SCOPED_TRACE(state.error.message());
    switch (told) {
      case Told::kDone:
        EXPECT_FALSE(state.was_refused);
        EXPECT_FALSE(state.error);
        return;
      case Told::kClosed:
        EXPECT_EQ(state.was_refused, is_write);
        EXPECT_EQ(state.error, Errc::closed);
        if (is_write) {
          EXPECT_FALSE(first_error_at_refusal_) << "it was refused before an error had come";
        }
        return;
      case Told::kClosedAborted:
      case Told::kClosedTimedOut:
      case Told::kClosedStreamError:
        EXPECT_TRUE(state.was_refused);
        EXPECT_EQ(state.error, Errc::closed);
        expect_first_error(first_error_at_refusal_, told);
        return;
      default:
        expect_first_error(state.error, told);
    }
  }

  void expect_first_error(const net_error_code& error, Told told) {
    if (told == Told::kAborted || told == Told::kClosedAborted) {
      EXPECT_EQ(error, Errc::aborted);
    } else if (told == Told::kTimedOut || told == Told::kClosedTimedOut) {
      EXPECT_EQ(error, Errc::timed_out);
    } else {
      EXPECT_TRUE(is_stream_error(error));
    }
  }

  // Who meets the end of a WebSocket first is told the error, others that they were aborted.
  [[nodiscard]] bool is_stream_error(const net_error_code& error) const {
    return error == net::error::connection_reset || error == net::error::broken_pipe ||
           (is_websocket() && error == net::error::operation_aborted);
  }

  // Whole entries, with how much of the first one has left.
  void expect_unwritten() {
    bool has_come = false;
    out_->async_unwritten([&](net_error_code error, UnwrittenEntries unwritten) {
      has_come = true;
      EXPECT_FALSE(error) << error.message();
      ASSERT_EQ(unwritten.entries.size(), 2U + room_users_.admitted_slices());
      EXPECT_EQ(unwritten.entries[0].view() == first_, true);
      EXPECT_EQ(unwritten.entries[1].view() == second_, true);
      // The stream may have gone on behind the end, until it returned.
      EXPECT_GE(unwritten.first_written, in_flight_.state().n);
      first_written_ = unwritten.first_written;
    });
    EXPECT_TRUE(run_until_true([&] { return has_come; }));
  }

  void expect_peer() {
    if (expected_.peer == PeerEnd::kItsOwn) {
      return;
    }
    start_reading();
    peer().hurry();
    if (!wait_for(reading_)) {
      ADD_FAILURE() << "the peer sees no end";
      peer().stop_waiting();
    }
    const Reading reading = reading_.get();
    expect_bytes(reading.bytes);
    if (is_websocket()) {
      expect_messages(reading.bytes.size());
    }
    if (stay_ != Stay::kAnswers || reading.end != Seen::kCloseFrame) {  // a server may end, too
      EXPECT_EQ(name_of(reading.end), name_of(expected_end()));
    }
  }

  void expect_bytes(const std::string& got) {
    std::string all = first_ + second_;
    all += room_users_.is_burst_first() ? room_users_.burst_text() : "";
    all += is_waiting_written_ ? waiting_ : "";
    all += room_users_.is_burst_first() ? "" : room_users_.burst_text();
    if (is_held_up() && !expected_.is_acknowledged) {
      EXPECT_EQ(all.starts_with(got), true);
      return;
    }
    if (expected_.bytes == PeerBytes::kAll) {
      EXPECT_EQ(got.size(), all.size());
      EXPECT_EQ(got == all, true);
      return;
    }
    EXPECT_EQ(all.starts_with(got), true);
    EXPECT_LT(got.size(), first_.size());
    if (first_written_) {
      EXPECT_LE(got.size(), *first_written_);
      if (!expected_.may_lose) {
        EXPECT_EQ(got.size(), *first_written_) << "nothing destroys what was taken";
      }
    }
  }

  // Each that has come to its last byte, and no other.
  void expect_messages(std::size_t bytes) {
    std::vector<std::size_t> sizes{first_.size(), second_.size()};
    const auto burst = room_users_.burst_sizes();
    if (is_waiting_written_) {
      sizes.push_back(waiting_.size());
    }
    sizes.insert(room_users_.is_burst_first() ? sizes.begin() + 2 : sizes.end(), burst.begin(),
                 burst.end());
    std::size_t whole = 0;
    for (std::size_t end = 0; whole != sizes.size() && end + sizes[whole] <= bytes; ++whole) {
      end += sizes[whole];
    }
    sizes.resize(whole);
    EXPECT_EQ(peer().messages(), sizes);
  }

  [[nodiscard]] Seen expected_end() const {
    if (expected_.peer == PeerEnd::kUnanswered) {
      return Seen::kCloseFrameThenReset;
    }
    if (expected_.is_reset) {
      return Seen::kReset;
    }
    return stream_.family == Family::kTls ? Seen::kCloseNotify
           : is_websocket()               ? Seen::kCloseFrame
                                          : Seen::kEnd;
  }

  // The peer, that has seen an end in order, sends on and ends, too.
  void let_peer_end() {
    constexpr std::size_t kLatePieces = 20;  // a write tells what became of those before it
    constexpr std::size_t kLatePiece = 10'000;
    if (sends_on_) {
      sending_ = std::async(std::launch::async, [this] {
        while (peer().write("x")) {
          std::this_thread::sleep_for(milliseconds(5));  // who sends slowly
        }
      });
    }
    if (expected_.end == End::kPeerHalfCloses || expected_.end == End::kPeerStays) {
      return;
    }
    const std::string late = pattern(kLatePieces * kLatePiece, 3);
    const bool is_taken = is_read() || expected_.owned == StreamAfter::kDrained;
    const bool sent = by_peer([&] {
      bool all = is_taken;
      for (std::size_t i = 0; all && i != kLatePieces; ++i) {
        all = peer().write(std::string_view(late).substr(i * kLatePiece, kLatePiece));
      }
      peer().end_write();
      return all;
    });
    EXPECT_EQ(sent, is_taken);
    peer_text_ += sent ? late : "";
  }

  void expect_read() {
    if (starts_to_read_late_) {
      reader_->start();
    }
    if (expected_.peer == PeerEnd::kInOrder && !is_websocket()) {  // whose peer has ended
      let_peer_end();
    }
    if (!reader_) {
      return;
    }
    if (expected_.end == End::kPeerStays && expected_.read == ReadTold::kWaits) {
      EXPECT_FALSE(reader_->is_over());
      peer().close();
    }
    if (context_ != nullptr) {
      EXPECT_TRUE(run_until_true([&] { return reader_->is_over(); })) << "the reader waits";
    }
    EXPECT_FALSE(reader_->is_reading());
    SCOPED_TRACE("the reader was told: " + reader_->last().state().error.message());
    if (expected_.read == ReadTold::kStreamsEndOrAborted) {
      EXPECT_EQ(peer_text_.starts_with(reader_->text()), true);
    } else {
      EXPECT_EQ(reader_->text() == peer_text_, true) << reader_->text().size() << " bytes";
    }
    expect_read_told(form_ == Form::kSharedAndToldRead ? expected_.told_read : expected_.read);
  }

  void expect_read_told(ReadTold told) {
    const Watch::State& state = reader_->last().state();
    EXPECT_EQ(state.became == Watch::Became::kDestroyed, told == ReadTold::kDestroyed);
    switch (told) {
      case ReadTold::kGoesOn:
        EXPECT_FALSE(state.error);
        return;
      case ReadTold::kAborted:
        EXPECT_EQ(state.error,
                  starts_to_read_late_ &&
                          !(is_websocket() && state.error == net::error::operation_aborted)
                      ? net_error_code(net::error::bad_descriptor)
                      : net_error_code(net::error::operation_aborted));
        return;
      case ReadTold::kFirstError:
        EXPECT_EQ(state.error, closed_.state().error);
        return;
      case ReadTold::kStreamsEnd:
      case ReadTold::kStreamsEndOrAborted:
        // A write may have taken the error from the socket: then a read of it is an end.
        EXPECT_TRUE(!state.error || is_stream_error(state.error) ||
                    state.error == net::ssl::error::stream_truncated);
        return;
      case ReadTold::kWaits:  // it was ended by the test
        return;
      case ReadTold::kDestroyed:
        return;
    }
  }

  void expect_stream() {
    const StreamAfter after = is_shared() ? expected_.shared : expected_.owned;
    if (is_shared() && context_ != nullptr) {
      EXPECT_TRUE(run_until_true([&] { return connection_.near->holders() == 1; }))
          << "it is not let go of";
      const bool is_open = after == StreamAfter::kReleased;
      EXPECT_EQ(connection_.near->is_open(), is_open);
      EXPECT_TRUE(!descriptor_.is_known() || descriptor_.is_open() == is_open);
      connection_.near->let_go();
    }
    if (!descriptor_.is_known()) {
      return;
    }
    if (context_ != nullptr) {
      EXPECT_TRUE(run_until_true([&] { return !descriptor_.is_open(); })) << "it stays open";
    } else {
      EXPECT_FALSE(descriptor_.is_open());
    }
  }

  void expect_nothing_is_pending() {
    if (out_) {
      EXPECT_FALSE(out_->is_open());
      EXPECT_EQ(out_->pending_bytes(), 0U);
      EXPECT_EQ(out_->pending_items(), 0U);
      Bytes late = Bytes::copy_of("late");
      const auto refused = out_->try_write(late);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().reason, WriteRefusalReason::closed);
      EXPECT_EQ(refused.error().first_error, out_->first_error());
      EXPECT_EQ(late.view(), "late");
      EXPECT_EQ(out_->statistics().reserved_bytes, 0U);
    }
    const net_error_code first_error = out_ ? out_->first_error() : net_error_code();
    room_users_.expect_permit_is_refused(out_ ? &first_error : nullptr);
    if (context_ != nullptr) {
      EXPECT_TRUE(run_out(*context_)) << "the context has work left";
    }
  }
};

}  // namespace

void run_cell(const EndRow& end, const StreamRow& stream, Form form, Random& random) {
  Cell(end, stream, form, random).run();
}

}  // namespace bytes_handoff::test
