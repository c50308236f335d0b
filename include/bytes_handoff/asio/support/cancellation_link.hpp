#pragma once

#include <new>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/memory/reference_count.hpp"
#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Leads from a handler's cancellation slot to its operation, while both exist. A signal may be
/// emitted after the operation has gone with its context, and a signal may go first. Each side uses
/// its half on the handler's executor, or on the thread that destroys the context.
class CancellationLink {
 public:
  CancellationLink() noexcept = default;
  CancellationLink(CancellationLink&& other) noexcept
      : shared_(std::exchange(other.shared_, nullptr)) {}
  CancellationLink& operator=(CancellationLink&&) = delete;
  ~CancellationLink() { cut(); }

  /// From now on a cancellation of any type calls `operation.cancel()`, or `operation.cancel(type)`
  /// where it has that. Throws std::bad_alloc.
  template <class Operation, class Slot>
  void connect(Operation& operation, Slot slot) {
    shared_ = ::new (pool_allocate_small(sizeof(Shared))) Shared;
    shared_->cancel = [](void* of, net::cancellation_type_t type) {
      auto& cancelled = *static_cast<Operation*>(of);
      if constexpr (requires { cancelled.cancel(type); }) {
        cancelled.cancel(type);
      } else {
        cancelled.cancel();
      }
    };
    shared_->operation = &operation;
    slot.template emplace<InSlot>(shared_);
  }

  [[nodiscard]] bool is_connected() const noexcept { return shared_ != nullptr; }

  /// The operation listens no more. The slot is not touched, since its signal may be gone.
  void cut() noexcept {
    if (shared_ != nullptr) {
      shared_->operation = nullptr;
      std::exchange(shared_, nullptr)->release();
    }
  }

 private:
  struct Shared {
    void release() noexcept {
      if (references.release(1)) {
        this->~Shared();
        pool_deallocate_small(this, sizeof(Shared));
      }
    }

    void* operation = nullptr;
    void (*cancel)(void*, net::cancellation_type_t) = nullptr;
    ReferenceCount<StdSync, unsigned> references{1};
  };

  class InSlot {
   public:
    explicit InSlot(Shared* shared) noexcept : shared_(shared) { shared_->references.add(1); }
    InSlot(const InSlot&) = delete;
    InSlot& operator=(const InSlot&) = delete;
    ~InSlot() { shared_->release(); }
    void operator()(net::cancellation_type_t type) {
      if (type != net::cancellation_type::none && shared_->operation != nullptr) {
        shared_->cancel(shared_->operation, type);
      }
    }

   private:
    Shared* shared_;
  };

  Shared* shared_ = nullptr;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
