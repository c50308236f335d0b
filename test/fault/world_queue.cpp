// What a program asks of its queue.

#include <memory>
#include <utility>
#include <vector>

#include "fault/world.hpp"
#include "support/queue/unwritten.hpp"

namespace bytes_handoff::test {
namespace {

// Its first byte tells slices apart.
std::string text_of(std::size_t id, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size; ++at) {
    text[at] = static_cast<char>(at == 0 ? 128 + id % 128 : 'a' + (id * 7 + at) % 26);
  }
  return text;
}

}  // namespace

void World::spawn(const WriteHandoffConfig& config) {
  limits_ = config;
  in_library([&] { out_.emplace(streams_->spawn(config)); });
}

Bytes World::make_slice(std::size_t size, Submission& of) {
  auto text = std::make_shared<std::string>([&] {
    const auto locked = lock();
    return text_of(ledger_.size(), size);
  }());
  slices_.push_back(text);
  const auto bytes = std::as_bytes(std::span<const char>(*text));
  Bytes slice = Bytes::from_owner(std::move(text), bytes);
  note(slice, of);
  return slice;
}

std::vector<Bytes> World::make_slices(const Sizes& sizes, Submission& of) {
  std::vector<Bytes> slices;
  for (const std::size_t size : sizes) {
    slices.push_back(make_slice(size, of));
  }
  if (sizes.empty()) {  // counts as one empty write
    const auto locked = lock();
    of.ids.push_back(ledger_.submit("", of.lane));
  }
  return slices;
}

void World::note(const Bytes& bytes, Submission& of) {
  const auto locked = lock();
  of.data.push_back(bytes.data());
  of.ids.push_back(ledger_.submit(std::string(bytes.view()), of.lane));
}

void World::admitted(const Submission& of, std::span<const Bytes> slices, WriteTicket ticket,
                     Ticket what) {
  expect(ticket.valid(), "an admitted write has no ticket");
  for (const Bytes& slice : slices) {
    expect(slice.empty(), "an admitted slice is still the caller's");
  }
  const auto locked = lock();
  for (const std::size_t id : of.ids) {
    ledger_.settle(id, Ledger::State::kAdmitted);
  }
  if (what == Ticket::kKept) {
    receipts_.push_back({std::move(ticket), of.ids});
  }
}

void World::refused(const Submission& of, std::span<const Bytes> slices) {
  const auto locked = lock();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    expect(slices[i].data() == of.data[i] && slices[i].view() == ledger_.text(of.ids[i]),
           "a refused slice is not what the caller had");
  }
  for (const std::size_t id : of.ids) {
    ledger_.settle(id, Ledger::State::kRefused);
  }
}

template <class Submit>
void World::submit_now(const Sizes& sizes, Ticket what, Submit submit) {
  if (!out_) {
    return;
  }
  const bool was_open = !is_seldom() || out_->is_open();
  Submission of;
  std::vector<Bytes> slices = make_slices(sizes, of);
  bool was_admitted = false;
  in_library([&] {
    auto result = submit(slices);
    const OutsideLibrary outside;
    was_admitted = result.has_value();
    if (was_admitted) {
      admitted(of, slices, std::move(*result), what);
    }
  });
  if (!was_admitted) {
    refused(of, slices);
  }
  expect(was_open || !was_admitted, "a write was admitted after the close");
  check();
}

void World::try_write(std::size_t size) {
  submit_now({size}, Ticket::kDropped, [this](auto& slices) { return out_->try_write(slices[0]); });
}

void World::try_write_ticket(std::size_t size) {
  submit_now({size}, Ticket::kKept, [this](auto& slices) { return out_->try_write(slices[0]); });
}

void World::try_write_several(const Sizes& sizes) {
  submit_now(sizes, Ticket::kDropped, [this](auto& slices) { return out_->try_write(slices); });
}

void World::try_write_several_with_ticket(const Sizes& sizes) {
  submit_now(sizes, Ticket::kKept, [this](auto& slices) { return out_->try_write(slices); });
}

// The slices live as long as the handler, and no longer.
template <class Submit>
void World::submit_waiting(Submission of, std::vector<Bytes> slices, Ticket what, Submit submit) {
  auto owned = std::make_unique<std::vector<Bytes>>(std::move(slices));
  std::vector<Bytes>& waiting = *owned;
  const bool was_started = start(
      "async_write",
      [this, of, owned = std::move(owned), what](const net_error_code& error, WriteTicket ticket) {
        if (error) {
          expect(!ticket.valid(), "a refused write has a ticket");
          refused(of, *owned);
        } else {
          admitted(of, *owned, std::move(ticket), what);
        }
      },
      [&](auto handler) { submit(waiting, std::move(handler)); });
  if (!was_started) {
    refused(of, {});
  }
}

void World::write_one(std::size_t size, Ticket what) {
  if (can_wait()) {
    Submission of;
    std::vector<Bytes> slices = make_slices({size}, of);
    submit_waiting(std::move(of), std::move(slices), what, [this](auto& waiting, auto handler) {
      out_->async_write(waiting[0], std::move(handler));
    });
  }
}

