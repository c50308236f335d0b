// Who asks a write queue and its model for room: writes, bursts, reservations and commits.
#include <algorithm>
#include <memory>
#include <utility>

#include "model/write_queue_world.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::test {

namespace {

std::uint64_t mixed_bits(std::uint64_t bits, std::uint64_t i) {
  return (bits + i) * 0x9e3779b97f4a7c15U >> 16U;
}

}  // namespace

// Slices of the current block, copies, literals, foreign owners and empty ones, `op` saying which.
std::vector<Bytes> QueueWorld::make_slices(const QueueOperation& op) {
  std::vector<Bytes> slices;
  const std::size_t count = op.a % 8 == 0 ? op.a / 8 % 5 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = op.b >> (8 * i);
    const std::size_t most = bits % 16 == 0 ? shape_.config.max_pending_bytes + 2 : 12;
    const std::string text = pattern((bits / 16) % most, made_);
    made_ += text.size();
    switch (bits % 5) {
      case 0:
        slices.push_back(Bytes::copy_of(text));
        break;
      case 1: {
        auto owned = std::make_unique<std::string>(text);
        const auto bytes = bytes_of(*owned);
        slices.push_back(Bytes::from_owner(std::pair(std::move(owned), foreign_), bytes));
        break;
      }
      case 2:
        slices.push_back(Bytes::borrow_static(literals_.emplace_back(text)));
        break;
      default:
        slices.push_back(slice_of_block(text));
    }
  }
  return slices;
}

Bytes QueueWorld::slice_of_block(const std::string& text) {
  if (block_.capacity() < text.size()) {
    block_ = BytesMut::with_capacity(std::max<std::size_t>(text.size(), 1024), &source_);
    largest_footprint_ = std::max(largest_footprint_, block_.footprint());
  }
  block_.extend(text);
  return block_.split_to_frozen(text.size()).value();
}

QueueModel::Write QueueWorld::as_write(WriteProbe& probe, QueueModel::Kind kind) {
  QueueModel::Write write{static_cast<int>(writes_.size()) - 1, -1, {}, kind};
  places_.clear();
  for (const Bytes& slice : probe.owned) {
    write.slices.emplace_back(slice.view());
    places_.push_back(slice.data());
  }
  return write;
}

void QueueWorld::submit(const QueueOperation& op, bool may_wait) {
  WriteProbe& probe = writes_.emplace_back(make_slices(op), "", &log_);
  QueueModel::Write write = as_write(probe, QueueModel::Kind::kWrite);
  if (op.a % 3 != 0) {
    write.ticket = next_ticket_++;
    tickets_.push_back({write.ticket, &probe});
  }
  wait_in_line(probe, write, may_wait);
}

void QueueWorld::submit_burst(const QueueOperation& op) {
  // Mostly several; sometimes one that is larger than the whole budget.
  const std::uint64_t count = op.a % 4 == 0 ? op.a / 4 % 40 : op.a / 4 % 5;
  std::vector<Bytes> slices;
  for (std::uint64_t i = 0; i < count; ++i) {
    for (Bytes& slice : make_slices({op.kind, 1, mixed_bits(op.b, i)})) {
      slices.push_back(std::move(slice));
    }
  }
  WriteProbe& probe = writes_.emplace_back(std::move(slices), "", &log_);
  const bool is_cut = op.a % 2 == 0;
  probe.asks_for = is_cut ? detail::AsksFor::kCutBurst : detail::AsksFor::kBurst;
  wait_in_line(probe,
               as_write(probe, is_cut ? QueueModel::Kind::kCutBurst : QueueModel::Kind::kBurst),
               true);
}

void QueueWorld::reserve(const QueueOperation& op, bool may_wait) {
  WriteProbe& probe = writes_.emplace_back(std::vector<Bytes>(), "", &log_);
  probe.asks_for = detail::AsksFor::kRoom;
  const std::size_t most = op.a % 8 == 0 ? shape_.config.max_pending_bytes + 2 : 12;
  probe.bytes = op.b % (most + 1);
  probe.items = op.a / 8 % (op.a % 16 == 0 ? shape_.config.max_items + 2 : 4);
  QueueModel::Write write = as_write(probe, QueueModel::Kind::kRoom);
  write.room = {probe.bytes, probe.items};
  write.is_counted = probe.is_counted = !may_wait || op.a % 3 != 0;
  wait_in_line(probe, write, may_wait);
}

