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
#include "ends/told.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kStuckBytes = std::size_t{2} * 1024 * 1024;  // more than anything takes
constexpr std::size_t kSecondBytes = 1000;
constexpr std::size_t kWaitingBytes = 10;
constexpr std::size_t kMostBytes = 300'000;  // of a first write that is not to be stuck
constexpr milliseconds kShort{30};
// Of a peer that stays: more than what the kernel holds takes to be written, and less than it.
constexpr milliseconds kSilence{200};
constexpr std::size_t kFewBytes = 1000;
constexpr std::size_t kHeldUpBytes = 600'000;  // the peer's kernel holds half of it
constexpr std::size_t kHeldUpPiece = std::size_t{32} * 1024;
constexpr milliseconds kHeldUpPause{1};
// Reading slowly: each timeout passes while bytes are written, and no piece is that late.
constexpr milliseconds kSlowTimeout{1000};
constexpr std::size_t kSlowBytes = 1'700'000;
constexpr std::size_t kSlowPiece = std::size_t{16} * 1024;
constexpr milliseconds kSlowPause{20};

/// Reads the shared stream to its end, through a buffer.
class NearReader {
 public:
  /// `told_of` may be null; where there is no handle any more, its reads are plain ones.
  NearReader(NearEnd& near, const std::optional<WriteHandoff>* told_of)
      : near_(near), told_of_(told_of) {}

  void start() {
    watch_ = Watch();
    near_.start_read(buffer_, told_of_ != nullptr && *told_of_ ? &**told_of_ : nullptr,
                     [this, inner = watch_.handler()](net_error_code error, std::size_t n) {
                       inner(error, n);
                       text_ += buffer_.peek_view();
                       static_cast<void>(buffer_.take_tail());
                       if (!error && n != 0) {
                         start();
                       }
                     });
  }

  [[nodiscard]] bool is_over() const { return watch_.has_come(); }
  [[nodiscard]] const Watch& last() const { return watch_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_reading() const { return front_end::is_reading(buffer_); }

 private:
  NearEnd& near_;
  const std::optional<WriteHandoff>* told_of_;
  HandoffBuffer buffer_;
  Watch watch_;
  std::string text_;
};

class Cell {
 public:
  Cell(const EndRow& end, const StreamRow& stream, Form form, Random& random)
      : expected_(expected_of(end, family_row(stream.family))),
        stream_(stream),
        form_(form),
        random_(random),
        connection_(connect(stream.kind, *context_, random.one_in(2))) {}

  ~Cell() {
    if (connection_.peer != nullptr) {
      connection_.peer->stop_waiting();
    }
  }

  void run() {
    ASSERT_NE(connection_.near, nullptr);
    spawn();
    prepare();
    if (expected_.end == End::kException) {
      submit_in_a_coroutine_that_throws();
    } else {
      submit();
      act();
    }
    expect_told();
    expect_peer();
    expect_read();
    expect_stream();
    expect_nothing_is_pending();
  }

 private:
  // ---- What the program does.

  [[nodiscard]] bool is_shared() const { return form_ != Form::kOwned; }
  [[nodiscard]] bool is_read() const { return is_shared() && expected_.is_read; }
  [[nodiscard]] Peer& peer() { return *connection_.peer; }

  [[nodiscard]] bool lingers() const { return !is_shared() && family_row(stream_.family).lingers; }

  [[nodiscard]] bool is_stuck() const { return expected_.bytes == PeerBytes::kPrefix; }

  // All is to arrive before a reset: when all is written, the kernel is still to send a part.
  [[nodiscard]] bool is_held_up() const { return waits_for_acknowledgement(expected_); }

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
    config.max_pending_bytes = first_.size() + second_.size();
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

  void submit() {
    submit_to(*out_);
    out_->async_closed(closed_.handler());
  }