void World::write_several(const Sizes& sizes, Ticket what) {
  if (can_wait()) {
    Submission of;
    std::vector<Bytes> slices = make_slices(sizes, of);
    submit_waiting(std::move(of), std::move(slices), what, [this](auto& waiting, auto handler) {
      out_->async_write(waiting, std::move(handler));
    });
  }
}

void World::write(std::size_t size) { write_one(size, Ticket::kDropped); }
void World::write_ticket(std::size_t size) { write_one(size, Ticket::kKept); }
void World::write_all(const Sizes& sizes) { write_several(sizes, Ticket::kDropped); }
void World::write_all_ticket(const Sizes& sizes) { write_several(sizes, Ticket::kKept); }

void World::write_bytes(Bytes bytes, bool at_once) {
  std::optional<WriteHandoff> out = handle();
  if (!out || context_ == nullptr) {
    return;
  }
  Submission of;
  note(bytes, of);
  std::vector<Bytes> slices;
  slices.push_back(std::move(bytes));
  submit_waiting(std::move(of), std::move(slices), Ticket::kDropped,
                 [&](auto& waiting, auto handler) {
                   if (at_once) {
                     out->async_write(waiting, std::move(handler));
                   } else {
                     out->async_write(waiting[0], std::move(handler));
                   }
                 });
}

void World::wait_for_tickets() {
  for (std::size_t at = 0;; ++at) {
    auto locked = lock();
    if (at >= receipts_.size() || context_ == nullptr) {
      return;
    }
    Receipt& receipt = receipts_[at];
    if (!std::exchange(receipt.is_waited_for, true)) {
      locked.unlock();
      const auto told = [this, ids = receipt.ids](const net_error_code& error, std::size_t n) {
        ticket_told(ids, error, n);
      };
      start("WriteTicket::async_wait", told,
            [&](auto handler) { receipt.ticket.async_wait(std::move(handler)); });
    }
  }
}

void World::ticket_told(const std::vector<std::size_t>& ids, const net_error_code& error,
                        std::size_t n) {
  std::size_t size = 0;
  std::size_t received = 0;
  const auto locked = lock();
  const auto match = is_threaded() ? std::nullopt : ledger_.match(streams_->sink().received);
  for (const std::size_t id : ids) {
    size += ledger_.text(id).size();
    received += match ? (*match)[id] : 0;
  }
  expect(n <= size, "a ticket tells of more bytes than there were");
  if (!error) {
    expect(n == size && (!match || is_duplex() || received == size),
           "a ticket is done before its bytes are");
    if (is_threaded()) {
      told_.push_back(ids);  // the stream may write at the moment
    }
  }
}

void World::drop_tickets() {
  auto locked = lock();
  const auto dropped = std::exchange(receipts_, {});
  locked.unlock();
  check();
}

void World::flush() {
  if (can_wait()) {
    start(
        "async_flush", [](const net_error_code&) {},
        [&](auto handler) { out_->async_flush(std::move(handler)); });
  }
}

void World::wait_closed() {
  if (can_wait()) {
    start(
        "async_closed", [](const net_error_code&) {},
        [&](auto handler) { out_->async_closed(std::move(handler)); });
  }
}

void World::close_and_wait() {
  if (can_wait()) {
    start(
        "async_close", [](const net_error_code&) {},
        [&](auto handler) { out_->async_close(std::move(handler)); });
  }
}

void World::close(Waiters waiters) {
  if (out_) {
    if (waiters == Waiters::admit) {
      lets_waiters_in_ = true;
    }
    in_library([&] { out_->close(waiters); });
    expect(!out_->is_open(), "the queue is open after close");
    check();
  }
}

void World::abort() {
  if (out_) {
    in_library([&] { out_->abort(); });
    expect(out_->pending_bytes() == 0 && out_->pending_items() == 0, "pending after abort");
    check();
  }
}

void World::abort_after_written() {
  if (out_) {
    in_library([&] { out_->abort(after_written); });
    expect(!out_->is_open(), "the queue is open after an abort");
    check();
  }
}

void World::copy_handle() { copy_ = out_; }

std::optional<WriteHandoff> World::handle() const {
  const auto locked = lock();
  return out_;
}

void World::drop_handles() {
  in_library([&] {
    copy_.reset();
    auto locked = lock();
    const auto last = std::exchange(out_, std::nullopt);
    locked.unlock();
  });
  check();
}

void World::take_unwritten() {
  if (can_wait()) {
    start(
        "async_unwritten",
        [this](const net_error_code&, const UnwrittenEntries& unwritten) {
          const auto locked = lock();
          for (const std::string& rest : texts_of(unwritten)) {
            returned_ += rest;
          }
        },
        [&](auto handler) { out_->async_unwritten(std::move(handler)); });
  }
}

}  // namespace bytes_handoff::test
