#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/impl/duplex_op_memory.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class DuplexLink;
class DuplexRegistry;

enum class DuplexSide : unsigned char { kFirst, kSecond };

/// What a link keeps for one of its ends.
struct DuplexEnd {
  DuplexLink* link = nullptr;
  DuplexSide side = DuplexSide::kFirst;
  std::shared_ptr<DuplexRegistry> registry;  ///< That of the end's execution context.
  DuplexEnd* next = nullptr;                 ///< Neighbours in the registry, under its lock.
  DuplexEnd* previous = nullptr;
  bool registered = false;              ///< Under the registry's lock.
  std::atomic<unsigned> deliveries{0};  ///< The other end's threads that are posting to this one.
  DuplexOpMemory read_memory;
  DuplexOpMemory write_memory;
  DuplexOpMemory read_wait_memory;
  DuplexOpMemory write_wait_memory;
};

/// The ends whose executors belong to one execution context, so that what they have parked is
/// destroyed with it. Shared with the ends, which may outlive the context. Lock order: a registry,
/// then a link.
class DuplexRegistry {
 public:
  /// False when the context is being destroyed.
  bool add(DuplexEnd& end) {
    const std::lock_guard lock(mutex_);
    if (shut_) return false;
    end.registered = true;
    end.previous = nullptr;
    end.next = first_;
    if (first_ != nullptr) first_->previous = &end;
    first_ = &end;
    return true;
  }

  void remove(DuplexEnd& end) noexcept {
    const std::lock_guard lock(mutex_);
    if (end.registered) unlink(end);
  }

  /// Closes every end; what it has parked is destroyed uninvoked, and its peers are told.
  void shut() noexcept;

 private:
  /// Takes an end out. Its stream object cannot go away meanwhile, since that calls `remove` first:
  /// so the link is alive, and stays so through the pointer that is returned.
  std::shared_ptr<DuplexLink> take_first(DuplexSide& side) noexcept;

  void unlink(DuplexEnd& end) noexcept {
    (end.previous == nullptr ? first_ : end.previous->next) = end.next;
    if (end.next != nullptr) end.next->previous = end.previous;
    end.registered = false;
  }

  std::mutex mutex_;
  DuplexEnd* first_ = nullptr;
  bool shut_ = false;
};

/// Ties a registry to the life of its execution context.
class DuplexService final : public net::execution_context::service {
 public:
  using key_type = DuplexService;
  inline static net::execution_context::id id;

  explicit DuplexService(net::execution_context& context)
      : net::execution_context::service(context), registry_(std::make_shared<DuplexRegistry>()) {}

  const std::shared_ptr<DuplexRegistry>& registry() const noexcept { return registry_; }

 private:
  void shutdown() override { registry_->shut(); }

  std::shared_ptr<DuplexRegistry> registry_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
