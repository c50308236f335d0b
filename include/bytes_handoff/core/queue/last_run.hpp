#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"

namespace bytes_handoff::detail {

/// The run of neighbouring items with one owner at the back of a queue.
class LastRun {
 public:
  /// Notes an item that was just pushed at `at`, the `sequence`th ever.
  void note(const WriteItem& item, WriteItems::Cursor at, std::uint64_t sequence) noexcept {
    if (item.owner == nullptr) {
      return;
    }
    if (item.owner != owner) {
      *this = {item.owner, at, sequence, 0, 0};
    }
    bytes += item.size;
    items = static_cast<std::size_t>(sequence - start_sequence) + 1;
  }

  /// Whether an item of `next_owner` at the back ends the run.
  [[nodiscard]] bool ends_at(const Owner* next_owner) const noexcept {
    return next_owner != owner && next_owner != nullptr && owner != nullptr;
  }

  /// The first `n` items ever are gone, or leave their owners. A run that was among them is no
  /// more.
  void forget_first(std::uint64_t n) noexcept {
    if (owner != nullptr && start_sequence + items <= n) {
      owner = nullptr;
    }
  }

  Owner* owner = nullptr;  // not a reference: an item in the queue has one. Null: there is no run
  WriteItems::Cursor start;
  std::uint64_t start_sequence;
  std::size_t bytes;
  std::size_t items;  // from the first of the run to the last, empty ones between included
};

/// Keeps what waiting items retain in proportion to what they count.
///
/// The budget counts the lengths of slices, but a slice keeps its whole block. Neighbouring items
/// with one owner are a run. The run at the back of the queue may still grow to be worth its block.
/// It ends when the next item belongs to another owner. If it then retains more than twice its
/// bytes and 64 bytes an item, its bytes are copied together, and its block is released. While the
/// stream may be reading them, the copy waits until the stream is done. There is at most one such
/// run, the last that was gathered. The size of a foreign owner is not known; it is never copied.
///
/// So the library's blocks retain at most, for admitted items, twice their bytes and 64 bytes an
/// item. In addition the buffer that is being cut keeps one block. The queue keeps two blocks, that
/// run's and the one at the front, and 4 KiB in which small runs are copied together. Copying the
/// rest of the front block as well would save one block, at the price of a copy for each slow peer.
///
/// A copy costs less than half of a block. Only slices that are small for their block, and do not
/// leave at once, are copied.
class RunCompactor {
 public:
  /// Copies go into blocks from `block_source`; null: the library's pool. `payer` pays for them.
  explicit RunCompactor(std::pmr::memory_resource* block_source = nullptr,
                        BlockPayer* payer = nullptr) noexcept
      : block_source_(block_source), payer_(payer) {}

  /// Before an item is pushed that ends the run: compacts the run if it is worth it. Items before
  /// the `first_movable`th ever may be with the stream. Owners that are not needed any more go to
  /// `releases`. Does nothing where the source of blocks throws.
  void end_run(LastRun& run, std::uint64_t first_movable, DeferredReleases& releases) noexcept {
    if (is_wasteful(run.owner, run.bytes, run.items)) {
      end_wasteful(run, first_movable, releases);
    }
  }

  /// Nothing is with the stream, and the first `written` items ever are gone. Compacts what is left
  /// of a run that had to wait.
  void retry(WriteItems& items, std::uint64_t written, DeferredReleases& releases) noexcept {
    if (wasteful_ != nullptr && wasteful_->with_stream.owner != nullptr) {
      retry_run(items, written, releases);
    }
  }

  /// The queue is empty, or has ended: no memory is kept.
  void reset(DeferredReleases& releases) noexcept {
    if (wasteful_ != nullptr) {
      drop_wasteful(releases);
    }
  }

  /// Bytes that have been copied, since this was last called, out of owners that are not paid from
  /// the budget of the copies.
  [[nodiscard]] std::size_t take_discharged() noexcept { return std::exchange(discharged_, 0U); }
  [[nodiscard]] bool has_discharged() const noexcept { return discharged_ != 0; }
  [[nodiscard]] std::pmr::memory_resource* block_source() const noexcept { return block_source_; }
  /// Who pays for copies.
  [[nodiscard]] BlockPayer* payer() const noexcept { return payer_; }

 private:
  // What only a queue needs that has met a run to copy.
  struct Wasteful {
    LastRun with_stream;  // ended while the stream was reading it
    BytesMut gathered;    // where small runs are copied together
  };

  struct GiveBack {
    void operator()(Wasteful* wasteful) const noexcept;
  };

  [[nodiscard]] bool has_wasteful() noexcept;
  void end_wasteful(LastRun& run, std::uint64_t first_movable, DeferredReleases& releases) noexcept;
  void retry_run(WriteItems& items, std::uint64_t written, DeferredReleases& releases) noexcept;
  void compact(const LastRun& run, DeferredReleases& releases) noexcept;
  [[nodiscard]] bool has_gathered(std::size_t bytes, DeferredReleases& releases) noexcept;
  void drop_wasteful(DeferredReleases& releases) noexcept;

  std::pmr::memory_resource* const block_source_;
  BlockPayer* const payer_;
  std::size_t discharged_ = 0;
  std::unique_ptr<Wasteful, GiveBack> wasteful_;
};

}  // namespace bytes_handoff::detail