  void submit_to(WriteHandoff& out) {
    auto first = out.try_write(Bytes::copy_of(first_));
    auto second = out.try_write(Bytes::copy_of(second_));
    ASSERT_TRUE(first.has_value());
    ASSERT_TRUE(second.has_value());
    first->async_wait(in_flight_.handler());
    second->async_wait(behind_.handler());
    out.async_flush(flush_.handler());
    out.async_write(Bytes::copy_of(waiting_), wait_.handler());
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
      return wait_.has_come() && flush_.has_come() && out_->pending_items() == 0 &&
             peer().has_read() == first_.size() + second_.size() + waiting_.size();
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

  void run_until_some_is_written() {
    ASSERT_TRUE(run_until_true([&] { return out_->statistics().written_bytes != 0; }));
  }

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
               flush_.has_come() && closed_.has_come() &&
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
    EXPECT_TRUE(run_until_true([&] { return closed_.has_come() && wait_.has_come(); }));
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
        if (is_write) {
          EXPECT_TRUE(state.was_refused);
          EXPECT_FALSE(state.error) << "it was refused before an error had come";
        } else {
          EXPECT_EQ(state.error, Errc::closed);
        }
        return;
      case Told::kClosedAborted:
      case Told::kClosedTimedOut:
      case Told::kClosedStreamError:
        EXPECT_TRUE(state.was_refused);
        break;
      default:
        break;
    }
    if (told == Told::kAborted || told == Told::kClosedAborted) {
      EXPECT_EQ(state.error, Errc::aborted);
    } else if (told == Told::kTimedOut || told == Told::kClosedTimedOut) {
      EXPECT_EQ(state.error, Errc::timed_out);
    } else {
      EXPECT_TRUE(is_stream_error(state.error));
    }
  }

  [[nodiscard]] static bool is_stream_error(const net_error_code& error) {
    return error == net::error::connection_reset || error == net::error::broken_pipe;
  }

  // Whole entries, with how much of the first one has left.
  void expect_unwritten() {
    bool has_come = false;
    out_->async_unwritten([&](net_error_code error, UnwrittenEntries unwritten) {
      has_come = true;
      EXPECT_FALSE(error) << error.message();
      ASSERT_EQ(unwritten.entries.size(), 2U);
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
    EXPECT_EQ(name_of(reading.end), name_of(expected_end()));
  }

  void expect_bytes(const std::string& got) {
    std::string all = first_ + second_;
    if (is_waiting_written_) {
      all += waiting_;
    }
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

  [[nodiscard]] Seen expected_end() const {
    if (expected_.is_reset) {
      return Seen::kReset;
    }
    return stream_.family == Family::kTls ? Seen::kCloseNotify : Seen::kEnd;
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
    if (expected_.peer == PeerEnd::kInOrder) {
      let_peer_end();
    }
    if (!reader_) {
      return;
    }
    if (expected_.end == End::kPeerStays) {
      EXPECT_FALSE(reader_->is_over());
      peer().close();
    }
    if (context_ != nullptr) {
      EXPECT_TRUE(run_until_true([&] { return reader_->is_over(); })) << "the reader waits";
    }
    EXPECT_FALSE(reader_->is_reading());
    SCOPED_TRACE("the reader was told: " + reader_->last().state().error.message());
    EXPECT_EQ(reader_->text() == peer_text_, true) << reader_->text().size() << " bytes";
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
        EXPECT_EQ(state.error, starts_to_read_late_
                                   ? net_error_code(net::error::bad_descriptor)
                                   : net_error_code(net::error::operation_aborted));
        return;
      case ReadTold::kFirstError:
        EXPECT_EQ(state.error, closed_.state().error);
        return;
      case ReadTold::kStreamsEnd:
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
      EXPECT_EQ(out_->try_write(Bytes::copy_of("late")).error().reason, WriteRefusalReason::closed);
    }
    if (context_ != nullptr) {
      EXPECT_TRUE(run_out(*context_)) << "the context has work left";
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
  std::string peer_text_;  // what the peer has sent
  std::optional<std::size_t> first_written_;
  bool is_waiting_written_ = false;
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
};

}  // namespace

void run_cell(const EndRow& end, const StreamRow& stream, Form form, Random& random) {
  Cell(end, stream, form, random).run();
}

}  // namespace bytes_handoff::test
