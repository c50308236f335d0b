#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/streams/scripted_stream.hpp"

namespace bytes_handoff::test {

/// A submission's outcome. With a ticket when it was admitted, and then `bytes` are empty; else
/// they are as they were handed in.
struct Submitted {
  std::optional<detail::AdmittedWrite> ticket;
  std::optional<detail::Refusal> refusal;
  std::vector<Bytes> bytes;
};

/// A write queue with a scripted stream behind it.
class QueueTest : public testing::Test {
 protected:
  using Queue = detail::WriteQueue;
  using Turn = Queue::Turn;
  using Wait = Queue::Wait;
  using TicketWait = Queue::TicketWait;
  using Stream = ScriptedStream<Queue>;
  using Reason = WriteRefusalReason;

  /// Starts over with these limits, and a stream for which slices are joined up to `join_at_most`
  /// bytes.
  void open(WriteHandoffConfig config, std::size_t join_at_most = 0,
            std::size_t max_step_items = detail::kMaxStepItems,
            detail::Entries entries = detail::Entries::kBytes,
            std::unique_ptr<detail::WriteTimer> timer = nullptr) {
    stream_.reset();
    queue_.emplace(config, max_step_items, entries, nullptr, std::move(timer));
    stream_.emplace(*queue_, join_at_most, entries);
  }

  void SetUp() override { open({}); }
  void TearDown() override {
    EXPECT_EQ(stream().violation(), "");
    if (stream().ends() != 0) {
      EXPECT_EQ(queue().pending_bytes(), 0U);
      EXPECT_EQ(queue().pending_items(), 0U);
    }
  }

  [[nodiscard]] Queue& queue() { return *queue_; }
  [[nodiscard]] Stream& stream() { return *stream_; }

  [[nodiscard]] static std::vector<Bytes> slices_of(std::initializer_list<std::string_view> texts) {
    std::vector<Bytes> slices;
    for (const std::string_view text : texts) {
      slices.push_back(Bytes::copy_of(text));
    }
    return slices;
  }

  /// Submits all slices as one.
  Submitted submit(std::vector<Bytes> slices) {
    Submitted result{{}, {}, std::move(slices)};
    auto tried =
        stream().step([&](detail::Effects& e) { return queue().try_write(result.bytes, e); });
    if (tried) {
      result.ticket = *tried;
    } else {
      result.refusal = tried.error();
    }
    return result;
  }
  Submitted submit(std::string_view text) { return submit(slices_of({text})); }

  /// Fire and forget; whether it was admitted.
  bool send(std::vector<Bytes> slices) {
    return stream().step(
        [&](detail::Effects& e) { return queue().try_write(slices, e).has_value(); });
  }
  bool send(std::string_view text) { return send(slices_of({text})); }

  Wait wait(detail::RoomWaiter& probe) {
    return stream().step([&](detail::Effects& e) { return queue().wait_room(probe, e); });
  }
  TicketWait wait(TicketProbe& probe) { return queue().wait_written(probe); }
  /// Whether the result is there. Precondition: it was admitted.
  [[nodiscard]] bool is_done(const std::optional<detail::AdmittedWrite>& ticket) {
    return queue().result(ticket.value()).has_value();
  }
  template <class Waiter>
  void cancel(Waiter& waiter, detail::ErrorValue error) {
    stream().step([&](detail::Effects& e) { queue().cancel(waiter, error, e); });
  }
  void cancel(detail::RoomWaiter& waiter) {
    stream().step([&](detail::Effects& e) { queue().cancel(waiter, e); });
  }

