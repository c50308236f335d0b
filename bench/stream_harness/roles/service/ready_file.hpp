#pragma once

#include <string>
#include <string_view>

namespace stream_harness {

/// Writes `text` and a newline to the file at `path`, or in its place: whoever sees the file sees
/// all of it. Goes through a file `PATH.PID.tmp` beside it, which is not left behind. The error is
/// one line; empty where all went well.
[[nodiscard]] std::string write_ready_file(const std::string& path, std::string_view text);

}  // namespace stream_harness
