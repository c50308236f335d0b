// What a program asks of its queue in parts: room first, and bursts of any size.

#include <memory>
#include <utility>
#include <vector>

#include "fault/world.hpp"

namespace bytes_handoff::test {

// ---- Permits.

void World::granted(WritePermit permit, std::size_t bytes, std::size_t items) {
  expect(permit.bytes() == bytes && permit.items() == items, "a permit is not what was asked for");
  const auto locked = lock();
  permits_.push_back(std::move(permit));
}

void World::try_reserve(std::size_t bytes, std::size_t items) {
  if (!out_) {
    return;
  }
  const bool was_open = !is_seldom() || out_->is_open();
  in_library([&] {
    auto permit = out_->try_reserve(bytes, items);
    const OutsideLibrary outside;
    if (permit) {
      expect(was_open, "room was given after the close");
      granted(std::move(*permit), bytes, items);
    }
  });
  check();
}

void World::reserve(std::size_t bytes, std::size_t items) {
  if (can_wait()) {
    start(
        "async_reserve",
        [this, bytes, items](const net_error_code& error, WritePermit permit) {
          expect(permit.valid() == !error, "a permit that is not valid, or one with an error");
          if (permit.valid()) {
            granted(std::move(permit), bytes, items);
          }
        },
        [&](auto handler) { out_->async_reserve(bytes, items, std::move(handler)); });
  }
}

// With the permit that was granted first, if there is one.
void World::commit(const Sizes& sizes) {
  WritePermit permit;
  {
    const auto locked = lock();
    if (permits_.empty()) {
      return;
    }
    permit = std::move(permits_.front());
    permits_.pop_front();
  }
  std::size_t bytes = 0;
  for (const std::size_t size : sizes) {
    bytes += size;
  }
  const bool fits = bytes <= permit.bytes() && sizes.size() <= permit.items();
  Submission of;
  of.lane = Ledger::Lane::kPermits;
  std::vector<Bytes> slices = make_slices(sizes, of);
  bool was_admitted = false;
  bool was_closed = false;
  const bool has_thrown = !in_library([&] {
    auto result = permit.commit(slices);
    const OutsideLibrary outside;
    was_admitted = result.has_value();
    if (was_admitted) {
      admitted(of, slices, std::move(*result), Ticket::kKept);
    } else {
      was_closed = result.error().reason == WriteRefusalReason::closed;
    }
  });
  if (!was_admitted) {
    refused(of, slices);
  }
  expect(!has_thrown, "a commit has thrown");
  expect(was_admitted || was_closed || !fits, "a commit had no room");
  expect(!was_admitted || fits, "more was committed than was reserved");
  expect(permit.valid() != was_admitted, "a permit is valid behind its commit, or was lost");
  in_library([&] { permit = WritePermit(); });
  check();
}

void World::drop_permits() {
  auto locked = lock();
  auto dropped = std::exchange(permits_, {});
  locked.unlock();
  in_library([&] { dropped.clear(); });
  check();
}

// At rest the room of permits is what the program holds.
void World::check_reserved() {
  std::size_t bytes = 0;
  std::size_t items = 0;
  if (out_->is_open()) {
    const auto locked = lock();
    for (const WritePermit& permit : permits_) {
      bytes += permit.bytes();
      items += permit.items();
    }
  }
  const WriteStatistics statistics = out_->statistics();
  expect(statistics.reserved_bytes == bytes && statistics.reserved_items == items,
         "room is reserved for nobody, or not for who holds it");
}

// ---- Bursts.

void World::send(const Sizes& sizes, Cutting cutting) {
  if (!can_wait()) {
    return;
  }
  Submission of;
  of.lane = cutting == Cutting::kMayCut ? Ledger::Lane::kMayBeCut : Ledger::Lane::kLine;
  auto owned = std::make_unique<std::vector<Bytes>>();
  if (!sizes.empty()) {
    *owned = make_slices(sizes, of);
  }
  std::vector<Bytes>& slices = *owned;
  const bool was_started = start(
      "async_send",
      [this, of, owned = std::move(owned)](const net_error_code& error, std::size_t n) {
        sent(of, *owned, error, n);
      },
      [&](auto handler) {
        if (cutting == Cutting::kMayCut) {
          out_->async_send(slices, may_cut, std::move(handler));
        } else {
          out_->async_send(slices, std::move(handler));
        }
      });
  if (!was_started) {
    refused(of, {});
  }
}

void World::sent(const Submission& of, std::span<const Bytes> slices, const net_error_code& error,
                 std::size_t n) {
  expect(n <= slices.size(), "more slices were admitted than there were");
  expect(error || n == slices.size(), "a burst has ended without an error, and not in whole");
  const auto locked = lock();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::string_view text = ledger_.text(of.ids[i]);
    const std::string_view left = slices[i].view();
    if (i < n) {
      expect(left.empty(), "an admitted slice is still the caller's");
      ledger_.settle(of.ids[i], Ledger::State::kAdmitted);
    } else if (i == n && left.size() < text.size()) {
      expect(of.lane == Ledger::Lane::kMayBeCut, "a slice was cut that may not be");
      expect(!left.empty() && text.ends_with(left), "a slice that was cut does not keep its rest");
      ledger_.cut(of.ids[i], text.size() - left.size());
    } else {
      expect(slices[i].data() == of.data[i] && left == text,
             "a slice that was not admitted is not what the caller had");
      ledger_.settle(of.ids[i], Ledger::State::kRefused);
    }
  }
}

}  // namespace bytes_handoff::test
