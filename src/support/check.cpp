#include "bytes_handoff/core/support/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace bytes_handoff {

void detail::check_failed(const char* wrong) noexcept {
  std::fprintf(stderr, "bytes_handoff: %s\n", wrong);
  std::abort();
}

}  // namespace bytes_handoff
