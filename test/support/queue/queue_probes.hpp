#pragma once

// What waits on a write queue in tests: plain objects that note when and how they were resumed.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/effects.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::test {

/// Names of those that were resumed, in order.
using ResumeLog = std::vector<std::string>;

/// A waiter of the kind `Base`, made of `of`, that counts its resumptions.
template <class Base>
struct Probe : Base {
  template <class... Of>
  explicit Probe(std::string called = {}, ResumeLog* into = nullptr, const Of&... of)
      : Base(of...), name(std::move(called)), log(into) {}

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

using FlushProbe = Probe<detail::FlushWaiter>;
using CloseProbe = Probe<detail::CloseWaiter>;
using UnwrittenProbe = Probe<detail::UnwrittenWaiter>;

/// Waits for the end of one write.
struct TicketProbe : Probe<detail::TicketWaiter> {
  /// Precondition: it was admitted.
  explicit TicketProbe(const std::optional<detail::AdmittedWrite>& of, std::string called = {},
                       ResumeLog* into = nullptr)
      : Probe(std::move(called), into, of.value()) {
    durations = &times;
  }

  std::optional<WriteDurations> times;
};

/// A waiting write with its slices.
struct WriteProbe : Probe<detail::RoomWaiter> {
  explicit WriteProbe(std::vector<Bytes> writes, std::string called = {}, ResumeLog* into = nullptr)
      : Probe(std::move(called), into), owned(std::move(writes)) {
    slices = owned;
  }
  explicit WriteProbe(std::string_view text, std::string called = {}, ResumeLog* into = nullptr)
      : WriteProbe(std::vector<Bytes>{Bytes::copy_of(text)}, std::move(called), into) {}

  [[nodiscard]] bool was_admitted() const { return resumed == 1 && !refusal; }
  [[nodiscard]] TimePoint time() noexcept override { return now; }

  std::vector<Bytes> owned;
  TimePoint now{};
};

/// A waiting burst with its slices.
struct BurstProbe : WriteProbe {
  explicit BurstProbe(std::vector<Bytes> burst, detail::AsksFor what = detail::AsksFor::kBurst,
                      std::string called = {}, ResumeLog* into = nullptr)
      : WriteProbe(std::move(burst), std::move(called), into) {
    asks_for = what;
  }

  /// Leading slices that were wholly admitted.
  [[nodiscard]] std::size_t admitted() const { return owned.size() - slices.size(); }
};

/// A waiting reservation.
struct RoomProbe : Probe<detail::RoomWaiter> {
  explicit RoomProbe(std::size_t of_bytes, std::size_t of_items = 1, std::string called = {},
                     ResumeLog* into = nullptr)
      : Probe(std::move(called), into) {
    asks_for = detail::AsksFor::kRoom;
    bytes = of_bytes;
    items = of_items;
  }

  [[nodiscard]] bool was_granted() const { return resumed == 1 && !refusal && room.items != 0; }
};

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
  effects.finish();
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
