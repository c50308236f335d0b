#pragma once

// Which code is the library's own, seen from its allocations, and which of these fails. Nothing
// but a program that interposes below `operator new` looks at it.

#include <cstddef>
#include <limits>
#include <utility>

namespace bytes_handoff::test {

struct LibraryAllocations {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  bool in_library = false;
  std::size_t made = 0;             ///< by the library, failed ones included
  std::size_t first_fails = kNone;  ///< the first that fails
  std::size_t last_fails = 0;       ///< the last that does
};

inline constinit thread_local LibraryAllocations library_allocations{};

/// Code of the library runs while this lives, a handler's or a stream's own code inside of it
/// excepted.
class InLibrary {
 public:
  explicit InLibrary(bool in_library = true) noexcept
      : before_(std::exchange(library_allocations.in_library, in_library)) {}
  InLibrary(const InLibrary&) = delete;
  InLibrary& operator=(const InLibrary&) = delete;
  ~InLibrary() { library_allocations.in_library = before_; }

 private:
  bool before_;
};

class OutsideLibrary : InLibrary {
 public:
  OutsideLibrary() noexcept : InLibrary(false) {}
};

}  // namespace bytes_handoff::test
