#pragma once

#include <chrono>
#include <string_view>

namespace stream_harness {

/// Writes `bench_stream_harness: MESSAGE` as one line to standard error, in one piece; on a
/// terminal it takes the place of the progress line. Any thread may call it.
///
/// Never waits for whoever reads standard error. What a full pipe does not take is kept, up to
/// `kMostKeptErrorBytes`, and follows as soon as there is room at a later call. Lines past that are
/// dropped, and a line in their place says how many.
void log_error(std::string_view message);

inline constexpr std::size_t kMostKeptErrorBytes = std::size_t{256} << 10;

/// The same with a line that is complete: it has its newline.
void log_line(std::string_view line);

/// Waits until standard error has taken all lines that are kept, but not for longer than `most`.
void flush_errors(std::chrono::milliseconds most);

/// Shows `text` as the progress line of the terminal that standard error is; empty takes it away.
/// One that the terminal does not take at once is left out.
void show_progress(std::string_view text);

/// Whether standard error is a terminal.
[[nodiscard]] bool progress_is_visible() noexcept;

}  // namespace stream_harness