void QueueWorld::wait_in_line(WriteProbe& probe, const QueueModel::Write& write, bool may_wait) {
  probe.now = model_.time = now_;
  const auto expected = model_.submit(write, may_wait);
  if (may_wait) {
    const auto outcome = step([&](detail::Effects& e) { return queue_.wait_room(probe, e); });
    expect(static_cast<int>(outcome) == static_cast<int>(expected), "wait_room's outcome");
  } else if (write.kind == QueueModel::Kind::kRoom) {
    const auto tried = queue_.try_reserve(probe.bytes, probe.items);
    step([&](detail::Effects& e) { queue_.look_for_events(e); });
    expect(tried.has_value() == (expected == QueueModel::Outcome::kAdmitted), "try_reserve");
    probe.refusal = tried ? std::nullopt : std::optional(tried.error());
    probe.room = tried ? *tried : detail::ReservedRoom();
  } else {
    const auto tried = step([&](detail::Effects& e) { return queue_.try_write(probe.slices, e); });
    expect(tried.has_value() == (expected == QueueModel::Outcome::kAdmitted), "try_write");
    probe.refusal = tried ? std::nullopt : std::optional(tried.error());
    probe.write = tried ? *tried : detail::AdmittedWrite();
  }
  tell(probe, write, expected);
}

// What a submission has come to, as the model has it.
void QueueWorld::tell(WriteProbe& probe, const QueueModel::Write& write,
                      QueueModel::Outcome outcome) {
  if (outcome == QueueModel::Outcome::kWaiting) {
    probe.name = "write " + std::to_string(write.waiter);
    waiting_texts_.push_back({write.waiter, write.slices, places_});
  } else if (outcome == QueueModel::Outcome::kAdmitted) {
    mark_admitted(probe, write.waiter);
  } else {
    compare(probe.refusal, model_.refusal);
    const std::string left = take_back(probe, write.slices, places_);
    expect(left == QueueModel::text_of_slices(write.slices), "a refused write was taken in part");
  }
}

void QueueWorld::use_permit(const QueueOperation& op) {
  Permit empty{-1, {}};
  if (permits_.empty() && op.a % 8 != 0) {
    return;
  }
  const std::size_t index = permits_.empty() ? 0 : op.a / 8 % permits_.size();
  Permit& permit = permits_.empty() ? empty : permits_[index];
  if (op.kind == Kind::kGiveBack) {
    give_back(permit);
  } else {
    commit(permit, op.a % 2 == 0 ? slices_filling(permit.room) : make_slices(op), op.a % 3 != 0);
  }
  if (!permits_.empty() && permit.room.items == 0) {
    permits_.erase(permits_.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

// One slice of all its bytes, and empty ones.
std::vector<Bytes> QueueWorld::slices_filling(const detail::ReservedRoom& room) {
  std::vector<Bytes> slices;
  slices.push_back(slice_of_block(pattern(room.bytes, made_)));
  made_ += room.bytes;
  slices.resize(std::max<std::size_t>(room.items, 1));
  return slices;
}

void QueueWorld::commit(Permit& permit, std::vector<Bytes> slices, bool with_ticket) {
  WriteProbe& probe = writes_.emplace_back(std::move(slices), "", &log_);
  QueueModel::Write write = as_write(probe, QueueModel::Kind::kWrite);
  if (with_ticket) {
    write.ticket = next_ticket_++;
    tickets_.push_back({write.ticket, &probe});
  }
  const detail::ReservedRoom before = permit.room;
  const bool expected = model_.commit(permit.id, write);
  const auto committed =
      step([&](detail::Effects& e) { return queue_.commit(permit.room, probe.slices, e); });
  expect(committed.has_value() == expected, "commit");
  probe.refusal = committed ? std::nullopt : std::optional(committed.error());
  probe.write = committed ? *committed : detail::AdmittedWrite();
  const detail::ReservedRoom left = committed ? detail::ReservedRoom() : before;
  expect(permit.room.items == left.items && permit.room.bytes == left.bytes,
         "what a permit holds after a commit");
  tell(probe, write, committed ? QueueModel::Outcome::kAdmitted : QueueModel::Outcome::kRefused);
}

// Twice: the second time there is nothing to give.
void QueueWorld::give_back(Permit& permit) {
  model_.give_back(permit.id);
  for (int i = 0; i < 2; ++i) {
    step([&](detail::Effects& e) { queue_.give_back(permit.room, e); });
    expect(permit.room.items == 0 && permit.room.bytes == 0, "a permit that was given back");
  }
}

void QueueWorld::ask_for_room(const QueueOperation& op) {
  switch (op.kind) {
    case Kind::kBurst:
      submit_burst(op);
      break;
    case Kind::kReserve:
    case Kind::kWaitReserve:
      reserve(op, op.kind == Kind::kWaitReserve);
      break;
    case Kind::kCommit:
    case Kind::kGiveBack:
      use_permit(op);
      break;
    default:
      submit(op, op.kind == Kind::kWait);
  }
}

}  // namespace bytes_handoff::test
