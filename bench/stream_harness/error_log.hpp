#pragma once

#include <string_view>

namespace stream_harness {

/// Writes `bench_stream_harness: MESSAGE` as one line to standard error, in one piece; on a
/// terminal it takes the place of the progress line. Any thread may call it.
void log_error(std::string_view message);

/// Shows `text` as the progress line of the terminal that standard error is; empty takes it away.
void show_progress(std::string_view text);

/// Whether standard error is a terminal.
[[nodiscard]] bool progress_is_visible() noexcept;

}  // namespace stream_harness
