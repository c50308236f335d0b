#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::test {

/// What `async_unwritten` gives now; nothing where it would have to wait.
[[nodiscard]] inline std::optional<UnwrittenEntries> unwritten_of(WriteHandoff& out) {
  net::io_context own(1);
  net::cancellation_signal give_up;
  std::optional<UnwrittenEntries> got;
  out.async_unwritten(net::bind_cancellation_slot(
      give_up.slot(),
      net::bind_executor(own.get_executor(), [&](net_error_code error, UnwrittenEntries unwritten) {
        if (!error) {
          got = std::move(unwritten);
        }
      })));
  own.poll();
  if (!got) {
    give_up.emit(net::cancellation_type::total);
    own.restart();
    own.poll();
  }
  return got;
}

/// What `unwritten` has, from behind what was written of the first entry.
[[nodiscard]] inline std::vector<std::string> texts_of(const UnwrittenEntries& unwritten) {
  std::vector<std::string> texts;
  for (const Bytes& entry : unwritten.entries) {
    texts.emplace_back(entry.view().substr(texts.empty() ? unwritten.first_written : 0));
  }
  return texts;
}

}  // namespace bytes_handoff::test