  [[nodiscard]] auto try_reserve(std::size_t bytes, std::size_t items) {
    auto room = queue().try_reserve(bytes, items);
    stream().step([&](detail::Effects& e) { queue().look_for_events(e); });
    return room;
  }
  /// Room for a permit. Precondition: there is some.
  [[nodiscard]] detail::ReservedRoom reserve(std::size_t bytes, std::size_t items = 1) {
    return try_reserve(bytes, items).value();
  }
  /// Why a reservation is refused, if it is.
  [[nodiscard]] std::optional<detail::Refusal> refusal_to_reserve(std::size_t bytes,
                                                                  std::size_t items = 1) {
    auto room = try_reserve(bytes, items);
    if (!room) {
      return room.error();
    }
    give_back(*room);
    return std::nullopt;
  }
  void give_back(detail::ReservedRoom& room) {
    stream().step([&](detail::Effects& e) { queue().give_back(room, e); });
  }
  Submitted commit(detail::ReservedRoom& room, std::vector<Bytes> slices) {
    Submitted result{{}, {}, std::move(slices)};
    auto tried =
        stream().step([&](detail::Effects& e) { return queue().commit(room, result.bytes, e); });
    if (tried) {
      result.ticket = *tried;
    } else {
      result.refusal = tried.error();
    }
    return result;
  }
  Submitted commit(detail::ReservedRoom& room, std::string_view text) {
    return commit(room, slices_of({text}));
  }
  void expect_reserved(std::size_t bytes, std::size_t items) {
    const WriteStatistics statistics = queue().statistics({});
    EXPECT_EQ(statistics.reserved_bytes, bytes);
    EXPECT_EQ(statistics.reserved_items, items);
  }
  void close(Waiters waiters = Waiters::refuse) {
    stream().step([&](detail::Effects& e) { queue().close(waiters, e); });
  }
  void abort_after_written(Waiters waiters = Waiters::refuse) {
    stream().step([&](detail::Effects& e) {
      queue().abort_after_written(e, detail::ErrorValue::of(Errc::aborted), waiters);
    });
  }
  void abort(detail::ErrorValue error = detail::ErrorValue::of(Errc::aborted)) {
    stream().step([&](detail::Effects& e) { queue().abort(error, e); });
  }
  void orphan(const void* context) {
    stream().step([&](detail::Effects& e) { queue().orphan(context, e); });
  }
  /// When to look again: the latest time that there is where nothing is watched.
  Queue::TimePoint tick(Queue::TimePoint now, bool acknowledged = false) {
    return stream().step([&](detail::Effects& e) { return queue().tick(now, acknowledged, e); });
  }

  /// Whether what was not written is to be had.
  [[nodiscard]] bool has_unwritten() { return unwritten_of(queue()).has_value(); }
  /// It, as `text_of` has it.
  [[nodiscard]] std::vector<std::string> unwritten() {
    auto taken = unwritten_of(queue());
    EXPECT_TRUE(taken.has_value());
    return text_of(taken.value_or(UnwrittenEntries()));
  }

  void expect_result(const std::optional<detail::AdmittedWrite>& ticket, detail::ErrorValue error,
                     std::size_t written) {
    ASSERT_TRUE(ticket.has_value()) << "it was refused";
    const auto result = queue().result(*ticket);
    ASSERT_TRUE(result.has_value()) << "it is queued";
    EXPECT_EQ(result->error, error);
    EXPECT_EQ(result->written, written);
  }
  /// As by a wait that begins now. Precondition: the result is there.
  void expect_late_result(const detail::AdmittedWrite& ticket, detail::ErrorValue error,
                          std::size_t written) {
    TicketProbe late(ticket);
    ASSERT_EQ(wait(late), Queue::TicketWait::kDone);
    EXPECT_EQ(late.result.error, error);
    EXPECT_EQ(late.result.written, written);
    EXPECT_EQ(late.resumed, 0) << "what is there at once resumes nobody";
    EXPECT_FALSE(late.linked);
  }
  static void expect_refusal(const std::optional<detail::Refusal>& refusal, Reason reason,
                             std::size_t attempted = 0, std::size_t limit = 0,
                             detail::ErrorValue first_error = {}) {
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->reason, reason);
    EXPECT_EQ(refusal->attempted, attempted);
    EXPECT_EQ(refusal->limit, limit);
    EXPECT_EQ(refusal->first_error, first_error);
  }

 private:
  std::optional<Queue> queue_;
  std::optional<Stream> stream_;
};

}  // namespace bytes_handoff::test
