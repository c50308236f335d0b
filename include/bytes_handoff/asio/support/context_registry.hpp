#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/core/support/post_guard.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class ContextRegistry;
struct ContextRegistryReference {
  static void add(ContextRegistry* registry) noexcept;
  static void drop(ContextRegistry* registry) noexcept;
};
using ContextRegistryPointer = CountedPointer<ContextRegistry, ContextRegistryReference>;

/// Something that ends with an execution context: the queue of a stream, for instance. It may
/// outlive the context. It is listed from `enter_context` until `leave_context`, or until the
/// context is destroyed.
class ContextMember : public ListNode {
 public:
  /// Enclosed by it, a thread may post to the context.
  [[nodiscard]] PostGuard& guard() noexcept { return guard_; }

 protected:
  ContextMember() noexcept = default;
  virtual ~ContextMember() = default;

  /// False where the context is being destroyed already. Throws std::bad_alloc.
  [[nodiscard]] bool enter_context(net::execution_context& context);
  /// The context may be gone once this has returned. To be called by a final class, before it
  /// destroys anything: until then the shutdown may call `keep_alive`. That would be a race, if
  /// virtual functions were those of a base meanwhile.
  template <class Self>
  static void leave_context(Self& self) noexcept {
    static_assert(std::is_final_v<Self>, "a base leaves its context too late");
    self.remove_from_context();
  }

  /// What keeps this alive through `end_with_context`. Null if it is being destroyed on another
  /// thread; the shutdown then waits until it has left. A member that counts its own references
  /// returns a pointer that owns nothing, and gives the reference back in `end_with_context`.
  [[nodiscard]] virtual std::shared_ptr<void> keep_alive() noexcept = 0;
  /// The context is being destroyed, and the guard is shut. Called once, outside all locks.
  virtual void end_with_context(const void* context) noexcept = 0;

 private:
  friend class ContextRegistry;

  void remove_from_context() noexcept;

  PostGuard guard_;
  bool is_listed_ = false;  // under the registry's lock
  ContextRegistryPointer registry_;
};

/// The members of one execution context. It outlives the context, for members that do.
class ContextRegistry {
 public:
  [[nodiscard]] bool add(ContextMember& member) noexcept {
    const std::lock_guard lock(mutex_);
    if (is_shut_) {
      return false;
    }
    member.is_listed_ = true;
    members_.push_back(member);
    return true;
  }

  void remove(ContextMember& member) noexcept {
    const std::lock_guard lock(mutex_);
    if (std::exchange(member.is_listed_, false)) {
      members_.remove(member);
    }
  }

  /// Ends all members, those that are added meanwhile included.
  void shut(const void* context) noexcept {
    ContextMember* member = nullptr;
    while (const std::shared_ptr<void> alive = take(member)) {
      member->end_with_context(context);
    }
  }

 private:
  friend ContextRegistryReference;

  // Takes one out and keeps it alive; null when there is none left.
  [[nodiscard]] std::shared_ptr<void> take(ContextMember*& member) noexcept {
    std::unique_lock lock(mutex_);
    is_shut_ = true;
    while ((member = members_.front()) != nullptr) {
      if (auto alive = member->keep_alive()) {
        members_.remove(*member);
        member->is_listed_ = false;
        member->guard_.shut();
        return alive;
      }
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    return nullptr;
  }

  std::mutex mutex_;
  IntrusiveList<ContextMember> members_;
  bool is_shut_ = false;
  std::atomic<std::size_t> references_{0};
};

inline void ContextRegistryReference::add(ContextRegistry* registry) noexcept {
  registry->references_.fetch_add(1, std::memory_order_relaxed);
}
inline void ContextRegistryReference::drop(ContextRegistry* registry) noexcept {
  if (registry->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete registry;
  }
}

/// Ends the members of its context with it.
class ContextService final : public net::execution_context::service {
 public:
  using key_type = ContextService;
  inline static net::execution_context::id id;

  explicit ContextService(net::execution_context& context)
      : net::execution_context::service(context), registry_(new ContextRegistry) {}

  [[nodiscard]] const ContextRegistryPointer& registry() const noexcept { return registry_; }

 private:
  void shutdown() override { registry_->shut(&context()); }

  ContextRegistryPointer registry_;
};

inline bool ContextMember::enter_context(net::execution_context& context) {
  registry_ = net::use_service<ContextService>(context).registry();
  if (registry_->add(*this)) {
    return true;
  }
  guard_.shut();
  return false;
}

inline void ContextMember::remove_from_context() noexcept {
  if (registry_) {
    registry_->remove(*this);
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
