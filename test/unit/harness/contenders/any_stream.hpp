#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "command_line/options.hpp"

namespace stream_harness {

/// The contenders that run between streams of any kind.
inline std::vector<Implementation> contenders_for_any_stream() {
  std::vector<Implementation> result;
  std::copy_if(kImplementations.begin(), kImplementations.end(), std::back_inserter(result),
               [](Implementation value) { return !needs_sockets(value); });
  return result;
}

}  // namespace stream_harness
