#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace programs {

/// Lines on standard error: a few a second, of bounded length, and never waiting.
///
/// What is too much is counted, and told with the next line. So is what a reader does not take: a
/// standard error that nobody reads stops nothing. Not for several threads.
class Log {
 public:
  /// Lines a second.
  static constexpr std::size_t kMostLines = 50;
  /// Bytes of a line, with its newline. Less than what a pipe takes at once.
  static constexpr std::size_t kLongestLine = 1024;

  /// SIGPIPE is ignored from then on: a reader may go away.
  explicit Log(std::string program);

  /// Prints `PROGRAM: text`, if it may. Bytes of strangers in it must have been escaped.
  void line(std::string_view text);

  /// For a line that there was no memory for.
  void leave_out() noexcept { ++left_out_; }

  /// Lines that were not printed.
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  [[nodiscard]] bool may_print();
  [[nodiscard]] bool print(std::string_view text) const;

  std::string program_;
  std::chrono::steady_clock::time_point second_{};  // that lines are counted in
  std::size_t lines_ = 0;                           // in it
  std::uint64_t left_out_ = 0;
  std::uint64_t told_ = 0;  // of those
};

}  // namespace programs
