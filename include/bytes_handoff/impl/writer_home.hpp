#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "bytes_handoff/detail/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct WriterHome;

/// The homes on one execution context. Some executors must not outlive their context: when that
/// goes, all are emptied, those whose writers have gone before included.
class WriterHomes {
 public:
  void add(WriterHome& home) noexcept;
  void remove(WriterHome& home) noexcept;
  void empty_all() noexcept;

 private:
  void unlink(WriterHome& home) noexcept;

  std::mutex mutex_;
  WriterHome* first_ = nullptr;
};

/// Where handlers run that are bound to no executor. Apart from the writer, so that a ticket keeps
/// no stream open.
struct WriterHome {
  explicit WriterHome(net::any_io_executor on) noexcept : executor(std::move(on)) {}
  WriterHome(const WriterHome&) = delete;
  WriterHome& operator=(const WriterHome&) = delete;
  ~WriterHome() {
    if (homes != nullptr) {
      homes->remove(*this);
    }
  }

  void enter(std::shared_ptr<WriterHomes> of_context) noexcept {
    homes = std::move(of_context);
    homes->add(*this);
  }

  net::any_io_executor executor;  // none once its context is gone

  // The list's, under its lock.
  std::shared_ptr<WriterHomes> homes;
  WriterHome* next = nullptr;
  WriterHome* previous = nullptr;
  bool is_listed = false;
};

inline void WriterHomes::add(WriterHome& home) noexcept {
  const std::lock_guard lock(mutex_);
  home.is_listed = true;
  home.next = first_;
  if (first_ != nullptr) {
    first_->previous = &home;
  }
  first_ = &home;
}

inline void WriterHomes::remove(WriterHome& home) noexcept {
  const std::lock_guard lock(mutex_);
  if (home.is_listed) {
    unlink(home);
  }
}

inline void WriterHomes::empty_all() noexcept {
  const std::lock_guard lock(mutex_);
  while (first_ != nullptr) {
    unlink(*first_);
  }
}

// Under the lock, so that the context waits for an executor that is just going.
inline void WriterHomes::unlink(WriterHome& home) noexcept {
  (home.previous == nullptr ? first_ : home.previous->next) = home.next;
  if (home.next != nullptr) {
    home.next->previous = home.previous;
  }
  home.next = home.previous = nullptr;
  home.is_listed = false;
  home.executor = nullptr;
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
