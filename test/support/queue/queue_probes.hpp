#pragma once

// What waits on a write queue in tests: plain objects that note when and how they were resumed.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/effects.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::test {

/// Names of those that were resumed, in order.
using ResumeLog = std::vector<std::string>;

/// A waiter of the kind `Base` that counts its resumptions.
template <class Base>
struct Probe : Base {
  explicit Probe(std::string called = {}, ResumeLog* into = nullptr)
      : name(std::move(called)), log(into) {}

  void resume(const void* context) noexcept override {
    ++resumed;
    destroyed_context = context;
    if (log != nullptr) {
      log->push_back(name);
    }
  }

  std::string name;
  ResumeLog* log;
  int resumed = 0;
  const void* destroyed_context = nullptr;
};

using TicketProbe = Probe<detail::TicketWaiter>;
using FlushProbe = Probe<detail::FlushWaiter>;
using CloseProbe = Probe<detail::CloseWaiter>;
using UnwrittenProbe = Probe<detail::UnwrittenWaiter>;

/// A waiting write with its slices.
template <class Sync>
struct BasicWriteProbe : Probe<detail::BasicWriteWaiter<Sync>> {
  explicit BasicWriteProbe(std::vector<Bytes> writes, std::string called = {},
                           ResumeLog* into = nullptr)
      : Probe<detail::BasicWriteWaiter<Sync>>(std::move(called), into), owned(std::move(writes)) {
    this->slices = owned;
  }
  explicit BasicWriteProbe(std::string_view text, std::string called = {},
                           ResumeLog* into = nullptr)
      : BasicWriteProbe(std::vector<Bytes>{Bytes::copy_of(text)}, std::move(called), into) {}

  [[nodiscard]] bool was_admitted() const { return this->resumed == 1 && !this->refusal; }

  std::vector<Bytes> owned;
};
using WriteProbe = BasicWriteProbe<detail::StdSync>;

struct ReleaseTicket {
  template <class State>
  void operator()(State* ticket) const noexcept {
    ticket->release();
  }
};

/// The holder's reference on a ticket.
template <class Sync>
using BasicTicketRef = std::unique_ptr<detail::TicketState<Sync>, ReleaseTicket>;
using TicketRef = BasicTicketRef<detail::StdSync>;

/// A ticket whose second reference is still with the caller: `get()` goes to the queue, and where
/// the queue refuses it, `get()->release()`.
template <class Sync = detail::StdSync>
[[nodiscard]] BasicTicketRef<Sync> make_ticket() {
  return BasicTicketRef<Sync>(detail::TicketState<Sync>::make());
}

/// What the queue has not written, if it is to be had by now.
template <class Queue>
[[nodiscard]] std::optional<UnwrittenEntries> unwritten_of(Queue& queue) {
  UnwrittenProbe probe;
  if (queue.wait_unwritten(probe)) {
    return probe.items.take();
  }
  detail::Effects effects;
  queue.cancel(probe, {}, effects);
  effects.resume_all();
  return std::nullopt;
}

/// As text: the whole entries, `|` behind what is written of the first one.
[[nodiscard]] inline std::vector<std::string> text_of(const UnwrittenEntries& unwritten) {
  std::vector<std::string> texts;
  for (const Bytes& bytes : unwritten.entries) {
    texts.emplace_back(bytes.view());
  }
  if (unwritten.first_written != 0) {
    texts.at(0).insert(unwritten.first_written, 1, '|');
  }
  return texts;
}

/// From the first byte that is not written.
[[nodiscard]] inline std::string rest_of(const UnwrittenEntries& unwritten) {
  std::string rest;
  for (const Bytes& bytes : unwritten.entries) {
    rest += bytes.view();
  }
  return rest.substr(unwritten.first_written);
}

[[nodiscard]] inline detail::ErrorValue error_value(int value) {
  static const int category = 0;
  return {value, false, &category};
}

}  // namespace bytes_handoff::test
